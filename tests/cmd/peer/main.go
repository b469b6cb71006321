// SPDX-License-Identifier: Apache-2.0

// Command peer is the other end of kist's sockets, for the bats files: what an
// engine, systemd or a seccomp agent would be.
//
// It runs beside kist on the host, prints what it gets, a fact per line, and
// exits when there is nothing more to get. The socket exists once the first
// line, "listening", is printed. It must not use packages of kist: it stands for somebody else's
// reading of the contracts.
//
//	peer tty SOCKET [-write TEXT]     a terminal's master: name, size, then what is written to it
//	peer pidfd SOCKET                 payload, then "exited" when the process has
//	peer seccomp SOCKET [-errno N]    the process state, then the calls it is asked about
//	peer notify SOCKET                datagrams
//	peer send SOCKET TEXT             sends one datagram, from inside a container
//	peer lock FILE                    locks a file for ever, from inside a container
//	peer swap PATH PATH               exchanges two names for ever: an image that races
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: peer tty|pidfd|seccomp|notify|send|lock|swap SOCKET [flags]")
	}
	kind, socket := args[0], args[1]
	switch kind {
	case "send":
		return send(socket, strings.Join(args[2:], "\n"))
	case "lock":
		fd, err := unix.Open(socket, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
		if err == nil {
			err = unix.Flock(fd, unix.LOCK_EX)
		}
		if err != nil {
			return err
		}
		fmt.Println("locked")
		for {
			_ = unix.Pause()
		}
	case "swap":
		if len(args) != 3 {
			return fmt.Errorf("usage: peer swap PATH PATH")
		}
		for {
			if err := unix.Renameat2(unix.AT_FDCWD, args[1], unix.AT_FDCWD, args[2], unix.RENAME_EXCHANGE); err != nil {
				return err
			}
		}
	}
	flags := flag.NewFlagSet("peer", flag.ContinueOnError)
	text := flags.String("write", "", "write `TEXT` to the terminal")
	errno := flags.Int("errno", 0, "answer calls with `N`; 0 lets them happen")
	if err := flags.Parse(args[2:]); err != nil {
		return err
	}
	if kind == "notify" {
		return notify(socket)
	}
	payload, fd, err := receive(socket)
	if err != nil {
		return err
	}
	switch kind {
	case "tty":
		return terminal(payload, fd, *text)
	case "pidfd":
		return process(payload, fd)
	case "seccomp":
		return agent(payload, fd, *errno)
	}
	return fmt.Errorf("%s: unknown kind", kind)
}

// receive takes one message with exactly one descriptor from one connection.
func receive(socket string) (payload string, fd int, err error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return "", -1, err
	}
	defer l.Close()
	fmt.Println("listening")
	c, err := l.AcceptUnix()
	if err != nil {
		return "", -1, err
	}
	defer c.Close()
	data, oob := make([]byte, 64<<10), make([]byte, 4096)
	n, oobn, _, _, err := c.ReadMsgUnix(data, oob)
	if err != nil {
		return "", -1, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return "", -1, err
	}
	if len(messages) != 1 {
		return "", -1, fmt.Errorf("%d control messages, want 1 (payload %q)", len(messages), data[:n])
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return "", -1, err
	}
	if len(fds) != 1 {
		return "", -1, fmt.Errorf("%d descriptors, want 1", len(fds))
	}
	return string(data[:n]), fds[0], nil
}

// terminal prints what is written to the terminal until its last user is gone.
func terminal(name string, master int, text string) error {
	size, err := unix.IoctlGetWinsize(master, unix.TIOCGWINSZ)
	if err != nil {
		return err
	}
	fmt.Printf("name %s\nsize %dx%d\n", name, size.Row, size.Col)
	if text != "" {
		if _, err := unix.Write(master, []byte(text+"\n")); err != nil {
			return err
		}
	}
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(master, buf)
		if err == unix.EIO || n == 0 && err == nil {
			return nil
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		os.Stdout.Write(buf[:n])
	}
}

// process waits for the end of the process that a pidfd refers to.
func process(payload string, pidfd int) error {
	fmt.Printf("payload %s\n", payload)
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		fmt.Println("exited")
		return nil
	}
}

// send is what a service does to say that it is ready.
func send(socket, text string) error {
	c, err := net.Dial("unixgram", socket)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(text))
	return err
}

// notify prints each datagram, its lines joined by spaces, and the number of
// descriptors that came with it.
func notify(socket string) error {
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Println("listening")
	data, oob := make([]byte, 64<<10), make([]byte, 4096)
	for {
		n, oobn, _, _, err := c.ReadMsgUnix(data, oob)
		if err != nil {
			return err
		}
		fds := 0
		if messages, err := unix.ParseSocketControlMessage(oob[:oobn]); err == nil {
			for i := range messages {
				if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
					fds += len(got)
					for _, fd := range got {
						unix.Close(fd)
					}
				}
			}
		}
		fmt.Printf("datagram %q fds %d\n", data[:n], fds)
	}
}
