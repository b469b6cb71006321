// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestForeignCgroup is invariant I-46: a cgroup that kist did not make is used
// but never killed, frozen or removed.
func TestForeignCgroup(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c, err := New(Config{ID: testID(t)})
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.dirs {
			if err := os.Mkdir(c.dirs[i].path, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(c.dirs[i].path) })
		}
		if err := c.Create(); err != nil {
			t.Fatalf("create in a prepared cgroup: %v", err)
		}
		p, _ := spawn(t, "")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		refuses(t, c)
		time.Sleep(20 * time.Millisecond)
		if err := p.Process.Signal(syscall.Signal(0)); err != nil {
			t.Fatal("the process is gone")
		}
		_ = p.Process.Kill()
		p.killedBy(t)
		waitFor(t, "an empty cgroup", func() bool { pids, _ := c.Pids(); return len(pids) == 0 })
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
		for i := range c.dirs {
			if !exists(c.dirs[i].path) {
				t.Errorf("%s was removed", c.dirs[i].path)
			}
		}
	})
}

// refuses checks the operations that could do harm.
func refuses(t *testing.T, c *Cgroup) {
	t.Helper()
	for _, op := range []struct {
		name string
		f    func() error
	}{
		{"Freeze", c.Freeze},
		{"Kill", c.Kill},
		{"Signal", func() error { return c.Signal(syscall.SIGTERM) }},
	} {
		var foreign *ForeignError
		if err := op.f(); !errors.As(err, &foreign) {
			t.Errorf("%s: %v, want a ForeignError", op.name, err)
		}
	}
	if frozen, _ := c.Frozen(); frozen {
		t.Error("frozen")
	}
}

// TestPartlyForeign: only one v1 hierarchy was prepared by somebody else.
func TestPartlyForeign(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		if Detect() == V2 {
			t.Skip("v1 only")
		}
		c, err := New(Config{ID: testID(t)})
		if err != nil {
			t.Fatal(err)
		}
		theirs := c.dir("memory").path
		if err := os.Mkdir(theirs, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(theirs) })
		if err := c.Create(); err != nil {
			t.Fatal(err)
		}
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
		for i := range c.dirs {
			if p := c.dirs[i].path; exists(p) != (p == theirs) {
				t.Errorf("%s: exists=%v", p, exists(p))
			}
		}
	}, asHost)
}

// TestOwnCgroup: not even a cgroup of its own making is touched while kist is in
// it, or below it; nor the root, nor another container's.
func TestOwnCgroup(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		home := c.dirs[0].mount
		below := c.dirs[0].path + "/below"
		if err := os.Mkdir(below, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{below, c.dirs[0].path} {
			mustWrite(t, itoa(os.Getpid()), p, "cgroup.procs")
			refuses(t, c)
			// Destroy may try: the kernel itself refuses.
			mustWrite(t, itoa(os.Getpid()), home, "cgroup.procs")
		}

		other, err := Load(Config{ID: "other"}, c.Paths())
		if err != nil {
			t.Fatal(err)
		}
		refuses(t, other)
		if err := other.Destroy(); err != nil || !exists(c.dirs[0].path) {
			t.Errorf("another container's cgroup: %v, exists=%v", err, exists(c.dirs[0].path))
		}

		root, err := New(Config{ID: c.cfg.ID})
		if err != nil {
			t.Fatal(err)
		}
		for i := range root.dirs {
			root.dirs[i].path = root.dirs[i].mount
		}
		refuses(t, root)
		if err := root.Destroy(); err != nil {
			t.Log(err)
		}
		if pids, err := pidsOf(home); err != nil || len(pids) == 0 {
			t.Errorf("root cgroup: %v, %v", pids, err)
		}
	})
}

// TestLoadRefuses forged paths.
func TestLoadRefuses(t *testing.T) {
	good := mountRoot + "/x"
	key := ""
	if Detect() != V2 {
		good, key = mountRoot+"/memory/x", "memory"
	}
	if _, err := Load(Config{ID: "x"}, map[string]string{key: good}); err != nil {
		t.Fatalf("%s: %v", good, err)
	}
	for name, paths := range map[string]map[string]string{
		"root":       {key: good[:len(good)-2]},
		"root slash": {key: good[:len(good)-1]},
		"dot":        {key: good[:len(good)-1] + "."},
		"dotdot":     {key: good + "/../y"},
		"outside":    {key: "/tmp/x"},
		"relative":   {key: "x"},
		"slashes":    {key: good[:len(good)-2] + "//x"},
		"newline":    {key: good + "\n"},
		"prefix":     {key: mountRoot + "-evil/x"},
		"controller": {"nonsense": good},
		"different":  {"memory": mountRoot + "/memory/x", "pids": mountRoot + "/pids/y"},
	} {
		if c, err := Load(Config{ID: "x"}, paths); err == nil {
			t.Errorf("%s: %v was accepted: %v", name, paths, c.Paths())
		}
	}
	if c, err := Load(Config{ID: "x"}, nil); err != nil || !c.Absent() {
		t.Errorf("no paths: %v", err)
	}
}
