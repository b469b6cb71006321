// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// sendLimit bounds connecting and sending: a listener that does not accept must not hang create.
const sendLimit = 10 * time.Second

// maxSocketPath is the longest path that fits a socket address with its terminating zero.
const maxSocketPath = 107

// Dial connects to the stream socket at path and gives the connection, which the caller closes. What names the socket
// in errors, for example "--console-socket". Longer paths than a socket address holds are reached through a descriptor
// of their directory.
func Dial(what, path string) (int, error) {
	fd, err := dial(path)
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		err = fmt.Errorf("nobody listens on it, or it is not a socket: %w", err)
	case errors.Is(err, unix.EPROTOTYPE):
		err = fmt.Errorf("not a stream socket: %w", err)
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINPROGRESS):
		err = fmt.Errorf("the listener has not accepted for %v", sendLimit)
	}
	if err != nil {
		return -1, fmt.Errorf("%s %s: connect: %w", what, path, err)
	}
	return fd, nil
}

func dial(path string) (int, error) {
	address := path
	switch {
	case path == "":
		return -1, errors.New("empty path")
	case len(path) > maxSocketPath:
		dir, name := filepath.Split(path)
		if dir == "" {
			dir = "."
		}
		dirfd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		defer unix.Close(dirfd)
		address = "/proc/self/fd/" + strconv.Itoa(dirfd) + "/" + name
		if len(address) > maxSocketPath {
			return -1, fmt.Errorf("the name of the socket itself is too long: %w", unix.ENAMETOOLONG)
		}
	case path[0] == '@':
		address = "./" + path // package unix takes a leading @ for an abstract address; here it is a file
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// For a unix socket the kernel applies the send time limit to connect too.
	limit := unix.NsecToTimeval(int64(sendLimit))
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err == nil {
		err = ignoringEINTR(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: address}) })
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// SendMaster hands the master of the container's terminal to the engine: one message with one descriptor and, as its
// payload, a name for it. Receivers require 1 to 4095 bytes.
func SendMaster(conn, master int, name string) error {
	if name == "" || len(name) > 4095 {
		return fmt.Errorf("--console-socket: send the terminal: a name of %d bytes", len(name))
	}
	if err := sendDescriptor(conn, master, name); err != nil {
		return fmt.Errorf("--console-socket: send the terminal: %w", err)
	}
	return nil
}

// SendPidfd hands a pidfd to the engine. Kind is "standard" for the init process of a new container, "setns" for a
// process that exec has added.
func SendPidfd(conn, pidfd int, kind string) error {
	if kind != "standard" && kind != "setns" {
		return fmt.Errorf("--pidfd-socket: send the pidfd: unknown kind of process %q", kind)
	}
	if err := sendDescriptor(conn, pidfd, kind); err != nil {
		return fmt.Errorf("--pidfd-socket: send the pidfd: %w", err)
	}
	return nil
}

func sendDescriptor(conn, fd int, payload string) error {
	err := ignoringEINTR(func() error {
		n, err := unix.SendmsgN(conn, []byte(payload), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL)
		if err == nil && n != len(payload) {
			err = fmt.Errorf("sent %d of %d bytes", n, len(payload))
		}
		return err
	})
	if errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("the receiver has not read for %v", sendLimit)
	}
	return err
}
