// SPDX-License-Identifier: Apache-2.0

package idmap

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func ids(n ...uint32) (maps []specs.LinuxIDMapping) {
	for i := 0; i < len(n); i += 3 {
		maps = append(maps, specs.LinuxIDMapping{ContainerID: n[i], HostID: n[i+1], Size: n[i+2]})
	}
	return maps
}

func many(n int) (maps []specs.LinuxIDMapping) {
	for i := range uint32(n) {
		maps = append(maps, ids(i*2, 1000+(uint32(n)-i)*2, 1)...)
	}
	return maps
}

func TestCheck(t *testing.T) {
	const last = math.MaxUint32
	for _, tt := range []struct {
		maps []specs.LinuxIDMapping
		want string
	}{
		{ids(0, 0, last), ""},
		{ids(0, 1000, 1, 1, 100000, 65535), ""},
		{ids(10, 100, 10, 0, 90, 10, 20, 110, 10), ""},
		{many(340), ""},
		{nil, "must not be empty"},
		{many(341), "341 mappings, the kernel takes at most 340"},
		{ids(0, 0, 0), "0: size must not be 0"},
		{ids(0, 1, last), "0: goes beyond the last id, 4294967294"},
		{ids(1, 0, last), "0: goes beyond the last id"},
		{ids(last, 0, 1), "0: goes beyond"},
		{ids(0, 0, 10, 9, 100, 1), "1: overlaps with mapping 0"},
		{ids(0, 0, 10, 100, 9, 1), "1: overlaps with mapping 0"},
		{ids(5, 5, 1, 0, 0, last), "1: overlaps with mapping 0"},
	} {
		err := check(tt.maps)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := Parse([]byte("         0          0 4294967295\n"))
	if err != nil || !cmp.Equal(got, ids(0, 0, math.MaxUint32)) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"1 2\n", "1 2 3 4\n", "a 2 3\n", "-1 2 3\n", "4294967296 0 1\n", "\n", strings.Repeat("1 1 1\n", 341)} {
		if got, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%.20q: %v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("0 1000 1\n1 100000 65535\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		maps, err := Parse(data)
		if err != nil {
			return
		}
		again, err := Parse(text(maps))
		if err != nil || !cmp.Equal(maps, again) {
			t.Errorf("%v, %v, %v", maps, again, err)
		}
	})
}

func TestSame(t *testing.T) {
	a, b := ids(0, 1, 2, 3, 4, 5), ids(3, 4, 5, 0, 1, 2)
	if !same(a, b) || same(a, b[:1]) || same(a, ids(0, 1, 2, 3, 4, 6)) {
		t.Error("same")
	}
}

// mapsIn reads the maps of a namespace through a process that joins it.
func mapsIn(t *testing.T, ns int) (uid, gid []specs.LinuxIDMapping) {
	t.Helper()
	f := os.NewFile(uintptr(ns), "ns")
	defer f.Close()
	cmd := exec.Command("nsenter", "--user=/proc/self/fd/3", "--preserve-credentials", "sleep", "100")
	cmd.ExtraFiles = []*os.File{f}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	self, _ := os.Readlink("/proc/self/ns/user")
	for range 500 {
		if now, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", cmd.Process.Pid)); now != "" && now != self {
			break
		}
		syscall.Nanosleep(&syscall.Timespec{Nsec: 1e7}, nil)
	}
	for i, file := range []string{"uid_map", "gid_map"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, file))
		if err != nil {
			t.Fatal(err)
		}
		maps, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			uid = maps
		} else {
			gid = maps
		}
	}
	return uid, gid
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func TestNewNamespace(t *testing.T) {
	needRoot(t)
	for _, uids := range [][]specs.LinuxIDMapping{ids(0, 100000, 65536), ids(7, 0, 1, 8, 100000, 5), many(340)} {
		gids := ids(0, 200000, 1000)
		ns, err := NewNamespace(uids, gids, Helpers{})
		if err != nil {
			t.Fatal(err)
		}
		u, g := mapsIn(t, ns)
		if !same(u, uids) || !cmp.Equal(g, gids) {
			t.Errorf("%v, %v", u, g)
		}
	}
	// Nothing is left behind.
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %v", err)
	}
}

func TestRefused(t *testing.T) {
	needRoot(t)
	for want, maps := range map[string][2][]specs.LinuxIDMapping{
		"/linux/uidMappings: must not be empty": {nil, ids(0, 0, 1)},
		"/linux/gidMappings: 0: size":           {ids(0, 0, 1), ids(0, 0, 0)},
	} {
		if fd, err := NewNamespace(maps[0], maps[1], Helpers{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d, %v", fd, err)
		}
	}
	if _, err := Write(os.Getpid(), ids(0, 0, 1), ids(0, 0, 1), Helpers{}); err == nil || !strings.Contains(err.Error(), "/linux/uidMappings: write uid_map of pid") {
		t.Errorf("a map was written twice: %v", err)
	}
	long := many(340)
	for i := range long {
		long[i].HostID += 4000000000
	}
	if _, err := NewNamespace(long, long, Helpers{}); err == nil || !strings.Contains(err.Error(), "the kernel takes less than 4096") {
		t.Errorf("%v", err)
	}
	if _, err := Write(1<<22, ids(0, 0, 1), ids(0, 0, 1), Helpers{}); err == nil || !strings.Contains(err.Error(), "/proc/4194304: open") {
		t.Errorf("%v", err)
	}
}

func TestFindHelpers(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	h := FindHelpers()
	for _, path := range []string{h.NewUIDMap, h.NewGIDMap} {
		if path == "" {
			t.Skip("not installed")
		}
		if st, err := os.Stat(path); path[0] != '/' || err != nil || !st.Mode().IsRegular() {
			t.Errorf("%q: %v", path, err)
		}
	}
	if find("no-such-helper") != "" {
		t.Error("found what is not there")
	}
}

func TestRunHelper(t *testing.T) {
	t.Setenv("OF_THE_CALLER", "x")
	dir := t.TempDir()
	script := func(name, text string) string {
		if err := os.WriteFile(dir+"/"+name, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir + "/" + name
	}
	good := script("good", `echo "$@" >`+dir+`/args; echo "${OF_THE_CALLER-none}" >`+dir+`/env`)
	if err := runHelper(good, 42, ids(0, 1000, 1, 1, 100000, 65536)); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(dir + "/args"); string(text) != "42 0 1000 1 1 100000 65536\n" {
		t.Errorf("%q", text)
	}
	if text, _ := os.ReadFile(dir + "/env"); string(text) != "none\n" {
		t.Errorf("%q", text)
	}
	for path, want := range map[string]string{
		script("bad", "echo newuidmap: range not allowed >&2; exit 1"):    "exit status 1: newuidmap: range not allowed",
		script("killed", "kill -9 $$"):                                    "signal: killed",
		script("flood", "head -c 1000000 /dev/zero | tr '\\0' x; exit 2"): "exit status 2: xxx",
		dir + "/none": "execute: no such file",
	} {
		if err := runHelper(path, 42, many(340)); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 2*maxMessage {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A helper that reports success without having written anything is found out.
func TestLyingHelper(t *testing.T) {
	if os.Getenv("KIST_TEST_STAGE") == "" {
		needRoot(t)
		asNobody(t, "TestLyingHelper", "")
		return
	}
	_, err := NewNamespace(ids(0, 100000, 10), ids(0, 100000, 10), Helpers{"/bin/true", "/bin/true"})
	report(t, err, err != nil && strings.Contains(err.Error(), `the kernel has "" after "0 100000 10\n" was written`))
}

// As nobody: the own id without helpers, a range with them, and neither more.
func TestUnprivileged(t *testing.T) {
	if os.Getenv("KIST_TEST_STAGE") == "" {
		needRoot(t)
		helpers := FindHelpers()
		if helpers.NewUIDMap == "" || helpers.NewGIDMap == "" {
			t.Skip("newuidmap and newgidmap are not installed")
		}
		asNobody(t, "TestUnprivileged", "nobody:100000:65536\n")
		return
	}
	own := ids(0, 65534, 1)
	wide := ids(0, 65534, 1, 1, 100000, 65536)
	helpers := FindHelpers()
	pid := inNamespace(t)
	denied, err := Write(pid, own, own, Helpers{})
	report(t, err, err == nil && denied)
	expectMaps(t, pid, own, "deny")
	pid = inNamespace(t)
	denied, err = Write(pid, wide, wide, helpers)
	report(t, err, err == nil && !denied)
	expectMaps(t, pid, wide, "allow")
	fd, err := NewNamespace(wide, wide, helpers)
	report(t, err, err == nil && fd >= 0)
	_, err = NewNamespace(wide, wide, Helpers{})
	report(t, err, err != nil && strings.Contains(err.Error(), "/etc/subuid"))
	_, err = NewNamespace(ids(0, 0, 1), own, helpers)
	report(t, err, err != nil && strings.Contains(err.Error(), "newuidmap: exit status 1: newuidmap: uid range"))
}

func report(t *testing.T, err error, ok bool) {
	t.Helper()
	if !ok {
		t.Errorf("unexpected: %v", err)
	}
}

// inNamespace starts a process in a user namespace without maps.
func inNamespace(t *testing.T) (pid int) {
	t.Helper()
	pidfd := -1
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "100"}, &syscall.ProcAttr{
		Sys: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, PidFD: &pidfd}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		_ = unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED, nil)
		unix.Close(pidfd)
	})
	return pid
}

func expectMaps(t *testing.T, pid int, want []specs.LinuxIDMapping, setgroups string) {
	t.Helper()
	for _, file := range []string{"uid_map", "gid_map"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if got, e := Parse(data); err != nil || e != nil || !same(got, want) {
			t.Errorf("%s: %v, %v, %v", file, got, err, e)
		}
	}
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/setgroups", pid)); string(text) != setgroups+"\n" {
		t.Errorf("setgroups: %q, %v", text, err)
	}
}

// asNobody runs the test again as user nobody, with the subordinate ids given, in namespaces of its own.
func asNobody(t *testing.T, test, subids string) {
	t.Helper()
	file := t.TempDir() + "/subids"
	if err := os.WriteFile(file, []byte(subids), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The binary may be in a directory that is closed to nobody; an open descriptor is not.
	script := `mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && exec 3<"$2" && exec setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/3 -test.run="^$3\$" -test.v`
	cmd := exec.Command("unshare", "-mpf", "--mount-proc", "--propagation", "private", "sh", "-c", script, "sh", file, self, test)
	cmd.Env = append(os.Environ(), "KIST_TEST_STAGE=nobody")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Errorf("%v\n%s", err, out)
	}
}

func BenchmarkNewNamespace(b *testing.B) {
	maps := ids(0, 100000, 65536)
	for b.Loop() {
		fd, err := NewNamespace(maps, maps, Helpers{})
		if err != nil {
			b.Fatal(err)
		}
		unix.Close(fd)
	}
}
