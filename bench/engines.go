// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// What a user of an engine waits for. The engines run already, and have an
// image "box": see bench/engines.

var engineRows = []row{
	{"docker run --rm", throughDocker("run")},
	{"docker run --rm --net none", throughDocker("run", "--net", "none")},
	{"docker exec", (*bencher).dockerExec},
	{"podman run --rm", throughPodman("run")},
	{"podman run --rm --net none", throughPodman("run", "--net", "none")},
	{"podman exec", (*bencher).podmanExec},
	{"ctr run --rm", (*bencher).ctrRun},
}

func (b *bencher) engines() error {
	b.peers = []string{"crun", "runc"}
	b.heading("median / p95 in ms", b.runtimes, []string{"kist : crun", "kist : runc"})
	if err := b.each(engineRows); err != nil {
		return err
	}
	b.footnotes()
	return nil
}

// through measures one command per runtime; it is given the runtime's name.
func (b *bencher) through(name string, runtimes []string, command func(runtime string) []string) {
	var tasks []task
	for _, r := range runtimes {
		tasks = append(tasks, task{runtime: r, steps: [][]string{command(r)}})
	}
	b.times("`"+name+"`", b.interleave(tasks, max(7, *rounds/2)))
}

func throughDocker(run string, flags ...string) func(*bencher, string) error {
	return func(b *bencher, name string) error {
		b.through(name, b.runtimes, func(r string) []string {
			return append(append([]string{"docker", run, "--rm", "--runtime", r}, flags...), "box", "/bin/true")
		})
		return nil
	}
}

// cgroupParent keeps what engines make of cgroups where it will be removed.
func (b *bencher) cgroupParent() string { return "/" + b.prefix + "-podman" }

func throughPodman(run string, flags ...string) func(*bencher, string) error {
	return func(b *bencher, name string) error {
		b.through(name, b.runtimes, func(r string) []string {
			return append(append([]string{"podman", "--cgroup-manager", "cgroupfs", "--runtime", b.path[r], run, "--rm",
				"--cgroup-parent", b.cgroupParent()}, flags...), "box", "/bin/true")
		})
		return nil
	}
}

// staying starts a container with every runtime, measures what is done in it,
// and removes it.
func (b *bencher) staying(name string, start, do func(runtime, id string) []string, remove ...string) error {
	defer func() {
		for _, r := range b.runtimes {
			_ = quiet(append(remove, b.id(r))...)
		}
	}()
	var started []string
	for _, r := range b.runtimes {
		if err := quiet(start(r, b.id(r))...); err != nil {
			b.leftOut(r, err)
			continue
		}
		started = append(started, r)
	}
	b.through(name, started, func(r string) []string { return do(r, b.id(r)) })
	return nil
}

func (b *bencher) dockerExec(name string) error {
	return b.staying(name, func(r, id string) []string {
		return []string{"docker", "run", "--detach", "--runtime", r, "--name", id, "box", "sleep", "100000"}
	}, func(_, id string) []string {
		return []string{"docker", "exec", id, "/bin/true"}
	}, "docker", "rm", "--force")
}

func (b *bencher) podmanExec(name string) error {
	podman := func(r string, args ...string) []string {
		return append([]string{"podman", "--cgroup-manager", "cgroupfs", "--runtime", b.path[r]}, args...)
	}
	return b.staying(name, func(r, id string) []string {
		return podman(r, "run", "--detach", "--cgroup-parent", b.cgroupParent(), "--name", id, "box", "sleep", "100000")
	}, func(r, id string) []string {
		return podman(r, "exec", id, "/bin/true")
	}, podman("kist", "rm", "--force", "--time", "0")...)
}

func (b *bencher) ctrRun(name string) error {
	b.through(name, b.runtimes, func(r string) []string {
		id := b.id("ctr-" + r)
		return []string{"ctr", "run", "--rm", "--runc-binary", b.path[r], "--cgroup", fmt.Sprintf("/%s/%s", b.prefix, id),
			"docker.io/library/box:latest", id, "/bin/true"}
	})
	return nil
}
