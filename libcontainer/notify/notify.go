// SPDX-License-Identifier: Apache-2.0

// Package notify relays the readiness of a container to the service manager that has started kist (sd_notify(3)).
//
// It runs in the kist process, on the host. If NOTIFY_SOCKET is set, create makes a directory (MakeDir), which is bound
// to /run/notify in the container, and sets the container's NOTIFY_SOCKET to a socket in it. Start connects to the service
// manager and binds that socket (Listen) before it releases init, and waits (Relay) until the container says READY=1 or ends. Then it tells the service
// manager, with the container's init as the main process, and waits until the manager has taken note: kist may be gone
// a moment later, and a message from a process that has gone cannot be attributed to a unit any more.
//
// What comes through the socket was written by the container. Only READY, STATUS and EXTEND_TIMEOUT_USEC are passed on;
// a MAINPID or a descriptor from the container is not.
package notify

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// Directory is where the directory made by MakeDir appears in the container.
	Directory = "/run/notify"
	// Environment is the container's variable.
	Environment = "NOTIFY_SOCKET=" + Directory + "/" + socketName

	socketName = "notify.sock"
	// barrierLimit is how long the service manager may take to read its messages.
	barrierLimit = 30 * time.Second
	maxPath      = 107 // of a socket address, without the terminating zero
)

// ErrExited says that the container has ended without becoming ready.
var ErrExited = errors.New("container ended before it was ready")

// MakeDir makes the directory, in the container's own (dir), that is bound into the container. Everybody in
// the container may use the socket; on the host, dir itself is closed to others.
func MakeDir(dir int, name string) error {
	if err := unix.Mkdirat(dir, name, 0o755); err != nil {
		return fmt.Errorf("notify socket: create directory %s: %w", name, err)
	}
	// The umask must not hide it from the container's user.
	if err := unix.Fchmodat(dir, name, 0o755, 0); err != nil {
		return fmt.Errorf("notify socket: mode of directory %s: %w", name, err)
	}
	return nil
}

// Socket is the container's side, and the connection to the service manager.
type Socket struct {
	fd, manager int
	host        string
}

// Listen connects to the service manager at host, the value of kist's own NOTIFY_SOCKET, and binds the socket in the
// directory made by MakeDir. It is called before the process runs: where nobody can be told, nothing is started.
func Listen(dir int, name, host string) (*Socket, error) {
	manager, err := dial(host)
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET %q: %w", host, err)
	}
	fd, err := listen(dir, name)
	if err != nil {
		unix.Close(manager)
		return nil, fmt.Errorf("notify socket: %w", err)
	}
	return &Socket{fd, manager, host}, nil
}

func listen(dir int, name string) (int, error) {
	where, err := unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(where)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	// By descriptor: the path of a state directory may be longer than a socket address.
	address := &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(where) + "/" + socketName}
	err = unix.Bind(fd, address)
	if errors.Is(err, unix.EADDRINUSE) { // a start was killed
		if err = unix.Unlinkat(where, socketName, 0); err == nil {
			err = unix.Bind(fd, address)
		}
	}
	if err == nil {
		err = unix.Fchmodat(where, socketName, 0o777, 0)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind %s/%s: %w", name, socketName, err)
	}
	return fd, nil
}

// Close ends listening, and hangs up.
func (s *Socket) Close() {
	if s.fd >= 0 {
		unix.Close(s.fd)
		unix.Close(s.manager)
		s.fd, s.manager = -1, -1
	}
}

// Relay waits until the container is ready and tells the service manager. Pidfd and pid are the container's init.
// ErrExited if it ends before.
func (s *Socket) Relay(pidfd, pid int) error {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
	buf := make([]byte, 4096)
	for {
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return fmt.Errorf("notify socket: poll: %w", err)
		}
		// Without room for control data, the kernel drops descriptors that come with the message.
		n, _, err := unix.Recvfrom(s.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			if fds[1].Revents != 0 {
				return ErrExited // and whatever it had sent was read before
			}
			continue
		case err != nil:
			return fmt.Errorf("notify socket: receive: %w", err)
		}
		message, ready := filter(string(buf[:n]), pid)
		if message != "" {
			if err := send(s.manager, message, -1); err != nil {
				return fmt.Errorf("NOTIFY_SOCKET %q: %w", s.host, err)
			}
		}
		if ready {
			if err := barrier(s.manager, barrierLimit); err != nil {
				return fmt.Errorf("NOTIFY_SOCKET %q: %w", s.host, err)
			}
			return nil
		}
	}
}

// filter gives what of the container's message the service manager may know.
func filter(message string, pid int) (out string, ready bool) {
	var b strings.Builder
	for line := range strings.SplitSeq(message, "\n") {
		switch key, _, _ := strings.Cut(line, "="); key {
		case "READY":
			if line != "READY=1" || ready {
				continue
			}
			// In the same message, so that there is no instant at which kist counts as the main process.
			b.WriteString("MAINPID=" + strconv.Itoa(pid) + "\n")
			ready = true
		case "STATUS", "EXTEND_TIMEOUT_USEC":
		default:
			continue
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String(), ready
}

func dial(host string) (int, error) {
	if host == "" || host[0] != '/' && host[0] != '@' || host == "@" {
		return -1, errors.New("must be an absolute path or begin with @")
	}
	name := host
	if host[0] == '/' && len(host) > maxPath {
		i := strings.LastIndexByte(host, '/')
		dir, err := unix.Open(host[:i+1], unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, fmt.Errorf("connect: %w", err)
		}
		defer unix.Close(dir)
		name = "/proc/self/fd/" + strconv.Itoa(dir) + host[i:]
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	limit := unix.NsecToTimeval(int64(barrierLimit))
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: name})
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

func send(fd int, message string, descriptor int) error {
	var control []byte
	if descriptor >= 0 {
		control = unix.UnixRights(descriptor)
	}
	for {
		_, err := unix.SendmsgN(fd, []byte(message), control, nil, unix.MSG_NOSIGNAL)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		return nil
	}
}

// barrier waits until the service manager has handled what was sent: it closes the descriptor it gets with BARRIER=1,
// or the kernel does, if the manager does not know that message.
func barrier(manager int, limit time.Duration) error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(p[0])
	err := send(manager, "BARRIER=1", p[1])
	unix.Close(p[1])
	if err != nil {
		return err
	}
	deadline := time.Now().Add(limit)
	for {
		fds := []unix.PollFd{{Fd: int32(p[0]), Events: 0}} // the hang-up always counts
		n, err := unix.Poll(fds, int(max(time.Until(deadline), 0)/time.Millisecond))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("poll: %w", err)
		case n == 0:
			return fmt.Errorf("the service manager has not read its messages for %v: %w", limit, os.ErrDeadlineExceeded)
		default:
			return nil
		}
	}
}
