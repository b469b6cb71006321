// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"kist/libcontainer/state"
)

// A created container waits in accept(2) on a socket in its state directory.
// `kist start` connects, and from then on is nsexec's parent: it serves its
// sync points (startContainer hooks, the seccomp listener), hears of a failing
// execve, and sees a successful one as the end of the connection. The socket
// is found through a descriptor of the directory, so that its path's length
// does not matter and it cannot be exchanged on the way.

func startAddress(dir int) *unix.SockaddrUnix {
	return &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dir) + "/" + state.StartSocket}
}

// listenStart makes the socket. Its backlog is one: there is one start.
func listenStart(dir int) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: socket: %w", state.StartSocket, err)
	}
	if err := unix.Bind(fd, startAddress(dir)); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: bind: %w", state.StartSocket, err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: listen: %w", state.StartSocket, err)
	}
	return fd, nil
}

// connectStart connects to it.
func connectStart(dir int) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: socket: %w", state.StartSocket, err)
	}
	if err := unix.Connect(fd, startAddress(dir)); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: connect: %w", state.StartSocket, err)
	}
	return fd, nil
}
