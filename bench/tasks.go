// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// bench is one view's measurements: bundles below /run, runtimes found.
type bench struct {
	view     string
	rootfs   string
	runtimes []string // in the order of the table
	path     map[string]string
}

func newBench(view string) (*bench, error) {
	b := &bench{view: view, rootfs: "/run/bench/rootfs", path: map[string]string{}}
	for _, dir := range []string{"bin", "proc", "sys", "dev", "tmp", "etc"} {
		if err := os.MkdirAll(filepath.Join(b.rootfs, dir), 0o755); err != nil {
			return nil, err
		}
	}
	if err := run("cp", *busy, b.rootfs+"/bin/busybox"); err != nil {
		return nil, err
	}
	for _, applet := range []string{"true", "sh", "sleep"} {
		if err := os.Symlink("busybox", b.rootfs+"/bin/"+applet); err != nil {
			return nil, err
		}
	}
	for name, path := range map[string]string{"kist": *kist, "crun": "crun", "runc": "runc"} {
		if abs, err := absolute(path); err == nil {
			b.path[name] = abs
		}
	}
	for _, name := range []string{"kist", "crun", "runc"} {
		if b.path[name] != "" {
			b.runtimes = append(b.runtimes, name)
		}
	}
	if b.path["kist"] == "" {
		return nil, errors.New("no kist to measure")
	}
	fmt.Printf("\n| cgroup | measurement | | median ms | p95 ms | of crun | peak KiB |\n|---|---|---|---:|---:|---:|---:|\n")
	return b, nil
}

// bundle writes a bundle: the default configuration, changed by edit.
func (b *bench) bundle(name string, edit func(map[string]any)) (string, error) {
	dir := "/run/bench/" + name
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	_ = os.Remove(dir + "/config.json")
	if err := run(b.path["kist"], "spec", "--bundle", dir); err != nil {
		return "", err
	}
	data, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		return "", err
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		return "", err
	}
	c["ociVersion"] = "1.0.2" // the newest that Debian's crun takes
	c["root"].(map[string]any)["path"] = b.rootfs
	p := c["process"].(map[string]any)
	p["terminal"], p["args"] = false, []string{"/bin/true"}
	if edit != nil {
		edit(c)
	}
	if data, err = json.Marshal(c); err != nil {
		return "", err
	}
	return dir, os.WriteFile(dir+"/config.json", data, 0o644)
}

func (b *bench) all(only *regexp.Regexp) error {
	for _, m := range []struct {
		name string
		do   func(string) error
	}{
		{"run", b.run},
		{"exec", b.exec},
		{"create+start+delete", b.three},
		{"state", b.state},
		{"run, seccomp profile, cached", b.seccomp},
		{"run, seccomp profile, cold", b.seccompCold},
		{"run, 10 mounts", b.mounts(10)},
		{"run, 100 mounts", b.mounts(100)},
		{"run, 1000 mounts", b.mounts(1000)},
		{"50 creates at once", b.parallel},
		{"1000 containers", b.thousand},
		{"smallest memory limit", b.memory},
		{"size of the image exec'd in the container", b.size},
	} {
		if !only.MatchString(m.name) {
			continue
		}
		if err := m.do(m.name); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func (b *bench) runTasks(bundle string) []task {
	var tasks []task
	for _, r := range b.runtimes {
		tasks = append(tasks, task{runtime: r, steps: [][]string{{b.path[r], "run", "--bundle", bundle, "bench-" + r}}})
	}
	return tasks
}

func (b *bench) run(name string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	tasks := b.runTasks(bundle)
	order := append([]string{}, b.runtimes...)
	if *floor != "" {
		tasks = append(tasks, task{runtime: "floor", steps: [][]string{{*floor, b.rootfs, "bench-floor", "/bin/true"}}})
		order = append(order, "floor")
	}
	if lxc, err := exec.LookPath("lxc-execute"); err == nil && b.view == "v1" {
		conf := "/run/bench/lxc.conf"
		if err := os.MkdirAll("/run/bench/lxc", 0o755); err != nil {
			return err
		}
		text := "lxc.rootfs.path = dir:" + b.rootfs + "\nlxc.uts.name = bench\nlxc.mount.auto = proc:mixed sys:ro\nlxc.net.0.type = empty\n"
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			return err
		}
		tasks = append(tasks, task{runtime: "lxc-execute", steps: [][]string{{lxc, "-P", "/run/bench/lxc", "-n", "bench-lxc", "-f", conf, "--", "/bin/true"}}})
		order = append(order, "lxc-execute")
	}
	row(b.view, name, order, interleave(tasks, *rounds))
	return nil
}

// sleeping starts a container that stays, with every runtime.
func (b *bench) sleeping() (func(), error) {
	bundle, err := b.bundle("sleep", func(c map[string]any) {
		c["process"].(map[string]any)["args"] = []string{"/bin/sleep", "100000"}
	})
	if err != nil {
		return nil, err
	}
	for _, r := range b.runtimes {
		if _, err := quiet([]string{b.path[r], "run", "--detach", "--bundle", bundle, "stay-" + r}); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s is left out: %v\n", r, err) // and again by interleave, for its tasks
		}
	}
	return func() {
		for _, r := range b.runtimes {
			_, _ = quiet([]string{b.path[r], "delete", "--force", "stay-" + r})
		}
	}, nil
}

func (b *bench) exec(name string) error {
	stop, err := b.sleeping()
	if err != nil {
		return err
	}
	defer stop()
	var tasks []task
	for _, r := range b.runtimes {
		tasks = append(tasks, task{runtime: r, steps: [][]string{{b.path[r], "exec", "stay-" + r, "/bin/true"}}})
	}
	row(b.view, name, b.runtimes, interleave(tasks, *rounds))
	return nil
}

func (b *bench) state(name string) error {
	stop, err := b.sleeping()
	if err != nil {
		return err
	}
	defer stop()
	var tasks []task
	for _, r := range b.runtimes {
		tasks = append(tasks, task{runtime: r, steps: [][]string{{b.path[r], "state", "stay-" + r}}})
	}
	row(b.view, name, b.runtimes, interleave(tasks, *rounds))
	return nil
}

func (b *bench) three(name string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	var tasks []task
	for _, r := range b.runtimes {
		id := "bench-" + r
		tasks = append(tasks, task{runtime: r, steps: [][]string{
			{b.path[r], "create", "--bundle", bundle, id},
			{b.path[r], "start", id},
			{b.path[r], "delete", "--force", id},
		}})
	}
	row(b.view, name, b.runtimes, interleave(tasks, *rounds))
	return nil
}

func (b *bench) seccompBundle() (string, error) {
	return b.bundle("seccomp", func(c map[string]any) {
		c["linux"].(map[string]any)["seccomp"] = engineProfile()
	})
}

func (b *bench) seccomp(name string) error {
	bundle, err := b.seccompBundle()
	if err != nil {
		return err
	}
	row(b.view, name, b.runtimes, interleave(b.runTasks(bundle), *rounds))
	return nil
}

// seccompCold takes the caches away before each run.
func (b *bench) seccompCold(name string) error {
	bundle, err := b.seccompBundle()
	if err != nil {
		return err
	}
	tasks := b.runTasks(bundle)
	for i := range tasks {
		tasks[i].after = [][]string{{"rm", "-rf", "/run/kist/.cache", "/run/crun/.cache"}}
	}
	row(b.view, name, b.runtimes, interleave(tasks, *rounds))
	return nil
}

func (b *bench) mounts(n int) func(string) error {
	return func(name string) error {
		bundle, err := b.bundle("mounts"+strconv.Itoa(n), func(c map[string]any) {
			list := c["mounts"].([]any)
			for i := range n {
				dir := fmt.Sprintf("%s/mnt/%d", b.rootfs, i)
				_ = os.MkdirAll(dir, 0o755)
				list = append(list, map[string]any{"destination": fmt.Sprintf("/mnt/%d", i), "type": "bind",
					"source": "/run/bench/rootfs/etc", "options": []string{"rbind", "ro", "nosuid"}})
			}
			c["mounts"] = list
		})
		if err != nil {
			return err
		}
		row(b.view, name, b.runtimes, interleave(b.runTasks(bundle), max(5, *rounds/3)))
		return nil
	}
}

// parallel creates fifty containers at once, and takes them away again.
func (b *bench) parallel(name string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	got := map[string][]sample{}
	for range 5 {
		for _, r := range b.runtimes {
			var wg sync.WaitGroup
			begin := time.Now()
			errs := make([]error, 50)
			for i := range errs {
				wg.Go(func() {
					_, errs[i] = quiet([]string{b.path[r], "create", "--bundle", bundle, fmt.Sprintf("many-%s-%d", r, i)})
				})
			}
			wg.Wait()
			got[r] = append(got[r], sample{wall: time.Since(begin)})
			for i := range errs {
				_, _ = quiet([]string{b.path[r], "delete", "--force", fmt.Sprintf("many-%s-%d", r, i)})
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
		}
	}
	row(b.view, name, b.runtimes, got)
	return nil
}

// thousand measures with many containers that exist.
func (b *bench) thousand(name string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	const n = 1000
	for _, r := range b.runtimes {
		for i := range n {
			if _, err := quiet([]string{b.path[r], "create", "--bundle", bundle, fmt.Sprintf("full-%s-%d", r, i)}); err != nil {
				return err
			}
		}
		id := "bench-" + r
		for what, t := range map[string]task{
			"list":   {runtime: r, steps: [][]string{{b.path[r], "list"}}},
			"state":  {runtime: r, steps: [][]string{{b.path[r], "state", "full-" + r + "-500"}}},
			"create": {runtime: r, steps: [][]string{{b.path[r], "create", "--bundle", bundle, id}}, after: [][]string{{b.path[r], "delete", "--force", id}}},
		} {
			row(b.view, name+": "+what, []string{r}, interleave([]task{t}, max(5, *rounds/3)))
		}
		for i := range n {
			_, _ = quiet([]string{b.path[r], "delete", "--force", fmt.Sprintf("full-%s-%d", r, i)})
		}
	}
	return nil
}
