// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The escape of lxc-console: Ctrl-A, then q. Ctrl-A twice is one for the container.
const (
	escapeKey = 1
	leaveKey  = 'q'
)

// AttachTerminal connects the caller's terminal with a master until the
// container ends, the caller's input does, or the escape is typed.
func (c *Container) AttachTerminal(master, in, out int) error {
	pidfd, err := c.State.OpenInit()
	if err != nil {
		return c.about(err)
	}
	defer unix.Close(pidfd)
	if old, err := unix.IoctlGetTermios(in, unix.TCGETS); err == nil {
		raw := *old
		raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		raw.Oflag &^= unix.OPOST
		raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
		if err := unix.IoctlSetTermios(in, unix.TCSETS, &raw); err != nil {
			return fmt.Errorf("terminal: raw mode: %w", err)
		}
		defer func() { _ = unix.IoctlSetTermios(in, unix.TCSETS, old) }()
		if size, err := unix.IoctlGetWinsize(in, unix.TIOCGWINSZ); err == nil {
			_ = unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, size)
		}
	}
	return relayTerminal(pidfd, master, in, out)
}

func relayTerminal(pidfd, master, in, out int) error {
	polled := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(master), Events: unix.POLLIN}, {Fd: int32(in), Events: unix.POLLIN}}
	buf := make([]byte, 4096)
	escaped := false
	peer, err := holdPeer(master, -1)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	defer func() { unix.Close(peer) }()
	for {
		if _, err := unix.Poll(polled, -1); err == unix.EINTR {
			continue
		} else if err != nil {
			return fmt.Errorf("terminal: poll: %w", err)
		}
		if r := polled[1].Revents; r&unix.POLLIN != 0 {
			n, err := unix.Read(master, buf)
			if err == nil && n > 0 {
				if err := writeFull(out, buf[:n]); err != nil {
					return err
				}
			}
		} else if r != 0 {
			if peer, err = holdPeer(master, peer); err != nil {
				return nil // the container's devpts has gone
			}
		}
		if polled[2].Revents != 0 {
			n, err := unix.Read(in, buf)
			if n <= 0 && err != unix.EINTR && err != unix.EAGAIN {
				return nil
			}
			var leave bool
			keys := unescape(buf[:max(n, 0)], &escaped, &leave)
			if err := writeFull(master, keys); err != nil || leave {
				return err
			}
		}
		if polled[0].Revents != 0 && polled[1].Revents == 0 {
			return nil
		}
	}
}

// unescape takes the escape out of what was typed.
func unescape(typed []byte, escaped, leave *bool) []byte {
	var keys []byte
	for _, b := range typed {
		switch {
		case !*escaped && b == escapeKey:
			*escaped = true
			continue
		case *escaped && b == leaveKey:
			*leave = true
			return keys
		case *escaped && b != escapeKey:
			keys = append(keys, escapeKey)
		}
		*escaped = false
		keys = append(keys, b)
	}
	return keys
}

func writeFull(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if err != nil && err != unix.EINTR {
			return err
		}
		p = p[max(n, 0):]
	}
	return nil
}
