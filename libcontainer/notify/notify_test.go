// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFilter(t *testing.T) {
	for _, tt := range []struct {
		in, out string
		ready   bool
	}{
		{"READY=1", "MAINPID=42\nREADY=1\n", true},
		{"STATUS=up\nREADY=1\nMAINPID=1\n", "STATUS=up\nMAINPID=42\nREADY=1\n", true},
		{"READY=1\nREADY=1", "MAINPID=42\nREADY=1\n", true},
		{"READY=0", "", false},
		{"READY=11", "", false},
		{"READY", "", false},
		{" READY=1", "", false},
		{"STOPPING=1\nWATCHDOG=trigger\nFDSTORE=1\nBARRIER=1\nBUSERROR=x\nMAINPID=7\nNOTIFYACCESS=all", "", false},
		{"EXTEND_TIMEOUT_USEC=1000", "EXTEND_TIMEOUT_USEC=1000\n", false},
		{"", "", false},
	} {
		if out, ready := filter(tt.in, 42); out != tt.out || ready != tt.ready {
			t.Errorf("%q: %q, %v", tt.in, out, ready)
		}
	}
}

// sleeper is a process that stands for init.
func sleeper(t *testing.T) (pid, pidfd int) {
	t.Helper()
	pidfd = -1
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "100"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{PidFD: &pidfd}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		_ = unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED, nil)
		unix.Close(pidfd)
	})
	return pid, pidfd
}

// setUp gives the container's socket, its path, and the manager's socket with its address.
func setUp(t *testing.T, name string) (s *Socket, inside string, manager *net.UnixConn, host string) {
	t.Helper()
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	host = name
	if name[0] == '/' {
		host = dir + name
		if err := os.MkdirAll(filepath.Dir(host), 0o700); err != nil {
			t.Fatal(err)
		}
		d, err := os.Open(filepath.Dir(host))
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		t.Chdir(filepath.Dir(host))
		name = filepath.Base(host)
	}
	manager, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	old := unix.Umask(0o077)
	err = MakeDir(fd, "notify")
	if err == nil {
		s, err = Listen(fd, "notify", host)
	}
	unix.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for path, mode := range map[string]os.FileMode{"notify": 0o755, "notify/notify.sock": 0o777} {
		if st, err := os.Stat(filepath.Join(dir, path)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
	return s, filepath.Join(dir, "notify", "notify.sock"), manager, host
}

func tell(t *testing.T, path, message string) {
	t.Helper()
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, c *net.UnixConn) (message string, fds []int) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf, oob := make([]byte, 4096), make([]byte, 256)
	n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		t.Fatal(err)
	}
	if oobn > 0 {
		m, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			t.Fatal(err)
		}
		if fds, err = unix.ParseUnixRights(&m[0]); err != nil {
			t.Fatal(err)
		}
	}
	return string(buf[:n]), fds
}

func TestRelay(t *testing.T) {
	for _, name := range []string{"@kist-notify-test", "/sock", "/" + strings.Repeat("d", 120) + "/sock"} {
		s, inside, manager, _ := setUp(t, name)
		pid, pidfd := sleeper(t)
		done := make(chan error, 1)
		go func() { done <- s.Relay(pidfd, pid) }()
		tell(t, inside, "MAINPID=1\nFDSTORE=1")
		tell(t, inside, "STATUS=half way")
		tell(t, inside, strings.Repeat("x", 10000)+"\nREADY=1")
		if m, _ := hear(t, manager); m != "STATUS=half way\n" {
			t.Errorf("%q", m)
		}
		tell(t, inside, "READY=1")
		want, _ := filter("READY=1", pid)
		if m, fds := hear(t, manager); m != want || len(fds) != 0 {
			t.Errorf("%q", m)
		}
		m, fds := hear(t, manager)
		if m != "BARRIER=1" || len(fds) != 1 {
			t.Fatalf("%q, %v", m, fds)
		}
		select {
		case err := <-done:
			t.Errorf("did not wait for the barrier: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		unix.Close(fds[0])
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestExit(t *testing.T) {
	s, inside, manager, _ := setUp(t, "/sock")
	pid, pidfd := sleeper(t)
	tell(t, inside, "STATUS=last words")
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Relay(pidfd, pid); !errors.Is(err, ErrExited) {
		t.Error(err)
	}
	if m, _ := hear(t, manager); m != "STATUS=last words\n" {
		t.Errorf("%q", m)
	}
}

// A manager that never reads does not keep us for ever.
func TestBarrierLimit(t *testing.T) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	begin := time.Now()
	if err := barrier(p[0], 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// A start that was killed leaves its socket; the next one takes its place.
func TestListenAgain(t *testing.T) {
	s, inside, _, host := setUp(t, "/sock")
	s.Close()
	s.Close()
	dir, err := unix.Open(filepath.Dir(filepath.Dir(inside)), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	again, err := Listen(dir, "notify", host)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	tell(t, inside, "x")
	if err := MakeDir(dir, "notify"); !errors.Is(err, unix.EEXIST) {
		t.Error(err)
	}
	if _, err := Listen(dir, "none", host); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

func TestBadHost(t *testing.T) {
	_, inside, _, _ := setUp(t, "/sock")
	dir, err := unix.Open(filepath.Dir(filepath.Dir(inside)), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	for host, want := range map[string]string{"": "absolute path", "@": "absolute path", "vsock:2:1": "absolute path", "relative": "absolute path", "/none/x": "no such file", "/" + strings.Repeat("n", 200) + "/x": "no such file", "@" + strings.Repeat("n", 200): "invalid argument"} {
		if _, err := Listen(dir, "notify", host); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "NOTIFY_SOCKET ") {
			t.Errorf("%.30q: %v", host, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("READY=1\nSTATUS=x\nMAINPID=1")
	f.Fuzz(func(t *testing.T, in string) {
		out, ready := filter(in, 42)
		pids := 0
		for line := range strings.SplitSeq(out, "\n") {
			switch key, _, _ := strings.Cut(line, "="); key {
			case "MAINPID":
				if pids++; line != "MAINPID=42" {
					t.Errorf("%q", out)
				}
			case "READY", "STATUS", "EXTEND_TIMEOUT_USEC", "":
			default:
				t.Errorf("%q", out)
			}
		}
		if pids > 1 || ready != (pids == 1) {
			t.Errorf("%q, %v", out, ready)
		}
	})
}
