// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// listenerTimeout is for how many seconds an agent may keep the runtime waiting, for the connection and for each write.
const listenerTimeout = 30

// SendListener hands a notification file descriptor to the agent that listens on the UNIX stream socket at path: one
// connection, one message, which is the state as JSON with fd as SCM_RIGHTS (runtime-spec, config-linux.md: seccomp).
// state.Fds is filled in here. fd stays open.
func SendListener(path string, state specs.ContainerProcessState, fd int) error {
	state.Fds = []string{listenerName}
	message, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("seccomp agent %s: encode the state: %w", path, err)
	}
	socket, err := connect(path)
	if err != nil {
		return fmt.Errorf("seccomp agent %s: connect: %w; is the agent running?", path, err)
	}
	defer unix.Close(socket)
	rights := unix.UnixRights(fd)
	for len(message) > 0 {
		n, err := unix.SendmsgN(socket, message, rights, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			// The descriptor travels with the first byte.
			message, rights = message[n:], nil
		case unix.EINTR:
		case unix.EAGAIN:
			return fmt.Errorf("seccomp agent %s: send: the agent did not read for %d seconds", path, listenerTimeout)
		default:
			return fmt.Errorf("seccomp agent %s: send: %w", path, err)
		}
	}
	return nil
}

func connect(path string) (int, error) {
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: listenerTimeout})
	if err == nil {
		err = connectTo(socket, path)
	}
	if err != nil {
		unix.Close(socket)
		return -1, err
	}
	return socket, nil
}

func connectTo(socket int, path string) error {
	// An address holds 107 bytes of path. A longer one is reached through its directory.
	if len(path) >= len(unix.RawSockaddrUnix{}.Path) {
		dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(dir)
		path = "/proc/self/fd/" + strconv.Itoa(dir) + "/" + filepath.Base(path)
	}
	for {
		err := unix.Connect(socket, &unix.SockaddrUnix{Name: path})
		if err == unix.EAGAIN {
			return fmt.Errorf("the agent did not accept for %d seconds", listenerTimeout)
		}
		if err != unix.EINTR {
			return err
		}
	}
}
