// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func ptr[T any](v T) *T { return &v }

// TestLifecycle walks through everything that happens to one container.
func TestLifecycle(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{Resources: &specs.LinuxResources{}})
		for _, d := range c.dirs {
			if !exists(d.path) {
				t.Fatalf("%s was not made", d.path)
			}
		}
		if err := c.Set(); err != nil {
			t.Fatal(err)
		}
		p, start := spawn(t, "sleep 100 & sleep 100 & wait")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		for controller, dir := range c.Paths() {
			own, err := processCgroups("/proc/" + itoa(p.Process.Pid) + "/cgroup")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(dir, own[controller]) || len(own[controller]) < 2 {
				t.Errorf("controller %q: process is in %q, not %q", controller, own[controller], dir)
			}
		}
		start()

		// From here on as a later command would, from the state.
		c, err := Load(Config{ID: c.cfg.ID}, c.Paths())
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, "three processes", func() bool { pids, _ := c.Pids(); return len(pids) == 3 })
		if err := c.Freeze(); err != nil {
			t.Fatal(err)
		}
		if frozen, err := c.Frozen(); !frozen || err != nil {
			t.Errorf("Frozen after Freeze: %v, %v", frozen, err)
		}
		if err := c.Thaw(); err != nil {
			t.Fatal(err)
		}
		if frozen, err := c.Frozen(); frozen || err != nil {
			t.Errorf("Frozen after Thaw: %v, %v", frozen, err)
		}
		if err := c.WaitEmpty(10 * time.Millisecond); err == nil || !strings.Contains(err.Error(), itoa(p.Process.Pid)) {
			t.Errorf("WaitEmpty of a running container: %v, want an error with pid %d", err, p.Process.Pid)
		}
		// Kill must get through a freeze.
		if err := c.Freeze(); err != nil {
			t.Fatal(err)
		}
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		if sig := p.killedBy(t); sig != syscall.SIGKILL {
			t.Errorf("killed by %v", sig)
		}
		if err := c.WaitEmpty(10 * time.Second); err != nil {
			t.Error(err)
		}
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
		for _, d := range c.dirs {
			if exists(d.path) {
				t.Errorf("%s is still there", d.path)
			}
		}
		for name, err := range map[string]error{"Destroy": c.Destroy(), "Kill": c.Kill(), "WaitEmpty": c.WaitEmpty(time.Second)} {
			if err != nil {
				t.Errorf("%s of a cgroup that is gone: %v", name, err)
			}
		}
		if c.Exists() {
			t.Error("Exists after Destroy")
		}
	})
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("timed out waiting for " + what)
		}
	}
}

// TestChildEntersItself uses the descriptors as nsexec does.
func TestChildEntersItself(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		if c.BornInto() {
			fd, err := c.OpenDir()
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			cmd := exec.Command("cat", "/proc/self/cgroup")
			cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
			out, err := cmd.Output()
			if err != nil || !strings.HasSuffix("\n"+string(out), "\n0::"+c.dirs[0].relative()+"\n") {
				t.Errorf("born into %q, %v; want %s", out, err, c.dirs[0].relative())
			}
			return
		}
		fds, err := c.ProcsFiles()
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll(fds)
		cmd := exec.Command("bash", "-c", `i=3; while [ $i -lt $N ]; do echo 0 >&$i || exit 1; i=$((i+1)); done; cat /proc/self/cgroup`)
		for _, fd := range fds {
			dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
			if err != nil {
				t.Fatal(err)
			}
			cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(dup), "cgroup.procs"))
		}
		cmd.Env = []string{"N=" + itoa(3+len(fds))}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got, err := parseProcCgroup(string(out))
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.dirs {
			if d := &c.dirs[i]; got[d.controller] != d.relative() {
				t.Errorf("controller %q: in %q, want %q", d.controller, got[d.controller], d.relative())
			}
		}
	})
}

// TestCreateRefuses: what somebody uses, or has frozen, is not taken over.
func TestCreateRefuses(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		id := testID(t)
		c := create(t, Config{ID: id})
		again, err := New(Config{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := spawn(t, "")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		var notEmpty *NotEmptyError
		if err := again.Create(); !errors.As(err, &notEmpty) || notEmpty.N != 1 {
			t.Errorf("create in a used cgroup: %v", err)
		} else if !strings.Contains(err.Error(), "container's cgroup is not empty: 1 process(es) found") {
			t.Errorf("text: %v", err)
		}
		if pids, _ := c.Pids(); len(pids) != 1 {
			t.Errorf("the other container has now %v", pids)
		}
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		p.killedBy(t)
		if err := c.WaitEmpty(settle); err != nil {
			t.Fatal(err)
		}
		freezer, file := c.dirs[0].path, "freezer.state"
		on, off := "FROZEN", "THAWED"
		if c.mode == V2 {
			file, on, off = "cgroup.freeze", "1", "0"
		}
		mustWrite(t, on, freezer, file)
		var frozen *FrozenError
		if err := again.Create(); !errors.As(err, &frozen) {
			t.Errorf("create in a frozen cgroup: %v", err)
		}
		mustWrite(t, off, freezer, file)
	})
}

// TestCreateReplacesRemains: limits left by a killed create must not apply to
// the next container of that name.
func TestCreateReplacesRemains(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		file, want := "/cgroup.max.depth", "max"
		d := c.unified()
		if c.mode != V2 {
			d, file, want = c.dir("pids"), "/pids.max", "max"
		}
		mustWrite(t, "7", d.path+file)
		if err := os.Mkdir(d.path+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		again, err := New(Config{ID: c.cfg.ID})
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Create(); err != nil {
			t.Fatal(err)
		}
		if got := mustRead(t, d.path+file); got != want {
			t.Errorf("%s is %q, left over from the container before", file, got)
		}
		if exists(d.path + "/sub") {
			t.Error("sub-cgroup left over")
		}
	})
}

// TestDestroyTree removes what a container has made below its cgroup.
func TestDestroyTree(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		for i := range c.dirs {
			for j := range 30 {
				if err := os.MkdirAll(path.Join(c.dirs[i].path, "a"+itoa(j), "b", "c", "d"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
		p, start := spawn(t, "sleep 0.3")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		start()
		// The process ends by itself while Destroy waits for it.
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
		if sig := p.killedBy(t); sig != 0 {
			t.Errorf("Destroy has killed: %v", sig)
		}
		for i := range c.dirs {
			if exists(c.dirs[i].path) {
				t.Errorf("%s is still there", c.dirs[i].path)
			}
		}
	})
}

// TestCreateCleansUp: a create that fails leaves nothing.
func TestCreateCleansUp(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c, err := New(Config{ID: testID(t)})
		if err != nil {
			t.Fatal(err)
		}
		last := &c.dirs[len(c.dirs)-1]
		if c.mode != V2 {
			last.controller = "no" // not optional
		}
		last.path = last.mount + "/line\nbreak" // which the kernel refuses
		if c.Create() == nil {
			t.Fatal("create has succeeded")
		}
		for i := range c.dirs {
			if exists(c.dirs[i].path) {
				t.Errorf("%s is still there", c.dirs[i].path)
			}
		}
	})
}

// TestFreezeIsComplete: when Freeze returns, everything has stopped.
func TestFreezeIsComplete(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		p, start := spawn(t, "for i in 1 2 3 4 5 6 7 8 9 10; do (while :; do :; done) & done; wait")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		start()
		waitFor(t, "the processes", func() bool { pids, _ := c.Pids(); return len(pids) == 11 })
		for range 10 {
			if err := c.Freeze(); err != nil {
				t.Fatal(err)
			}
			if c.mode == V2 {
				if s := field(mustRead(t, c.dirs[0].path, "cgroup.events"), "frozen"); s != "1" {
					t.Fatalf("frozen is %q", s)
				}
			} else if s := mustRead(t, c.Path("freezer"), "freezer.state"); s != "FROZEN" {
				t.Fatalf("state is %q", s)
			}
			if err := c.Thaw(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// TestSignal reaches every process.
func TestSignal(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{})
		p, start := spawn(t, "(exec sleep 100) & (exec sleep 100) & exec sleep 100")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		start()
		waitFor(t, "the processes", func() bool { pids, _ := c.Pids(); return len(pids) == 3 })
		if err := c.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if sig := p.killedBy(t); sig != syscall.SIGTERM {
			t.Errorf("ended by %v", sig)
		}
		if err := c.WaitEmpty(settle); err != nil {
			t.Error(err)
		}
	})
}
