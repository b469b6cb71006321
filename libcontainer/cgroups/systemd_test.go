// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// startSystemd runs a systemd of the test's own, as the manager of the whole
// (pure v2) cgroup tree of this mount namespace, where both drivers find it:
// the system's private socket leads to it as well.
func startSystemd(t *testing.T) {
	t.Helper()
	const binary = "/lib/systemd/systemd"
	if !exists(binary) {
		t.Skip("no systemd here")
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/run/systemd/system", "/run/user/0"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, kv := range []string{"XDG_RUNTIME_DIR=/run/user/0", "HOME=/run/user/0", "DBUS_SESSION_BUS_ADDRESS="} {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	cmd := exec.Command(binary, "--user", "--unit=basic.target")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	const private = "/run/user/0/systemd/private"
	waitFor(t, "systemd", func() bool { return exists(private) })
	if err := os.Symlink(private, "/run/systemd/private"); err != nil {
		t.Fatal(err)
	}
}

func TestSystemd(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		startSystemd(t)
		for _, rootless := range []bool{false, true} {
			systemdLifecycle(t, Config{ID: "first", Systemd: true, Rootless: rootless}, "kist-first.scope")
			systemdLifecycle(t, Config{
				ID: "second", Systemd: true, Rootless: rootless, Path: "a-b.slice:pre:fix",
				Annotations: map[string]string{
					"org.systemd.property.CollectMode":    "'inactive-or-failed'",
					"org.systemd.property.TimeoutStopSec": "uint64 17",
					"other":                               "x",
				},
				Resources: &specs.LinuxResources{
					Devices: []specs.LinuxDeviceCgroup{rule(true, "c", 10, 229, "rw"), rule(true, "b", 8, -1, "r")},
					Unified: map[string]string{"cgroup.max.depth": "5", "memory.oom.group": "1"},
				},
			}, "pre-fix.scope")
		}
		t.Run("called off", systemdCalledOff)
		t.Run("errors", systemdErrors)
	}, asV2)
}

func systemctl(t *testing.T, unit, property string) string {
	t.Helper()
	out, err := exec.Command("systemctl", "--user", "show", unit, "--value", "-p", property).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func systemdLifecycle(t *testing.T, cfg Config, unit string) {
	t.Helper()
	if cfg.Resources != nil && !strings.Contains(mustRead(t, mountRoot, "cgroup.controllers"), "memory") {
		delete(cfg.Resources.Unified, "memory.oom.group")
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Unit() != unit || c.BornInto() {
		t.Errorf("unit %q", c.Unit())
	}
	if err := c.Create(); err != nil {
		t.Fatal(err)
	}
	p, start := spawn(t, "sleep 100")
	if cfg.Path != "" {
		// Asked for in time, and waited for by Attach.
		if err := c.AskFor(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Attach(p.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if got := systemctl(t, unit, "DevicePolicy"); got != "strict" {
		t.Errorf("DevicePolicy=%s when the unit starts", got)
	}
	if err := c.Set(); err != nil {
		t.Fatal(err)
	}
	if got := mountRoot + systemctl(t, unit, "ControlGroup"); got != c.dirs[0].path {
		t.Errorf("systemd says %s, kist %s", got, c.dirs[0].path)
	}
	if got := systemctl(t, unit, "Delegate"); got != "yes" {
		t.Errorf("Delegate=%s", got)
	}
	if cfg.Path != "" {
		for property, want := range map[string]string{"Slice": "a-b.slice", "CollectMode": "inactive-or-failed", "TimeoutStopUSec": "17s"} {
			if got := systemctl(t, unit, property); got != want {
				t.Errorf("%s=%s, want %s", property, got, want)
			}
		}
		if got := systemctl(t, unit, "DeviceAllow"); !strings.Contains(got, "/dev/char/10:229 rw") || !strings.Contains(got, "char-* m") {
			t.Errorf("DeviceAllow=%s", got)
		}
		if got := mustRead(t, c.dirs[0].path, "cgroup.max.depth"); got != "5" {
			t.Errorf("cgroup.max.depth is %s", got)
		}
	}
	start()

	loaded, err := Load(Config{ID: cfg.ID, Systemd: true, Rootless: cfg.Rootless, Resources: cfg.Resources}, c.Paths())
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	// TasksMax is known to systemd even without the controller.
	_, err = loaded.Update(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(77))}})
	if got := systemctl(t, unit, "TasksMax"); got != "77" {
		t.Errorf("TasksMax=%s after %v", got, err)
	}
	target, err := loaded.ExecTarget()
	if err != nil {
		t.Fatal(err)
	}
	if target.Divided() {
		t.Error("the cgroup is said to be divided")
	}
	target.Close()
	if err := os.Mkdir(c.dirs[0].path+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	var execed []*process
	for _, where := range [][]string{nil, {"sub"}} {
		if target, err = loaded.OpenSub(where); err != nil {
			t.Fatal(err)
		}
		p, _ := spawn(t, "sleep 100")
		execed = append(execed, p)
		if err := loaded.AttachBySystemd(target, p.Process.Pid); err != nil {
			t.Error(err)
		}
		pids, err := pidsOf(path.Join(append([]string{c.dirs[0].path}, where...)...))
		if err != nil || !slices.Contains(pids, p.Process.Pid) {
			t.Errorf("exec in %q: pid %d is not among %v (%v)", where, p.Process.Pid, pids, err)
		}
		target.Close()
	}
	if err := loaded.AttachBySystemd(&Target{dir: -1, path: c.dirs[0].path + "/other"}, p.Process.Pid); err == nil {
		t.Error("attached to a cgroup that does not exist")
	}
	if err := loaded.Freeze(); err != nil {
		t.Error(err)
	}
	if err := loaded.Kill(); err != nil {
		t.Error(err)
	}
	if sig := p.killedBy(t); sig != syscall.SIGKILL {
		t.Errorf("ended by %v", sig)
	}
	for _, p := range execed {
		p.killedBy(t)
	}
	for range 2 {
		if err := loaded.Destroy(); err != nil {
			t.Error(err)
		}
	}
	if exists(c.dirs[0].path) {
		t.Errorf("%s is still there", c.dirs[0].path)
	}
	if got := systemctl(t, unit, "LoadState"); got != "not-found" {
		t.Errorf("the unit is %s", got)
	}
}

// systemdCalledOff: a create that fails while systemd is at work waits for it, and
// then leaves nothing.
func systemdCalledOff(t *testing.T) {
	c, err := New(Config{ID: "off", Systemd: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, _ := spawn(t, "sleep 100")
	if err := c.AskFor(p.Process.Pid); err != nil {
		t.Fatal(err)
	}
	c.Settle()
	if pids, err := pidsOf(c.dirs[0].path); err != nil || !slices.Contains(pids, p.Process.Pid) {
		t.Errorf("after Settle systemd is still at work: %v, %v", pids, err)
	}
	_ = p.Process.Kill()
	p.killedBy(t)
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
	if got := systemctl(t, "kist-off.scope", "LoadState"); got != "not-found" {
		t.Errorf("the unit is %s", got)
	}
	// An annotation may describe the unit otherwise.
	annotated := Config{ID: "off", Systemd: true, Annotations: map[string]string{"org.systemd.property.Description": "'my \"unit\"'"}}
	if c, err = New(annotated); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, _ = spawn(t, "sleep 100")
	if err := c.AskFor(p.Process.Pid); err != nil {
		t.Fatal(err)
	}
	c.Settle()
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
	p.killedBy(t)
	if got := systemctl(t, "kist-off.scope", "LoadState"); got != "not-found" {
		t.Errorf("the unit is %s", got)
	}
	// Limits that Set would refuse: systemd hears nothing of them.
	bad, err := New(Config{ID: "off", Systemd: true, Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr(uint64(60))}}})
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	var refused *ResourceError
	if err := bad.AskFor(os.Getpid()); !errors.As(err, &refused) || bad.unit.job != nil {
		t.Errorf("bad limits: %v", err)
	}
}

func systemdErrors(t *testing.T) {
	for path, want := range map[string]string{
		"/a/b":           "expected cgroupsPath to be of format \"slice:prefix:name\"",
		"a.slice:b":      "expected cgroupsPath",
		"a:b:c":          "is not a slice name",
		"a--b.slice::":   "empty",
		"a.slice:x:":     "the name is empty",
		"a.slice:x:/":    "is not a unit name",
		"../a.slice:x:y": "is not a slice name",
	} {
		if _, err := New(Config{ID: "x", Systemd: true, Path: path}); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), pathPointer) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	c, err := New(Config{ID: "bad", Systemd: true, Annotations: map[string]string{"org.systemd.property.Nonsense": "'x'"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, _ := spawn(t, "")
	if err := c.Attach(p.Process.Pid); err == nil || !strings.Contains(err.Error(), "Nonsense") {
		t.Errorf("unknown property: %v", err)
	}
	if _, err := New(Config{ID: "bad", Systemd: true, Annotations: map[string]string{"org.systemd.property.X": "1"}}); err == nil {
		t.Error("a bad annotation is found only when the unit is started")
	}
	for key, v := range map[string]string{"a.b": "1", "x": "1", "TimeoutStopSec": "'x'", "CollectMode": "["} {
		_, err := annotatedProperties(map[string]string{propertyAnnotation + key: v})
		if err == nil || !strings.HasPrefix(err.Error(), "/annotations/org.systemd.property.") {
			t.Errorf("%s=%s: %v", key, v, err)
		}
	}
	// A used unit is not taken over.
	first, err := New(Config{ID: "used", Systemd: true})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := first.Attach(p.Process.Pid); err != nil {
		t.Fatal(err)
	}
	second, err := New(Config{ID: "used", Systemd: true})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	var notEmpty *NotEmptyError
	if err := second.Create(); !errors.As(err, &notEmpty) {
		t.Errorf("create of a used unit: %v", err)
	}
	q, _ := spawn(t, "")
	if err := second.Attach(q.Process.Pid); err == nil {
		t.Error("a used unit was started again")
	}
	// One of the same name and description in another slice, where the cgroup
	// that is looked for does not exist.
	elsewhere, err := New(Config{ID: "used", Systemd: true, Path: "a-b.slice:kist:used"})
	if err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.Attach(q.Process.Pid); err == nil {
		t.Error("a used unit was started again in another slice")
	}
	if err := elsewhere.Destroy(); err != nil {
		t.Error(err)
	}
	elsewhere.Close()
	if got := systemctl(t, "kist-used.scope", "ActiveState"); got != "active" {
		t.Fatalf("the unit of the same name in another slice is %s", got)
	}
	// Neither does it go with somebody else's failed create.
	for _, id := range []string{"other", "kist-used"} {
		c, err := New(Config{ID: id, Systemd: true, Path: "system.slice::kist-used"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
		c.Close()
		if got := systemctl(t, "kist-used.scope", "ActiveState"); got != "active" {
			t.Fatalf("the unit of another container is %s", got)
		}
	}
	if err := unix.Removexattr(first.dirs[0].path, trustedMark); err != nil {
		t.Fatal(err)
	}
	if err := second.Destroy(); err != nil {
		t.Error(err)
	}
	if got := systemctl(t, "kist-used.scope", "ActiveState"); got == "active" {
		t.Errorf("a unit whose create was killed before the mark stays %s", got)
	}
	_ = p.Process.Kill()
	p.killedBy(t)
	if err := first.Destroy(); err != nil {
		t.Error(err)
	}
}

func TestUnitProperties(t *testing.T) {
	r := &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(-1)), Reservation: ptr(int64(50))},
		CPU:     &specs.LinuxCPU{Shares: ptr(uint64(1024)), Quota: ptr(int64(12345)), Period: ptr(uint64(100000)), Cpus: "0-2,9", Mems: "0"},
		Pids:    &specs.LinuxPids{Limit: ptr(int64(0))},
		BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(20))},
	}
	names := func(v2 bool, version int) (list []string) {
		props, err := unitProperties(r, v2, version)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range props {
			list = append(list, p.Name+":"+p.Value.Signature())
		}
		return list
	}
	for _, tc := range []struct {
		v2      bool
		version int
		want    []string
	}{
		{true, 252, []string{"MemoryMax:t", "MemoryLow:t", "MemorySwapMax:t", "CPUWeight:t", "CPUQuotaPeriodUSec:t", "CPUQuotaPerSecUSec:t", "AllowedCPUs:ay", "AllowedMemoryNodes:ay", "TasksMax:t", "IOWeight:t"}},
		{true, 239, []string{"MemoryMax:t", "MemoryLow:t", "MemorySwapMax:t", "CPUWeight:t", "CPUQuotaPerSecUSec:t", "TasksMax:t", "IOWeight:t"}},
		{false, 252, []string{"MemoryLimit:t", "CPUShares:t", "CPUQuotaPeriodUSec:t", "CPUQuotaPerSecUSec:t", "AllowedCPUs:ay", "AllowedMemoryNodes:ay", "TasksMax:t", "BlockIOWeight:t"}},
	} {
		if d := cmp.Diff(tc.want, names(tc.v2, tc.version)); d != "" {
			t.Errorf("v2=%v systemd %d: -want +got\n%s", tc.v2, tc.version, d)
		}
	}
	bits, err := listToBits("0-2,9")
	if err != nil || !cmp.Equal(bits, []byte{7, 2}) {
		t.Errorf("listToBits: %v, %v", bits, err)
	}
	for _, bad := range []string{"", ",", "a", "3-1", "0-999999", "-1"} {
		if _, err := listToBits(bad); err == nil {
			t.Errorf("listToBits(%q) succeeded", bad)
		}
	}
	for key, v := range map[string]string{"cpu.max": "x", "memory.max": "5k", "cpuset.cpus": "x", "pids.max": "-1", "io.weight": "default x"} {
		r := &specs.LinuxResources{Unified: map[string]string{key: v}}
		var e *ResourceError
		if _, err := unitProperties(r, true, 252); !errors.As(err, &e) || e.Pointer != "/linux/resources/unified/"+key {
			t.Errorf("%s=%s: %v", key, v, err)
		}
	}
}
