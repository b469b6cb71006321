// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The benchmarks compare kist's share of a container's life with the plain
// system calls. Run them as root in namespaces of their own:
//
//	go test -c -o cg.test . && unshare -mpf --mount-proc --propagation private ./cg.test -test.run '^$' -test.bench .
//
// and for v2 after "umount -l /sys/fs/cgroup; mount -t cgroup2 none
// /sys/fs/cgroup" in there.

func benchCgroup(b *testing.B) *Cgroup {
	b.Helper()
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	c, err := New(Config{ID: "kist-test-bench", Resources: &specs.LinuxResources{}})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		benchCgroup(b)
	}
}

// BenchmarkMkdirRmdir is the floor: the directories and nothing else.
func BenchmarkMkdirRmdir(b *testing.B) {
	c := benchCgroup(b)
	for b.Loop() {
		for i := range c.dirs {
			if err := unix.Mkdir(c.dirs[i].path, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		for i := range c.dirs {
			if err := unix.Rmdir(c.dirs[i].path); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkCreateDestroy(b *testing.B) {
	for b.Loop() {
		c := benchCgroup(b)
		if err := errors.Join(c.Create(), c.Destroy()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateSetDestroy(b *testing.B) {
	for b.Loop() {
		c := benchCgroup(b)
		if err := errors.Join(c.Create(), c.Set(), c.Destroy()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFrozen(b *testing.B) {
	c := benchCgroup(b)
	if err := c.Create(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Frozen(); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Destroy(); err != nil {
		b.Fatal(err)
	}
}
