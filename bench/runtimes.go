// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// runtimeRows are the measurements below a command line.
var runtimeRows = []row{
	{"start of the program (`--version`)", (*bencher).version},
	{"run", (*bencher).run},
	{"exec", (*bencher).exec},
	{"create + start + delete", (*bencher).three},
	{"state", (*bencher).state},
	{"run, seccomp profile, cached", (*bencher).seccomp},
	{"run, seccomp profile, cold", (*bencher).seccompCold},
	{"run, 10 mounts", mounts(10)},
	{"run, 100 mounts", mounts(100)},
	{"run, 1000 mounts", mounts(1000)},
	{"run, device rules", (*bencher).devices},
	{"50 creates at once", (*bencher).fifty},
	{"1000 containers", (*bencher).thousand},
}

func (b *bencher) id(runtime string) string { return b.prefix + "-" + runtime }

// remove takes a container away, whatever its state.
func (b *bencher) remove(runtime, id string) func() {
	return func() { _ = quiet(b.path[runtime], "delete", "--force", id) }
}

// each runtime runs the bundle.
func (b *bencher) runs(bundle string) []task {
	var tasks []task
	for _, r := range b.runtimes {
		tasks = append(tasks, task{runtime: r, steps: [][]string{{b.path[r], "run", "--bundle", bundle, b.id(r)}}})
	}
	return tasks
}

// floorRuns is bench/floor.c in the place of a runtime.
func (b *bencher) floorRuns(mounts int) task {
	return task{runtime: "floor", steps: [][]string{
		{*tools + "/floor", "run", b.rootfs, b.id("floor"), "/bin/true", strconv.Itoa(mounts)}}}
}

// lxc is the path of lxc-execute, where it is and can be used.
func (b *bencher) lxc() string {
	path, err := exec.LookPath("lxc-execute")
	if err != nil || b.view != "v1" {
		return ""
	}
	return path
}

// version is what a program costs before it does anything.
func (b *bencher) version(name string) error {
	var tasks []task
	for _, r := range b.runtimes {
		tasks = append(tasks, task{runtime: r, steps: [][]string{{b.path[r], "--version"}}})
	}
	if lxc := b.lxc(); lxc != "" {
		tasks = append(tasks, task{runtime: "lxc-execute", steps: [][]string{{lxc, "--version"}}})
	}
	b.times(name, b.interleave(tasks, *rounds))
	return nil
}

func (b *bencher) run(name string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	tasks := append(b.runs(bundle), b.floorRuns(0))
	if lxc := b.lxc(); lxc != "" {
		conf := "/run/bench/lxc.conf"
		if err := os.MkdirAll("/run/bench/lxc", 0o755); err != nil {
			return err
		}
		text := "lxc.rootfs.path = dir:" + b.rootfs + "\nlxc.uts.name = bench\nlxc.mount.auto = proc:mixed sys:ro\nlxc.net.0.type = empty\n"
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			return err
		}
		tasks = append(tasks, task{runtime: "lxc-execute", steps: [][]string{
			{lxc, "-P", "/run/bench/lxc", "-n", b.id("lxc"), "-f", conf, "--", "/bin/true"}}})
	}
	b.times(name, b.interleave(tasks, *rounds), budget{"crun", 0.65}, budget{"floor", 1.6})
	return nil
}

// devices: on v2 the filter of devices is a program for the kernel, which not
// every runtime may load everywhere; the other rows are without it there.
func (b *bencher) devices(name string) error {
	if b.view != "v2" {
		return nil
	}
	b.deviceRules = true
	defer func() { b.deviceRules = false }()
	bundle, err := b.bundle("devices", nil)
	if err != nil {
		return err
	}
	b.times(name, b.interleave(b.runs(bundle), *rounds))
	return nil
}

// sleeping starts a container that stays, with every runtime, and gives those
// that did and how to end them.
func (b *bencher) sleeping() ([]string, func(), error) {
	bundle, err := b.bundle("sleep", func(c map[string]any) { setArgs(c, "/bin/sleep", "100000") })
	if err != nil {
		return nil, nil, err
	}
	var started []string
	for _, r := range b.runtimes {
		if err := quiet(b.path[r], "run", "--detach", "--bundle", bundle, b.id(r)); err != nil {
			b.leftOut(r, err)
			b.remove(r, b.id(r))()
			continue
		}
		started = append(started, r)
	}
	return started, func() {
		for _, r := range started {
			b.remove(r, b.id(r))()
		}
	}, nil
}

// pid asks a runtime for a container's first process.
func (b *bencher) pid(runtime, id string) (string, error) {
	out, err := exec.Command(b.path[runtime], "state", id).Output()
	if err != nil {
		return "", err
	}
	var s struct{ Pid int }
	if err := json.Unmarshal(out, &s); err != nil {
		return "", err
	}
	if s.Pid == 0 {
		return "", errors.New("state: no pid")
	}
	return strconv.Itoa(s.Pid), nil
}

func (b *bencher) exec(name string) error {
	started, stop, err := b.sleeping()
	if err != nil {
		return err
	}
	defer stop()
	var tasks []task
	for _, r := range started {
		tasks = append(tasks, task{runtime: r, steps: [][]string{{b.path[r], "exec", b.id(r), "/bin/true"}}})
	}
	pid, err := b.pid("kist", b.id("kist"))
	if err != nil {
		return err
	}
	tasks = append(tasks, task{runtime: "floor", steps: [][]string{{*tools + "/floor", "exec", b.id("kist"), pid, "/bin/true"}}})
	b.times(name, b.interleave(tasks, *rounds), budget{"crun", 0.65})
	return nil
}

func (b *bencher) state(name string) error {
	started, stop, err := b.sleeping()
	if err != nil {
		return err
	}
	defer stop()
	var tasks []task
	for _, r := range started {
		tasks = append(tasks, task{runtime: r, steps: [][]string{{b.path[r], "state", b.id(r)}}})
	}
	b.times(name, b.interleave(tasks, *rounds), budget{"crun", 0.8})
	return nil
}

func (b *bencher) three(name string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	var tasks []task
	for _, r := range b.runtimes {
		tasks = append(tasks, task{runtime: r, steps: [][]string{
			{b.path[r], "create", "--bundle", bundle, b.id(r)},
			{b.path[r], "start", b.id(r)},
			{b.path[r], "delete", "--force", b.id(r)},
		}})
	}
	b.times(name, b.interleave(tasks, *rounds), budget{"crun", 0.75})
	return nil
}

func (b *bencher) seccompBundle() (string, error) {
	return b.bundle("seccomp", func(c map[string]any) { c["linux"].(map[string]any)["seccomp"] = engineProfile() })
}

func (b *bencher) seccomp(name string) error {
	bundle, err := b.seccompBundle()
	if err != nil {
		return err
	}
	b.times(name, b.interleave(b.runs(bundle), *rounds), budget{"crun", 0.65})
	return nil
}

// seccompCold takes the caches away after each run.
func (b *bencher) seccompCold(name string) error {
	bundle, err := b.seccompBundle()
	if err != nil {
		return err
	}
	tasks := b.runs(bundle)
	for i := range tasks {
		tasks[i].after = func() { _ = quiet("rm", "-rf", "/run/kist/.cache", "/run/crun/.cache") }
	}
	tasks[0].after() // what the row before has left
	b.times(name, b.interleave(tasks, *rounds))
	return nil
}

func mounts(n int) func(*bencher, string) error {
	return func(b *bencher, name string) error {
		bundle, err := b.bundle("mounts"+strconv.Itoa(n), func(c map[string]any) {
			list := c["mounts"].([]any)
			for i := range n {
				_ = os.MkdirAll(fmt.Sprintf("%s/mnt/%d", b.rootfs, i), 0o755)
				list = append(list, map[string]any{"destination": fmt.Sprintf("/mnt/%d", i), "type": "bind",
					"source": b.rootfs + "/etc", "options": []string{"rbind", "ro", "nosuid"}})
			}
			c["mounts"] = list
		})
		if err != nil {
			return err
		}
		b.times(name, b.interleave(append(b.runs(bundle), b.floorRuns(n)), max(7, *rounds/3)))
		return nil
	}
}
