// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func sh(script string) specs.Hook {
	return specs.Hook{Path: "/bin/sh", Args: []string{"hook", "-c", script}}
}

func seconds(h specs.Hook, n int) specs.Hook {
	h.Timeout = &n
	return h
}

func run(hooks ...specs.Hook) error {
	return Run(context.Background(), "prestart", hooks, specs.State{ID: "c1"}, Host{})
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		hook specs.Hook
		want string
	}{
		{"ok", sh("true"), ""},
		{"reads nothing", sh("exec <&-; sleep 0.01"), ""},
		{"exit", sh("echo out; echo err >&2; exit 3"), "/hooks/prestart/1: /bin/sh: exit status 3: out\nerr"},
		{"silent", sh("exit 3"), "/hooks/prestart/1: /bin/sh: exit status 3"},
		{"signal", sh("kill -TERM $$"), "/hooks/prestart/1: /bin/sh: signal: terminated"},
		{"missing", specs.Hook{Path: "/none"}, "/hooks/prestart/1: /none: execute: no such file or directory"},
		{"directory", specs.Hook{Path: "/etc"}, "/hooks/prestart/1: /etc: execute: permission denied"},
		{"relative", specs.Hook{Path: "sh"}, "/hooks/prestart/1: sh: must be an absolute path"},
		{"NUL", specs.Hook{Path: "/a\x00"}, "invalid argument"},
		{"timeout 0", seconds(sh("true"), 0), "timeout 0: must be greater than zero"},
		{"timeout negative", seconds(sh("true"), -1), "timeout -1: must be greater than zero"},
		{"in time", seconds(sh("sleep 0.1"), 20), ""},
		{"binary", sh(`printf 'a\377b'; exit 1`), "a\ufffdb"},
	} {
		err := run(sh("true"), tt.hook)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// The first failure ends Run; RunAll goes on.
func TestOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	hooks := []specs.Hook{sh("echo 1 >>" + file), sh("echo 2 >>" + file + "; exit 1"), sh("echo 3 >>" + file + "; exit 4")}
	err := run(hooks...)
	text, _ := os.ReadFile(file)
	if err == nil || string(text) != "1\n2\n" {
		t.Errorf("%v, %q", err, text)
	}
	err = RunAll(context.Background(), "poststop", hooks, specs.State{}, Host{})
	text, _ = os.ReadFile(file)
	if err == nil || !strings.Contains(err.Error(), "/hooks/poststop/1:") || !strings.Contains(err.Error(), "/hooks/poststop/2:") || string(text) != "1\n2\n1\n2\n3\n" {
		t.Errorf("%v, %q", err, text)
	}
}

// The environment is the list of config.json and nothing else, also if that is empty.
func TestEnvironment(t *testing.T) {
	t.Setenv("LD_PRELOAD_OF_CALLER", "x")
	file := filepath.Join(t.TempDir(), "env")
	for _, env := range [][]string{nil, {}, {"A=1", "B=two words"}} {
		h := specs.Hook{Path: "/bin/cp", Args: []string{"cp", "/proc/self/environ", file}, Env: env}
		if err := run(h); err != nil {
			t.Fatal(err)
		}
		want := ""
		for _, e := range env {
			want += e + "\x00"
		}
		if got, _ := os.ReadFile(file); string(got) != want {
			t.Errorf("%q: %q", env, got)
		}
	}
}

func TestInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	want := specs.State{Version: "1.3.0", ID: "c1", Status: specs.StateCreating, Pid: 7, Bundle: "/b", Annotations: map[string]string{"big": strings.Repeat("x", 1<<20)}}
	// Larger than a pipe: once read completely, once not at all, once closed early.
	for _, script := range []string{"cat >" + file, "sleep 0.05", "head -c 10 >/dev/null; exec <&-; sleep 0.05"} {
		if err := Run(context.Background(), "createRuntime", []specs.Hook{sh(script)}, want, Host{}); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	if err := Run(context.Background(), "createRuntime", []specs.Hook{seconds(sh("exec sleep 5"), 1)}, want, Host{}); err == nil || time.Since(begin) > 4*time.Second {
		t.Errorf("%v after %v: the limit was not seen while the hook did not read", err, time.Since(begin))
	}
	text, _ := os.ReadFile(file)
	var got specs.State
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Nothing that a hook leaves open keeps us waiting.
func TestGrandchildren(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	defer func() { killFrom(t, file) }()
	begin := time.Now()
	if err := run(sh("sleep 1000 & echo $! >" + file)); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
	if pid := readPid(t, file); unix.Kill(pid, 0) != nil {
		t.Error("what a successful hook has started was ended")
	}
}

// At the time limit the whole group dies.
func TestTimeout(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	begin := time.Now()
	err := run(seconds(sh("echo before; sleep 1000 & echo $! >"+file+"; wait"), 1))
	if err == nil || !strings.Contains(err.Error(), "/hooks/prestart/0: /bin/sh: timeout of 1s: killed with its process group: before") {
		t.Errorf("%v", err)
	}
	if d := time.Since(begin); d < time.Second || d > 8*time.Second {
		t.Errorf("took %v", d)
	}
	waitGone(t, readPid(t, file))
}

// A grandchild that has left the group and holds the output cannot delay the end.
func TestTimeoutDaemon(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	defer func() { killFrom(t, file) }()
	err := run(seconds(sh("setsid sh -c 'echo $$ >"+file+"; exec sleep 1000' & sleep 1000"), 1))
	if err == nil || !strings.Contains(err.Error(), "timeout of 1s") {
		t.Errorf("%v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	file := filepath.Join(t.TempDir(), "pid")
	time.AfterFunc(200*time.Millisecond, func() { cancel(errors.New("interrupted")) })
	err := Run(ctx, "poststart", []specs.Hook{sh("echo $$ >" + file + "; sleep 1000")}, specs.State{}, Host{})
	if err == nil || !strings.Contains(err.Error(), "/hooks/poststart/0: /bin/sh: interrupted, killed") {
		t.Errorf("%v", err)
	}
	if err := Run(ctx, "poststart", []specs.Hook{sh("echo again >" + file)}, specs.State{}, Host{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	waitGone(t, readPid(t, file))
}

func TestFlood(t *testing.T) {
	err := run(sh("yes 0123456789 | head -c 3000000; echo last; exit 1"))
	if err == nil || !strings.HasSuffix(err.Error(), "last") || len(err.Error()) > 5000 {
		t.Errorf("%.200q", err)
	}
	for range 20 { // more in the pipe than one read takes, when the hook ends
		if err := run(sh("printf %060000d 1; echo last; exit 1")); err == nil || !strings.HasSuffix(err.Error(), "1last") {
			t.Fatalf("%.200q", err)
		}
	}
	if err := run(seconds(sh("exec yes"), 1)); err == nil || !strings.Contains(err.Error(), "timeout of 1s") {
		t.Errorf("%.200q", err)
	}
}

func TestNothingInherited(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fds")
	// As kist does at its start: what the caller of the tests has left open is not ours.
	if err := unix.CloseRange(3, 1<<20, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := run(sh("test $(ps -o pgid= -p $$) = $$; exec ls /proc/self/fd >" + file)); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "0\n1\n2\n3\n" { // 3 is how ls reads the directory
		t.Errorf("%q", got)
	}
	before, _ := os.ReadDir("/proc/self/fd")
	for range 5 {
		_ = run(sh("exit 1"), sh("true"))
		_ = run(specs.Hook{Path: "/none"})
	}
	if after, _ := os.ReadDir("/proc/self/fd"); len(after) > len(before)+2 {
		t.Errorf("descriptors: %d, then %d", len(before), len(after))
	}
}

func TestTail(t *testing.T) {
	var all []byte
	var k tail
	for i := range 300 {
		p := bytes.Repeat([]byte{byte(i)}, i*7)
		all = append(all, p...)
		k.add(p)
		if !bytes.Equal(k.bytes(), all[max(0, len(all)-maxOutput):]) || cap(k.b) > 4*maxOutput {
			t.Fatalf("after %d bytes", len(all))
		}
	}
}

func readPid(t *testing.T, file string) (pid int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range bytes.TrimSpace(text) {
		pid = pid*10 + int(c-'0')
	}
	if pid <= 1 {
		t.Fatalf("pid %d", pid)
	}
	return pid
}

func killFrom(t *testing.T, file string) { _ = unix.Kill(readPid(t, file), unix.SIGKILL) }

func waitGone(t *testing.T, pid int) {
	t.Helper()
	for range 500 {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || bytes.Contains(text, []byte(") Z ")) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("pid %d still runs", pid)
}
