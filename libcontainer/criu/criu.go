// SPDX-License-Identifier: Apache-2.0

// Package criu has CRIU save and restore process trees.
//
// It runs in the kist process, on the host. CRIU is a program of its own, started as `criu swrk FD` with one end of a
// SOCK_SEQPACKET socket pair: a service for this one request. A request goes over, and until its response comes CRIU
// sends notifications and waits for the word to go on after each. What a notification is worth is the caller's business;
// here are the process, the messages, and what CRIU says when it fails.
//
// The messages are those of rpc.proto in CRIU's source. This package is the only one that knows them: its own Options
// name what kist uses, in the terms of a container.
//
// The package must not look criu up in PATH, in the working directory or in a container's root (see Find), must not give
// it a variable of the caller's environment, and must not end it half way: a CRIU that is killed leaves its own code in
// the processes it was working on.
package criu

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// MinVersion is the oldest CRIU that knows all that kist asks for, as Version counts: 3.16.
const MinVersion = 3*10000 + 16*100

// ErrNotFound says that there is no CRIU on this host.
var ErrNotFound = errors.New("criu is not installed (looked in " + searchPath + "): install the package criu")

// searchPath is where criu is looked for, and also the PATH it gets: it runs iptables, ip and tar by their names.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Find gives the path of the criu program; PATH belongs to the caller and has no say.
func Find() (string, error) {
	for rest := searchPath; rest != ""; {
		dir := rest
		rest = ""
		for i := range len(dir) {
			if dir[i] == ':' {
				dir, rest = dir[:i], dir[i+1:]
				break
			}
		}
		var st unix.Stat_t
		path := dir + "/criu"
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0 {
			return path, nil
		}
	}
	return "", ErrNotFound
}

// Config says how to start CRIU.
type Config struct {
	Path string
	// Stdio are the descriptors that become its 0, 1 and 2; restored processes may inherit them.
	Stdio [3]int
	// Inherit are further descriptors, which become 3, 4, … for Options.Inherit to refer to.
	Inherit []int
	// SameGroup leaves it in kist's process group. In one of its own, which is the rule, no Ctrl-C at the terminal ends
	// it half way; but a restored job of the shell (Options.ShellJob) lives in its group.
	SameGroup bool
}

// Session is a running CRIU.
type Session struct {
	Pid   int
	Pidfd int
	sock  int
	log   logFile
}

// Start starts CRIU, which then waits for a request. It is a child of kist; Close reaps it. Namespaces and keyring are
// those of the calling thread.
func Start(c *Config) (*Session, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("criu: socketpair: %w", err)
	}
	defer unix.Close(pair[1])
	files := make([]uintptr, 0, 4+len(c.Inherit))
	for _, fd := range c.Stdio {
		files = append(files, uintptr(fd))
	}
	for _, fd := range c.Inherit {
		files = append(files, uintptr(fd))
	}
	files = append(files, uintptr(pair[1]))
	s := &Session{Pid: -1, Pidfd: -1, sock: pair[0]}
	s.Pid, err = syscall.ForkExec(c.Path, []string{"criu", "swrk", strconv.Itoa(len(files) - 1)}, &syscall.ProcAttr{
		Files: files,
		Env:   []string{"PATH=" + searchPath},
		Sys:   &syscall.SysProcAttr{Setpgid: !c.SameGroup, PidFD: &s.Pidfd},
	})
	if err != nil {
		s.Pid = -1
		s.hangUp()
		return nil, fmt.Errorf("%s: execute: %w", c.Path, err)
	}
	return s, nil
}

func (s *Session) hangUp() {
	if s.sock >= 0 {
		unix.Close(s.sock)
		s.sock = -1
	}
}

// Close ends the connection, which is for CRIU the sign to end in good order, and waits for that. It gives how CRIU
// ended where that was not by its own will, "" else.
func (s *Session) Close() string {
	s.hangUp()
	if s.Pid <= 0 {
		return ""
	}
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(s.Pid, &ws, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			ws = 0
		}
		break
	}
	s.Pid = -1
	if s.Pidfd >= 0 {
		unix.Close(s.Pidfd)
		s.Pidfd = -1
	}
	switch {
	case ws.Signaled():
		return "was killed by " + unix.SignalName(ws.Signal())
	case ws.ExitStatus() != 0:
		return "ended with status " + strconv.Itoa(ws.ExitStatus())
	}
	return ""
}
