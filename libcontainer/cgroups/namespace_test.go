// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What touches cgroups runs in a child of this test binary, in its own pid and
// mount namespaces: a mistake in killing then cannot reach the machine.
const insideEnv = "KIST_TEST_CGROUP_LAYOUT"

const (
	asHost = "host" // the host's own layout
	asV2   = "v2"   // a pure v2 view
)

// inNamespaces runs the test body for each layout, once per child process.
func inNamespaces(t *testing.T, body func(t *testing.T), layouts ...string) {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		body(t)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if len(layouts) == 0 {
		layouts = []string{asHost, asV2}
	}
	for _, layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			if layout == asHost && Detect() == V2 {
				t.Skip("the host has cgroup v2 only: the other layout covers it")
			}
			script := `exec "$@"`
			if layout == asV2 {
				script = `umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"`
			}
			name, _, _ := strings.Cut(t.Name(), "/")
			cmd := exec.Command("unshare", "-mpf", "--kill-child", "--mount-proc", "--propagation", "private",
				"sh", "-c", script, "sh", os.Args[0], "-test.run=^"+regexp.QuoteMeta(name)+"$", "-test.v", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), insideEnv+"="+layout)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			watchdog := time.AfterFunc(90*time.Second, func() { unfreeze(); _ = cmd.Process.Kill() })
			err := cmd.Wait()
			watchdog.Stop()
			switch {
			case err != nil:
				t.Errorf("%v\n%s", err, out.String())
			case !strings.Contains(out.String(), "--- PASS: "+name) && !strings.Contains(out.String(), "--- SKIP: "+name):
				t.Errorf("the test did not run:\n%s", out.String())
			case testing.Verbose():
				t.Log(out.String())
			}
		})
	}
}

// unfreeze thaws what a failed test has left frozen on v1, where not even
// SIGKILL gets through to a frozen process.
func unfreeze() {
	left, _ := filepath.Glob(mountRoot + "/freezer/kist-test-*/freezer.state")
	for _, file := range left {
		_ = writeFile(file, "THAWED")
	}
}

// testID is unique per process, and the name says where it comes from.
func testID(t *testing.T) string {
	return "kist-test-" + strings.ReplaceAll(t.Name(), "/", "-") + "-" + time.Now().Format("150405.000000")
}

// create makes a container's cgroup that the test's end removes.
func create(t *testing.T, cfg Config) *Cgroup {
	t.Helper()
	if cfg.ID == "" {
		cfg.ID = testID(t)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Thaw()
		_ = c.Kill()
		if err := c.Destroy(); err != nil {
			t.Errorf("cleanup: %v", err)
		}
	})
	return c
}

// process is a child that a test attaches.
type process struct {
	*exec.Cmd
	done chan error
}

// spawn starts a shell script that begins only when go is called.
func spawn(t *testing.T, script string) (p *process, start func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read line; "+script)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p = &process{cmd, make(chan error, 1)}
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return p, func() {
		if _, err := in.Write([]byte("\n")); err != nil {
			t.Error(err)
		}
	}
}

// killedBy waits for the end of the process and returns the signal, 0 for none.
func (p *process) killedBy(t *testing.T) syscall.Signal {
	t.Helper()
	select {
	case err := <-p.done:
		if e := (*exec.ExitError)(nil); errors.As(err, &e) {
			return e.Sys().(syscall.WaitStatus).Signal()
		}
		return 0
	case <-time.After(20 * time.Second):
		t.Fatal("the process did not end")
		return 0
	}
}

func exists(p string) bool {
	_, err := os.Lstat(p)
	return err == nil
}

func mustRead(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func mustWrite(t *testing.T, value string, elem ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(elem...), []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
}
