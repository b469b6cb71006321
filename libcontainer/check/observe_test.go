// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"kist/seccomp"
)

// The children that Observe makes are this binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "check" && os.Args[2] == "--probe" {
		if err := Probe(os.Stdout, os.Args[3], os.Args[4:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// traces are what a probe could leave on the machine.
func traces(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"/sys/class/net/*", "/sys/fs/cgroup/kist-check*", "/sys/fs/cgroup/*/kist-check*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{"mnt", "net", "pid", "ipc", "uts", "user", "cgroup", "time", "pid_for_children", "time_for_children"} {
		link, err := os.Readlink("/proc/thread-self/ns/" + ns)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, link)
	}
	return append(list, strings.Split(string(mounts), "\n")...)
}

// On a machine that runs the tests of kist, a container can run, and looking leaves
// nothing behind: no mount, device or cgroup, no thread in other namespaces.
func TestObserve(t *testing.T) {
	before := traces(t)
	report, err := Run(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // whichever thread we are on by now
		if d := cmp.Diff(before, traces(t)); d != "" {
			t.Fatal(d)
		}
		time.Sleep(time.Millisecond)
	}
	for _, l := range report.Lines {
		if l.Required && l.Status != OK && (l.ID != "seccomp.filter" || seccomp.Supported) {
			t.Errorf("%s: %s: %s", l.ID, l.Status, l.Found)
		}
	}
}

// What cannot be made for want of privilege is noted, not passed over.
func TestChildWithoutPrivilege(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	out, status, err := (&command{path: "/proc/self/exe", argv: []string{"kist", "check", "--probe", setNamespaces}, sys: syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: 65534, Gid: 65534},
	}}).run(true)
	if err != nil || status.ExitStatus() != 0 {
		t.Fatalf("%v, status %d: %s", err, status.ExitStatus(), out)
	}
	var v View
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if len(v) != len(kinds) {
		t.Errorf("%d kinds", len(v))
	}
	for name, o := range v {
		if o.Errno != unix.EPERM || o.Err == "" {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestProbeUnknownSet(t *testing.T) {
	if err := Probe(&strings.Builder{}, "nosuch", nil); err == nil {
		t.Error("no error")
	}
}

func TestCommand(t *testing.T) {
	for _, test := range []struct {
		name, script, out, err string
		status                 int
	}{
		{"output", "echo out; echo err >&2; exit 3", "out\nerr\n", "", 3},
		{"long output", "head -c 3000000 /dev/zero | tr '\\0' x; echo", "", "", 0},
		{"hangs", "echo begun; exec sleep 1000", "begun\n", "takes longer than", 0},
		{"closes its output and hangs", "exec sleep 1000 >&- 2>&-", "", "takes longer than", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out, status, err := (&command{path: "/bin/sh", argv: []string{"sh", "-c", test.script}, env: []string{"PATH=/usr/bin:/bin"}, limit: time.Second}).run(true)
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("%v, want %q", err, test.err)
			}
			if test.out != "" && out != test.out || err == nil && status.ExitStatus() != test.status {
				t.Errorf("status %d, %.100q", status.ExitStatus(), out)
			}
			if test.name == "long output" && (len(out) < 1<<20 || len(out) > 2<<20) {
				t.Errorf("%d bytes kept", len(out))
			}
		})
	}
	if _, _, err := (&command{path: "/nosuch", argv: []string{"x"}}).run(false); err != unix.ENOENT {
		t.Errorf("no program: %v", err)
	}
}

func TestChooseMounts(t *testing.T) {
	const text = `22 1 254:0 / / rw - ext4 /dev/vda rw
23 22 0:20 / /proc rw - proc proc rw
24 22 0:21 / /run rw shared:1 - tmpfs tmpfs rw
25 22 8:1 / /mnt/a\040b rw - xfs /dev/sda1 rw
26 22 8:2 / /mnt/second rw - ext4 /dev/sda2 rw
27 22 0:30 / /net/home rw - nfs4 server:/ rw
28 22 0:31 / /remote rw - fuse.sshfs x rw
malformed
29 22
`
	for cwd, extra := range map[string][]string{
		"/root":         nil,
		"/run/x":        nil,
		"/net/home/me":  {"nfs4=/net/home/me"},
		"/net/homeless": nil,
	} {
		want := append([]string{"tmpfs=", "ext4=/", "xfs=/mnt/a b", "fuse=/remote"}, extra...)
		if d := cmp.Diff(want, chooseMounts(text, cwd)); d != "" {
			t.Errorf("%s: %s", cwd, d)
		}
	}
}

func FuzzChooseMounts(f *testing.F) {
	f.Add("22 1 254:0 / / rw - ext4 /dev/vda rw\n", "/")
	f.Add(" - \n1 2 3 4 \\ - x\n", "")
	f.Fuzz(func(t *testing.T, text, cwd string) {
		if got := chooseMounts(text, cwd); !slices.Contains(got, "tmpfs=") {
			t.Error(got)
		}
	})
}

func TestFirstError(t *testing.T) {
	for out, want := range map[string]string{
		"Error (criu/vdso.c:381): vdso: bad\nError (criu/crtools.c:260): Could not\n": "vdso: bad",
		"Warn  (criu/x.c:1): hm\nError (criu/y.c:2): y\n":                             "y",
		"criu: not what we know\nmore":                                                "criu: not what we know",
		"":                                                                            "",
	} {
		if got := firstError(out); got != want {
			t.Errorf("%q: %q, want %q", out, got, want)
		}
	}
}
