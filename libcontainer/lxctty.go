// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"kist/libcontainer/state"
)

// The terminals of an imported container need somebody who holds their masters
// for as long as it runs, and who copies what the console prints: LXC has its
// monitor for that. Kist has `kist lxc-terminals`, a process that create starts
// for containers with lxc.tty.max, lxc.console.path or lxc.console.logfile, and
// that ends with them. It belongs to nobody: state and delete do not need it.

// TerminalSocket is the name of the socket, in the container's state
// directory, on which the keeper gives masters to `kist lxc-console`.
const TerminalSocket = "terminals.sock"

// keepsConsole says whether the keeper takes the console: it then goes to a
// device or a file, and not to whoever runs kist.
func (c *creation) keepsConsole() bool {
	return c.lxc != nil && (c.lxc.ConsolePath != "" || c.lxc.ConsoleLog != "")
}

// takeConsole keeps the console's master for the keeper.
func (c *creation) takeConsole(master int) error {
	c.master = master
	return nil
}

// startKeeper starts the process that holds the terminals. Its descriptors
// from 3 on are the pidfd of init, its socket, the console or /dev/null, and
// the terminals.
func (c *creation) startKeeper() error {
	if c.lxc == nil || len(c.ttys) == 0 && c.master < 0 {
		return nil
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/null: %w", err)
	}
	defer unix.Close(null)
	socket, err := listenIn(c.dir, TerminalSocket)
	if err != nil {
		return fmt.Errorf("%s: %w", TerminalSocket, err)
	}
	defer unix.Close(socket)
	files := []uintptr{uintptr(null), uintptr(null), uintptr(null), uintptr(c.session.Pidfd), uintptr(socket), uintptr(null)}
	args := []string{"kist", "lxc-terminals"}
	if c.master >= 0 {
		files[5] = uintptr(c.master)
		args = append(args, "--console")
		if c.lxc.ConsolePath != "" {
			args = append(args, "--path", c.lxc.ConsolePath)
		}
		if c.lxc.ConsoleLog != "" {
			args = append(args, "--logfile", c.lxc.ConsoleLog, "--size", strconv.FormatInt(c.lxc.LogSize, 10))
		}
		if c.lxc.LogRotate {
			args = append(args, "--rotate")
		}
	}
	for _, fd := range c.ttys {
		files = append(files, uintptr(fd))
	}
	args = append(args, "--ttys", strconv.Itoa(len(c.ttys)), c.ID)
	// A session of its own: the caller's terminal and its signals are not its business.
	_, err = syscall.ForkExec("/proc/self/exe", args, &syscall.ProcAttr{Dir: "/", Files: files, Env: []string{}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return fmt.Errorf("start the keeper of the terminals: %w", err)
	}
	return nil
}

// listenIn makes a listening socket in a state directory, which only root can
// enter.
func listenIn(dir *state.Dir, name string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// By descriptor: the path of the directory may be longer than an address.
	path := "/proc/self/fd/" + strconv.Itoa(dir.FD()) + "/" + name
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Terminal asks the keeper for the master of an LXC terminal: n counts from 1,
// 0 takes the first that is free. While the connection is open the terminal is
// taken.
func (c *Container) Terminal(n int) (master, number, conn int, err error) {
	conn, err = unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, -1, err
	}
	master, number, err = c.askTerminal(conn, n)
	if err != nil {
		unix.Close(conn)
		return -1, 0, -1, c.about(err)
	}
	return master, number, conn, nil
}

func (c *Container) askTerminal(conn, n int) (master, number int, err error) {
	dir, err := unix.Open(c.root.Path(c.State.ID), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, 0, err
	}
	defer unix.Close(dir)
	err = unix.Connect(conn, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dir) + "/" + TerminalSocket})
	if err != nil {
		return -1, 0, fmt.Errorf("has no terminals (lxc.tty.max): %w", err)
	}
	if err := unix.Send(conn, []byte(strconv.Itoa(n)), unix.MSG_NOSIGNAL); err != nil {
		return -1, 0, err
	}
	buf, oob := make([]byte, 128), make([]byte, unix.CmsgSpace(4))
	k, oobn, _, _, err := unix.Recvmsg(conn, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, 0, err
	}
	if oobn == 0 {
		return -1, 0, errors.New(string(buf[:k]))
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return -1, 0, fmt.Errorf("keeper of the terminals: broken answer")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, 0, fmt.Errorf("keeper of the terminals: broken answer")
	}
	number, err = strconv.Atoi(string(buf[:k]))
	return fds[0], number, err
}
