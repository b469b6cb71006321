// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// spawn starts a shell script whose standard input never ends, with a pidfd. The process is killed at the end of the
// test; reap tells whether it is also waited for before.
func spawn(t *testing.T, script string) (pid, pidfd int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	pidfd = -1
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{
		Files: []uintptr{uintptr(p[0]), 1, 2}, Sys: &syscall.SysProcAttr{PidFD: &pidfd}})
	unix.Close(p[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		_ = unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED, nil)
		unix.Close(pidfd)
		unix.Close(p[1])
	})
	return pid, pidfd
}

// end kills the process; it stays a zombie until reap.
func end(t *testing.T, pidfd int) {
	t.Helper()
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

func reap(t *testing.T, pidfd int) {
	t.Helper()
	if err := unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED, nil); err != nil {
		t.Fatal(err)
	}
}

// container makes a finished container whose init is the process, and loads it anew.
func container(t *testing.T, r *Root, id string, pid, pidfd int) *State {
	t.Helper()
	s := minimal(id)
	d, err := r.Create(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Unlock()
	if err := s.RecordInit(pid, pidfd); err != nil {
		t.Fatal(err)
	}
	s.Finish()
	if err := d.Save(s); err != nil {
		t.Fatal(err)
	}
	if s, err = r.Load(id); err != nil {
		t.Fatal(err)
	}
	return s
}

func expectStatus(t *testing.T, s *State, want Status) {
	t.Helper()
	if got, err := s.Status(nil); got != want || err != nil {
		t.Errorf("status %q, %v, want %q", got, err, want)
	}
}

func expectNotRunning(t *testing.T, s *State) {
	t.Helper()
	if fd, err := s.OpenInit(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("OpenInit: %d, %v", fd, err)
	}
	if err := s.Signal(0); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "container not running") {
		t.Errorf("Signal: %v", err)
	}
}

func TestStatus(t *testing.T) {
	r := testRoot(t)
	// The shell takes nsexec's name and waits; then it executes the "program".
	pid, pidfd := spawn(t, `printf kist:init >/proc/$$/comm && : >`+r.path+`/ready && read x; exec sleep 100`)
	for range 500 {
		if _, err := os.Stat(r.path + "/ready"); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s := container(t, r, "c1", pid, pidfd)
	expectStatus(t, s, StatusRunning) // no socket: start has been accepted
	if err := os.WriteFile(r.Path("c1")+"/"+StartSocket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expectStatus(t, s, StatusCreated)
	if got, _ := s.Status(func() bool { return true }); got != StatusPaused {
		t.Errorf("frozen: %v", got)
	}
	if err := s.Signal(0); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*State){
		func(s *State) { s.InitStartTime++ },
		func(s *State) { s.BootID = testBoot },
	} {
		other := *s
		change(&other)
		expectStatus(t, &other, StatusStopped)
		expectNotRunning(t, &other)
	}
	if s.InitInode != 0 {
		other := *s
		other.InitInode++
		expectNotRunning(t, &other)
	}
	end(t, pidfd) // a zombie
	expectStatus(t, s, StatusStopped)
	expectNotRunning(t, s)
	reap(t, pidfd) // gone
	expectStatus(t, s, StatusStopped)
	expectNotRunning(t, s)
	if got, _ := s.Status(func() bool { t.Error("asked about the cgroup of a dead container"); return true }); got != StatusStopped {
		t.Errorf("%v", got)
	}
}

func TestStatusRunning(t *testing.T) {
	r := testRoot(t)
	pid, pidfd := spawn(t, "read x")
	s := container(t, r, "c1", pid, pidfd)
	if err := os.WriteFile(r.Path("c1")+"/"+StartSocket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expectStatus(t, s, StatusRunning) // another program already, although start has not yet removed the socket
}

func TestStatusCreating(t *testing.T) {
	r := testRoot(t)
	d := mustCreate(t, r, "c1")
	defer d.Unlock()
	s, _ := d.Load()
	expectStatus(t, s, StatusCreating)
	expectNotRunning(t, s)
	pid, pidfd := spawn(t, "read x")
	p, err := readProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	s.CreatorPid, s.CreatorStartTime = pid, p.start
	expectStatus(t, s, StatusCreating)
	end(t, pidfd)
	expectStatus(t, s, StatusStopped)
}

func TestParseStat(t *testing.T) {
	tail := " S" + strings.Repeat(" 1", 18) + " 4711 99 99\n"
	for comm, line := range map[string]string{
		"sh":           "12 (sh)" + tail,
		"a) Z 1 1":     "12 (a) Z 1 1)" + tail,
		"kist:init":    "12 (kist:init)" + tail,
		"\n( ) (":      "12 (\n( ) ()" + tail,
		"with newline": "12 (with newline)" + tail,
	} {
		p, err := parseStat([]byte(line))
		if err != nil || p.comm != comm || p.state != 'S' || p.start != 4711 {
			t.Errorf("%q: %+v, %v", line, p, err)
		}
	}
	for _, bad := range []string{"", "12", "12 (sh", "12 (sh)", "12 (sh) S 1 1", "12 )sh( S", "12 (sh) S" + strings.Repeat(" x", 30), "12 (sh) SS" + strings.Repeat(" 1", 30)} {
		if p, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func TestParseBootTimeOffset(t *testing.T) {
	for text, want := range map[string]int64{
		"monotonic           0         0\nboottime       86400 500000000\n": 8640050,
		"monotonic 1 0\n7 -10 0\n": -1000,
		"":                         0,
		"boottime x y\n":           0,
	} {
		if got := parseBootTimeOffset([]byte(text)); got != want {
			t.Errorf("%q: %d", text, got)
		}
	}
}

// inside runs one test of this binary under unshare and gives its output.
func inside(t *testing.T, test string, env []string, flags ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", append(flags, self, "-test.run=^"+test+"$", "-test.v")...)
	cmd.Env = append(os.Environ(), append(env, "KIST_TEST_INSIDE=1")...)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// An impostor with init's pid is never taken for init: neither later, nor if it was born within the same clock tick.
func TestPidReuse(t *testing.T) {
	if os.Getenv("KIST_TEST_INSIDE") == "" {
		inside(t, "TestPidReuse", nil, "-mpf", "--mount-proc", "--propagation", "private")
		return
	}
	r := testRoot(t)
	for _, later := range []bool{true, false} {
		pid, pidfd := spawn(t, "read x")
		s := container(t, r, fmt.Sprint("c", later), pid, pidfd)
		expectStatus(t, s, StatusRunning)
		end(t, pidfd)
		reap(t, pidfd)
		if later {
			time.Sleep(30 * time.Millisecond)
		}
		impostor := 0
		for range 50 { // Go's own threads take numbers too
			if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
				t.Fatal(err)
			}
			if impostor, _ = spawn(t, "read x"); impostor == pid {
				break
			}
		}
		if impostor != pid {
			t.Fatal("the pid was not used again")
		}
		if later {
			expectStatus(t, s, StatusStopped)
		} else {
			// The same tick cannot be forced, so the record is made to say so.
			p, err := readProcess(pid)
			if err != nil {
				t.Fatal(err)
			}
			s.InitStartTime = p.start
			if s.InitInode == 0 {
				t.Skip("no pidfs")
			}
		}
		expectNotRunning(t, s)
	}
}

// Start times look different in a time namespace; the container is the same.
func TestTimeNamespace(t *testing.T) {
	if dir := os.Getenv("KIST_TEST_ROOT"); dir != "" {
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.Load("c1")
		if err != nil {
			t.Fatal(err)
		}
		if p, err := readProcess(s.InitPid); err != nil || p.start == s.InitStartTime {
			t.Fatalf("the namespace has no effect: %+v, %v", p, err)
		}
		expectStatus(t, s, StatusRunning)
		if err := s.Signal(0); err != nil {
			t.Error(err)
		}
		// A record made here holds the host's view.
		again := *s
		fd, err := s.OpenInit()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.RecordInit(s.InitPid, fd); err != nil {
			t.Fatal(err)
		}
		if d := int64(again.InitStartTime - s.InitStartTime); d < -1 || d > 1 {
			t.Errorf("recorded %d, on the host %d", again.InitStartTime, s.InitStartTime)
		}
		return
	}
	r := testRoot(t)
	pid, pidfd := spawn(t, "read x")
	container(t, r, "c1", pid, pidfd)
	inside(t, "TestTimeNamespace", []string{"KIST_TEST_ROOT=" + r.path}, "--time", "--boottime", "86400", "--monotonic", "5", "-f")
}
