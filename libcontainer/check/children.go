// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a child may take. Probes take milliseconds; what loads
// modules or meets a file system that hangs takes longer.
const patience = 20 * time.Second

// command is a child and what it is given.
type command struct {
	path  string
	argv  []string
	env   []string
	extra []uintptr // descriptors from 3 on
	sys   syscall.SysProcAttr
	limit time.Duration // 0: patience
}

// run runs a command, without input, and gives what it wrote to stdout (and to
// stderr, if both). A child that takes too long is killed.
func (c *command) run(both bool) (out string, status unix.WaitStatus, err error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", 0, fmt.Errorf("/dev/null: %w", err)
	}
	defer unix.Close(null)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return "", 0, fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(pipe[0])
	files := []uintptr{uintptr(null), uintptr(pipe[1]), uintptr(null)}
	if both {
		files[2] = uintptr(pipe[1])
	}
	files = append(files, c.extra...)

	// The death signal belongs to the thread that makes the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pidfd := -1
	c.sys.PidFD, c.sys.Pdeathsig = &pidfd, syscall.SIGKILL
	pid, err := syscall.ForkExec(c.path, c.argv, &syscall.ProcAttr{Files: files, Env: c.env, Sys: &c.sys})
	unix.Close(pipe[1])
	if err != nil {
		return "", 0, err
	}
	limit := c.limit
	if limit == 0 {
		limit = patience
	}
	out, err = readFor(pipe[0], limit)
	if pidfd >= 0 { // kernels before 5.2 have none: there a child that hangs is waited for
		defer unix.Close(pidfd)
		if err != nil {
			_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		}
		if !readable(pidfd, limit) {
			// It has closed stdout and lives on, or hangs in the kernel, where nothing ends it.
			_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
			if !readable(pidfd, time.Second) {
				return out, 0, fmt.Errorf("%s: hangs in the kernel", c.argv[0])
			}
			err = fmt.Errorf("takes longer than %s", limit)
		}
	}
	for {
		if _, werr := unix.Wait4(pid, &status, 0, nil); !errors.Is(werr, unix.EINTR) {
			return out, status, err
		}
	}
}

// readable waits until a descriptor has something to read.
func readable(fd int, limit time.Duration) bool {
	end := time.Now().Add(limit)
	for {
		left := time.Until(end)
		if left < 0 {
			return false
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
		if err == nil && n > 0 {
			return true
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
	}
}

// readFor reads to the end of a pipe. What a child writes is short: 1 MiB is kept.
func readFor(fd int, limit time.Duration) (string, error) {
	var sb strings.Builder
	buf := make([]byte, 16<<10)
	end := time.Now().Add(limit)
	for {
		if !readable(fd, time.Until(end)) {
			return sb.String(), fmt.Errorf("takes longer than %s", limit)
		}
		n, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return sb.String(), fmt.Errorf("read: %w", err)
		case n == 0:
			return sb.String(), nil
		case sb.Len() < 1<<20:
			sb.Write(buf[:n])
		}
	}
}

// child starts kist itself in new namespaces to run a set of probes there. In a
// user namespace the caller is its root, and nobody else exists.
func child(set string, flags int, userns int, trees []string) (View, error) {
	c := command{
		path: "/proc/self/exe",
		argv: append([]string{"kist", "check", "--probe", set}, trees...),
		env:  []string{},
		sys:  syscall.SysProcAttr{Cloneflags: uintptr(flags)},
	}
	if userns >= 0 {
		c.extra = []uintptr{uintptr(userns)}
	}
	if flags&unix.CLONE_NEWUSER != 0 {
		c.sys.UidMappings = []syscall.SysProcIDMap{{HostID: unix.Geteuid(), Size: 1}}
		c.sys.GidMappings = []syscall.SysProcIDMap{{HostID: unix.Getegid(), Size: 1}}
	}
	out, status, err := c.run(false)
	if err != nil {
		return nil, err
	}
	if !status.Exited() || status.ExitStatus() != 0 {
		return nil, fmt.Errorf("child for probes: ended with status %#x", status)
	}
	v := View{}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		return nil, fmt.Errorf("child for probes: %w", err)
	}
	return v, nil
}

// views runs both sets in a user namespace, or in the caller's. What keeps the
// child itself from being made is noted under "child.SET".
func views(flags, userns int, trees []string) View {
	all := View{}
	for _, s := range [...]struct {
		set   string
		flags int
		trees []string
	}{
		{setNamespaces, flags, nil},
		{setContainer, flags | inContainer, trees},
	} {
		v, err := child(s.set, s.flags, userns, s.trees)
		all["child."+s.set] = outcome("", err)
		for name, o := range v {
			all[name] = o
		}
	}
	return all
}
