// SPDX-License-Identifier: Apache-2.0

// Package console connects a container's terminal with whoever looks at it.
//
// It runs in the kist process, on the host. The terminal is a pty that nsexec opens inside the container; its master
// comes to kist through the sync socket and goes on in one of two ways:
//
//   - detached: to the engine, through the socket given with --console-socket (Dial, SendMaster). Dial is called before
//     the container is set up, so that a bad path fails before anything exists.
//   - in the foreground: kist stands between the user's terminal and the master (Foreground).
//
// The pidfd of the init process travels to an engine in the same manner (--pidfd-socket, SendPidfd).
//
// The package must not open anything by a name inside the container: the slave is reached through its master
// (TIOCGPTPEER). It uses the terminal ioctls directly; a terminal library would add nothing to five ioctls.
package console

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// SetSize sets the size of the pty behind fd in characters, as config.json has it in /process/consoleSize.
func SetSize(fd int, height, width uint) error {
	if height > 0xffff || width > 0xffff {
		return fmt.Errorf("/process/consoleSize: %d×%d: a terminal has at most 65535 rows and columns", height, width)
	}
	size := unix.Winsize{Row: uint16(height), Col: uint16(width)}
	if err := ignoringEINTR(func() error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size) }); err != nil {
		return fmt.Errorf("/process/consoleSize: set: %w", err)
	}
	return nil
}

// IsTerminal reports whether fd is a terminal.
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// makeRaw switches the terminal to raw mode and returns the mode it had. Output processing stays on: it is the one
// place where a line feed becomes carriage return and line feed, since Foreground turns that off in the container's pty.
func makeRaw(fd int) (*unix.Termios, error) {
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	raw := *old
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	return old, setMode(fd, &raw)
}

func setMode(fd int, mode *unix.Termios) error {
	return ignoringEINTR(func() error { return unix.IoctlSetTermios(fd, unix.TCSETS, mode) })
}

// clearONLCR keeps the pty from turning line feeds into carriage return and line feed: what comes out of the master
// shall be the bytes that the program wrote.
func clearONLCR(fd int) error {
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	mode.Oflag &^= unix.ONLCR
	return setMode(fd, mode)
}

// openPeer gives the slave of a master. It is found through the master, not by name: a name would be looked up in
// whatever the container has mounted.
func openPeer(master int) (int, error) {
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	for {
		fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, flags)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

func ignoringEINTR(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
