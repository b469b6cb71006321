// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenSub: --cgroup reaches what is below the container's cgroup, and
// nothing else.
func TestOpenSub(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		// A sibling whose name begins like the container's.
		evil := create(t, Config{ID: c.cfg.ID + "-evil"})
		for i := range c.dirs {
			for _, p := range []string{c.dirs[i].path + "/sub/deep", evil.dirs[i].path + "/sub"} {
				if err := os.MkdirAll(p, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			// What makes sub-cgroups on v1 has to fill cpusets itself.
			if d := c.dirs[i]; d.controller == "cpuset" {
				for _, sub := range []string{"/sub", "/sub/deep"} {
					d.path = c.dirs[i].path + sub
					if err := fillCpuset(&d, true); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		base := c.cfg.ID
		for _, bad := range []string{
			"../" + base + "-evil", "/../" + base + "-evil", "sub/../../" + base + "-evil", "..", "/..", "", "nowhere", "sub/nowhere", "sub\x00", "sub\n",
		} {
			if target, err := c.OpenSub([]string{bad}); err == nil {
				t.Errorf("%q was accepted", bad)
				target.Close()
			}
		}
		if c.mode == V2 {
			for _, bad := range [][]string{{"memory:sub"}, {"sub", "sub"}, {":sub"}} {
				if _, err := c.OpenSub(bad); err == nil {
					t.Errorf("%q was accepted", bad)
				}
			}
		} else if _, err := c.OpenSub([]string{"nonsense:sub"}); err == nil {
			t.Error("an unknown controller was accepted")
		}
		for in, want := range map[string]string{".": "", "/": "", "sub": "/sub", "/sub": "/sub", "sub/": "/sub", "sub/deep": "/sub/deep"} {
			joins(t, c, []string{in}, func(*dir) string { return want })
		}
		joins(t, c, nil, func(*dir) string { return "" })
		if c.mode != V2 {
			joins(t, c, []string{"memory,pids:sub/deep", "cpu:sub"}, func(d *dir) string {
				switch d.controller {
				case "memory", "pids":
					return "/sub/deep"
				case "cpu":
					return "/sub"
				}
				return ""
			})
		}
	})
}

// joins opens a target, attaches a process and compares where it is.
func joins(t *testing.T, c *Cgroup, where []string, want func(*dir) string) {
	t.Helper()
	target, err := c.OpenSub(where)
	if err != nil {
		t.Errorf("%q: %v", where, err)
		return
	}
	defer target.Close()
	if (target.Fd() >= 0) != (c.unified() != nil) {
		t.Errorf("%q: fd %d", where, target.Fd())
	}
	p, _ := spawn(t, "")
	defer func() { _ = p.Process.Kill(); p.killedBy(t) }()
	if err := target.Attach(p.Process.Pid); err != nil {
		t.Errorf("%q: %v", where, err)
		return
	}
	got, err := processCgroups("/proc/" + itoa(p.Process.Pid) + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.dirs {
		if d := &c.dirs[i]; got[d.controller] != d.relative()+want(d) {
			t.Errorf("%q: controller %q: in %q, want %q", where, d.controller, got[d.controller], d.relative()+want(d))
		}
	}
}

// TestInitTarget: with controllers passed on to a sub-cgroup, the container's
// own cgroup takes no process, and exec follows init.
func TestInitTarget(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		p, _ := spawn(t, "")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		if c.mode != V2 {
			target, err := c.InitTarget(p.Process.Pid)
			if err != nil || len(target.Tasks()) == 0 {
				t.Errorf("v1: %v", err)
			}
			target.Close()
			return
		}
		inner := c.dirs[0].path + "/init.scope"
		if err := os.Mkdir(inner, 0o755); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, itoa(p.Process.Pid), inner, "cgroup.procs")
		controllers := strings.Fields(mustRead(t, c.dirs[0].path, "cgroup.controllers"))
		if len(controllers) == 0 {
			t.Skip("no v2 controllers here")
		}
		mustWrite(t, "+"+controllers[0], c.dirs[0].path, "cgroup.subtree_control")
		q, _ := spawn(t, "")
		own, err := c.ExecTarget()
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		if err := own.Attach(q.Process.Pid); !isBusy(err) {
			t.Errorf("attach to a cgroup with controllers below: %v, want EBUSY", err)
		}
		target, err := c.InitTarget(p.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		if err := target.Attach(q.Process.Pid); err != nil {
			t.Error(err)
		}
		if pids, _ := pidsOf(inner); len(pids) != 2 {
			t.Errorf("processes beside init: %v", pids)
		}
		mustWrite(t, itoa(p.Process.Pid), mountRoot, "cgroup.procs")
		if _, err := c.InitTarget(p.Process.Pid); err == nil {
			t.Error("init outside of the container's cgroup was followed")
		}
		mustWrite(t, itoa(p.Process.Pid), inner, "cgroup.procs")
	})
}

func isBusy(err error) bool {
	for ; err != nil; err = unwrap(err) {
		if err == unix.EBUSY {
			return true
		}
	}
	return false
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return nil
}

// TestTargetDescriptors: everything open is close-on-exec and closed at last.
func TestTargetDescriptors(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		before := openFds(t)
		target, err := c.ExecTarget()
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range append(target.Tasks(), target.Fd()) {
			if fd < 0 {
				continue
			}
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("fd %d: flags %#x, %v", fd, flags, err)
			}
		}
		target.Close()
		if err := c.Set(); err != nil {
			t.Error(err)
		}
		_, _ = c.Stats()
		_ = c.Freeze()
		_ = c.Thaw()
		_ = c.Kill()
		if after := openFds(t); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

func openFds(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestOpenBeneath: the kernel decides, even if a name got past the grammar.
func TestOpenBeneath(t *testing.T) {
	root := t.TempDir()
	for _, p := range []string{"/c/sub", "/c-evil"} {
		if err := os.MkdirAll(root+p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../c-evil", root+"/c/link"); err != nil {
		t.Fatal(err)
	}
	for sub, want := range map[string]bool{"": true, "/": true, "/sub": true, "/sub/..": true, "/..": false, "/../c-evil": false, "/link": false, "//etc": false, "/sub/../../c-evil": false} {
		fd, err := openBeneath(root+"/c", sub, unix.O_PATH|unix.O_DIRECTORY)
		if (err == nil) != want {
			t.Errorf("%q: %v, want success %v", sub, err, want)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
}
