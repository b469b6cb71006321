// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func newPty(t *testing.T) (master, slave int) {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err = openPeer(master)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// program runs a shell script on the slave and closes our copy.
func program(t *testing.T, slave int, script string) (pidfd int) {
	t.Helper()
	pidfd = -1
	_, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{Env: os.Environ(),
		Files: []uintptr{uintptr(slave), uintptr(slave), uintptr(slave)},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: true, PidFD: &pidfd}})
	unix.Close(slave)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		_ = unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED, nil)
		unix.Close(pidfd)
	})
	return pidfd
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// relay runs a script in the foreground with pipes and gives its output.
func relay(t *testing.T, script, input string) string {
	t.Helper()
	master, slave := newPty(t)
	mode, err := unix.IoctlGetTermios(slave, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	mode.Lflag &^= unix.ECHO
	if err := setMode(slave, mode); err != nil {
		t.Fatal(err)
	}
	inR, inW := pipe(t)
	outR, outW := pipe(t)
	f, err := NewForeground(master, int(inR.Fd()), int(outW.Fd()), int(outW.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	pidfd := program(t, slave, script)
	out := make(chan string)
	go func() { b, _ := io.ReadAll(outR); out <- string(b) }()
	_, _ = inW.WriteString(input)
	inW.Close()
	if err := f.Copy(pidfd); err != nil {
		t.Error(err)
	}
	f.Close()
	outW.Close()
	return <-out
}

// Everything written before the end comes out, in every round: no race between the end and the data.
func TestDrain(t *testing.T) {
	want := strings.Repeat("0123456789abcdef\n", 3000) + "end"
	for range 20 {
		if got := relay(t, `yes 0123456789abcdef | head -n 3000; printf end`, ""); got != want {
			t.Fatalf("%d bytes, want %d; ends %q", len(got), len(want), got[max(0, len(got)-20):])
		}
	}
}

func TestInput(t *testing.T) {
	for input, want := range map[string]string{
		"one\ntwo\n": "[one\ntwo\n]",
		"no newline": "[no newline]",
		"":           "[]",
	} {
		if got := relay(t, `printf [; cat; printf ]`, input); got != want {
			t.Errorf("%q: %q, want %q", input, got, want)
		}
	}
}

// A container may leave its terminal and open it again.
func TestReopen(t *testing.T) {
	if got := relay(t, `t=$(tty); printf a; exec </dev/null >/dev/null 2>&1; sleep 0.1; printf b >$t`, ""); got != "ab" {
		t.Errorf("%q", got)
	}
}

// A surviving process that floods the terminal does not keep us.
func TestFloodAfterEnd(t *testing.T) {
	master, slave := newPty(t)
	_ = program(t, dup(t, slave), "trap '' HUP; exec yes")
	pidfd := program2(t, slave, "sleep 0.2")
	inR, _ := pipe(t)
	outR, outW := pipe(t)
	f, err := NewForeground(master, int(inR.Fd()), int(outW.Fd()), int(outW.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(outW.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	var after atomic.Int64 // upper bound of what came after the end
	go func() {            // slower than the flood, so that there is always more
		buf := make([]byte, 4096)
		for {
			if _, err := outR.Read(buf); err != nil {
				return
			}
			if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0); n > 0 {
				after.Add(int64(len(buf)))
			}
			time.Sleep(time.Millisecond)
		}
	}()
	done := make(chan error, 1)
	go func() { done <- f.Copy(pidfd) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("still copying")
	}
	if n := after.Load(); n > 4*maxDrain {
		t.Errorf("%d bytes after the end", n)
	}
	f.Close()
}

func dup(t *testing.T, fd int) int {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// program2 runs a script beside the session of the slave.
func program2(t *testing.T, slave int, script string) int {
	t.Helper()
	pidfd := -1
	_, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{Files: []uintptr{uintptr(slave)}, Sys: &syscall.SysProcAttr{PidFD: &pidfd}})
	unix.Close(slave)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED, nil); unix.Close(pidfd) })
	return pidfd
}

// If nobody reads our output any more, the container's terminal hangs up.
func TestHangUp(t *testing.T) {
	// Under nohup(1) the signal is ignored, and what is ignored cannot be trapped by a shell.
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, unix.SIGHUP)
	defer signal.Stop(hup)
	master, slave := newPty(t)
	note := filepath.Join(t.TempDir(), "note")
	pidfd := program(t, slave, `trap 'echo hup >`+note+`; exit' HUP; while :; do echo x; done`)
	inR, _ := pipe(t)
	outR, outW := pipe(t)
	f, err := NewForeground(master, int(inR.Fd()), int(outW.Fd()), int(outW.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	outR.Close()
	if err := f.Copy(pidfd); err != nil {
		t.Error(err)
	}
	f.Close()
	f.Close()
	if text, err := os.ReadFile(note); string(text) != "hup\n" {
		t.Errorf("the container got no SIGHUP: %q, %v", text, err)
	}
}

func TestTerminal(t *testing.T) {
	userMaster, user := newPty(t)
	master, slave := newPty(t)
	defer unix.Close(userMaster)
	defer unix.Close(user)
	defer unix.Close(slave)
	if err := SetSize(user, 33, 44); err != nil {
		t.Fatal(err)
	}
	before, _ := unix.IoctlGetTermios(user, unix.TCGETS)
	null, _ := os.OpenFile("/dev/null", os.O_RDWR, 0)
	defer null.Close()
	f, err := NewForeground(master, int(null.Fd()), user, user) // the terminal is not stdin
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := unix.IoctlGetTermios(user, unix.TCGETS)
	if raw.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 || raw.Iflag&unix.ICRNL != 0 || raw.Oflag&unix.OPOST == 0 {
		t.Errorf("not raw: %+v", raw)
	}
	if mode, _ := unix.IoctlGetTermios(slave, unix.TCGETS); mode.Oflag&unix.ONLCR != 0 {
		t.Error("ONLCR is on")
	}
	expect := func(rows, cols uint16) {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			size, err := unix.IoctlGetWinsize(slave, unix.TIOCGWINSZ)
			if err == nil && size.Row == rows && size.Col == cols {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("size %+v, %v", size, err)
			}
		}
	}
	expect(33, 44)
	if err := SetSize(user, 50, 132); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	expect(50, 132)
	f.Restore()
	f.Restore()
	after, _ := unix.IoctlGetTermios(user, unix.TCGETS)
	if d := cmp.Diff(before, after); d != "" {
		t.Error(d)
	}
	f.Close()
}

func TestSetSize(t *testing.T) {
	master, slave := newPty(t)
	defer unix.Close(master)
	defer unix.Close(slave)
	if err := SetSize(master, 65536, 1); err == nil || !strings.Contains(err.Error(), "65535") {
		t.Error(err)
	}
	null, _ := os.Open("/dev/null")
	defer null.Close()
	if err := SetSize(int(null.Fd()), 1, 1); err == nil || !strings.HasPrefix(err.Error(), "/process/consoleSize") {
		t.Error(err)
	}
	if IsTerminal(int(null.Fd())) || !IsTerminal(slave) {
		t.Error("IsTerminal")
	}
}

func TestNewForegroundRefuses(t *testing.T) {
	null, _ := os.Open("/dev/null")
	defer null.Close()
	if _, err := NewForeground(dup(t, int(null.Fd())), 0, 1, 2); err == nil {
		t.Error("not a pty")
	}
}

func receive(t *testing.T, l *net.UnixListener) (payload string, fds []int) {
	t.Helper()
	c, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buf, oob := make([]byte, 8192), make([]byte, 1024)
	n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%v, %d control messages", err, len(messages))
	}
	fds, err = unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		t.Cleanup(func() { unix.Close(fd) })
	}
	return string(buf[:n]), fds
}

func TestSend(t *testing.T) {
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	long := filepath.Join(dir, strings.Repeat("d", 200), strings.Repeat("e", 60))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, path := range []string{filepath.Join(dir, "sock"), filepath.Join(long, "sock"), "@sock", strings.Repeat("./", 60) + "x"} {
		listen := path
		switch {
		case len(path) > maxSocketPath && path[0] == '/':
			d, err := os.Open(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			listen = fmt.Sprintf("/proc/self/fd/%d/sock", d.Fd())
		case path[0] != '/':
			listen = filepath.Join(dir, path)
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: listen, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := Dial("--console-socket", path)
		if err != nil {
			t.Fatal(err)
		}
		if flags, _ := unix.FcntlInt(uintptr(conn), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
			t.Error("no O_CLOEXEC")
		}
		master, slave := newPty(t)
		if err := SetSize(slave, 7, uint(len(path))); err != nil {
			t.Fatal(err)
		}
		if err := SendMaster(conn, master, "/dev/pts/0"); err != nil {
			t.Fatal(err)
		}
		unix.Close(conn)
		unix.Close(master)
		payload, fds := receive(t, l)
		if payload != "/dev/pts/0" || len(fds) != 1 {
			t.Errorf("%q, %v", payload, fds)
		}
		// Both sides of a pty share their size.
		if size, err := unix.IoctlGetWinsize(fds[0], unix.TIOCGWINSZ); err != nil || size.Row != 7 || int(size.Col) != len(path) {
			t.Errorf("another terminal: %+v, %v", size, err)
		}
		unix.Close(slave)
	}
}

func TestSendPidfd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	for _, kind := range []string{"standard", "setns"} {
		conn, err := Dial("--pidfd-socket", path)
		if err != nil {
			t.Fatal(err)
		}
		if err := SendPidfd(conn, pidfd, "other"); err == nil {
			t.Error("kind other")
		}
		if err := SendPidfd(conn, pidfd, kind); err != nil {
			t.Fatal(err)
		}
		unix.Close(conn)
		payload, fds := receive(t, l)
		if payload != kind || len(fds) != 1 || unix.PidfdSendSignal(fds[0], 0, nil, 0) != nil {
			t.Errorf("%q, %v", payload, fds)
		}
	}
}

func TestDialErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	datagram := filepath.Join(dir, "datagram")
	d, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: datagram, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for path, want := range map[string]string{
		"":                                  "empty path",
		filepath.Join(dir, "none"):          "no such file or directory",
		file:                                "nobody listens",
		datagram:                            "not a stream socket",
		file + "/x":                         "not a directory",
		"/" + strings.Repeat("n", 200):      "too long",
		"/none/" + strings.Repeat("n", 200): "no such file",
	} {
		if _, err := Dial("--console-socket", path); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "--console-socket ") {
			t.Errorf("%.40q: %v", path, err)
		}
	}
	if err := SendMaster(-1, 0, ""); err == nil {
		t.Error("empty name")
	}
	if err := SendMaster(-1, 0, strings.Repeat("x", 4096)); err == nil {
		t.Error("long name")
	}
}

// A peer that has gone is an error, not a SIGPIPE.
func TestPeerGone(t *testing.T) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(p[1])
	if err := SendMaster(p[0], 0, "x"); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Error(err)
	}
	unix.Close(p[0])
}
