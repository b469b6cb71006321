// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Keeper is the process of `kist lxc-terminals`: it holds the masters of an
// imported container's terminals, copies what the console prints to a file or
// device, and ends with the container. It runs on the host.
type Keeper struct {
	Pidfd   int   // init of the container
	Socket  int   // where terminals are asked for
	Console int   // master of the console, -1 if it is somebody else's
	TTYs    []int // masters of /dev/tty1 and so on
	Path    string
	Logfile string
	Size    int64 // bytes after which the log begins anew, 0 for no limit
	Rotate  bool  // keep the full log as LOGFILE.1

	peer    int // the console's other end: without one the master would report a hang-up
	device  int // descriptor of Path, -1
	input   bool
	log     int // descriptor of Logfile, -1
	written int64
	users   []int // connection that has each terminal, -1 for none
}

// Serve works until the container ends.
func (k *Keeper) Serve() error {
	k.device, k.log, k.peer = -1, -1, -1
	if err := k.open(); err != nil {
		return err
	}
	k.users = make([]int, len(k.TTYs))
	for i := range k.users {
		k.users[i] = -1
	}
	const ended, socket, console, device, fixed = 0, 1, 2, 3, 4
	for {
		polled := make([]unix.PollFd, fixed, fixed+len(k.users))
		polled[ended] = unix.PollFd{Fd: int32(k.Pidfd), Events: unix.POLLIN}
		polled[socket] = unix.PollFd{Fd: int32(k.Socket), Events: unix.POLLIN}
		polled[console] = unix.PollFd{Fd: int32(k.Console), Events: unix.POLLIN}
		polled[device] = unix.PollFd{Fd: -1, Events: unix.POLLIN}
		if k.input {
			polled[device].Fd = int32(k.device)
		}
		for _, fd := range k.users {
			polled = append(polled, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
		if _, err := unix.Poll(polled, -1); err == unix.EINTR {
			continue
		} else if err != nil {
			return fmt.Errorf("terminals: poll: %w", err)
		}
		if polled[console].Revents != 0 {
			k.copyOut()
		}
		if polled[device].Revents != 0 {
			k.copyIn()
		}
		if polled[socket].Revents != 0 {
			k.accept()
		}
		for i := range k.users {
			if polled[fixed+i].Revents != 0 { // a user says nothing but that it leaves
				unix.Close(k.users[i])
				k.users[i] = -1
			}
		}
		if polled[ended].Revents != 0 && polled[console].Revents == 0 {
			return nil
		}
	}
}

// open opens what the console is copied to.
func (k *Keeper) open() (err error) {
	if k.Console < 0 {
		return nil
	}
	if k.peer, err = holdPeer(k.Console, -1); err != nil {
		return fmt.Errorf("console: %w", err)
	}
	if k.Path != "" {
		k.device, err = unix.Open(k.Path, unix.O_RDWR|unix.O_CREAT|unix.O_APPEND|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return fmt.Errorf("console %s: open: %w", k.Path, err)
		}
		var st unix.Stat_t
		// A file has nothing to type.
		k.input = unix.Fstat(k.device, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR
	}
	if k.Logfile != "" {
		return k.openLog()
	}
	return nil
}

// holdPeer opens the other end of a pseudo terminal in place of old: a master
// without one reports a hang-up all the time. A getty that calls vhangup(2)
// takes it away, and then it is opened again.
func holdPeer(master, old int) (int, error) {
	if old >= 0 {
		unix.Close(old)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, fmt.Errorf("TIOCGPTPEER: %w", errno)
	}
	return int(peer), nil
}

func (k *Keeper) openLog() (err error) {
	k.log, err = unix.Open(k.Logfile, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("console log %s: open: %w", k.Logfile, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(k.log, &st); err != nil {
		return err
	}
	k.written = st.Size
	return nil
}

// copyOut copies what the console prints.
func (k *Keeper) copyOut() {
	buf := make([]byte, 4096)
	n, err := unix.Read(k.Console, buf)
	if err == unix.EINTR || err == unix.EAGAIN {
		return
	}
	if n <= 0 || err != nil {
		if k.peer, err = holdPeer(k.Console, k.peer); err != nil {
			unix.Close(k.Console)
			k.Console = -1
		}
		return
	}
	if k.device >= 0 {
		_, _ = unix.Write(k.device, buf[:n]) // a terminal that nobody reads drops it, as a serial line would
	}
	if k.log >= 0 {
		k.logOut(buf[:n])
	}
}

// logOut appends to the log, and begins it anew when it is full.
func (k *Keeper) logOut(p []byte) {
	if k.Size > 0 && k.written+int64(len(p)) > k.Size {
		if k.Rotate {
			_ = os.Rename(k.Logfile, k.Logfile+".1")
			unix.Close(k.log)
			k.log = -1
			if k.openLog() != nil {
				return
			}
		} else {
			_ = unix.Ftruncate(k.log, 0)
		}
		k.written = 0
	}
	n, _ := unix.Write(k.log, p)
	k.written += int64(max(n, 0))
}

// copyIn types what comes from the console's device.
func (k *Keeper) copyIn() {
	buf := make([]byte, 4096)
	n, err := unix.Read(k.device, buf)
	if err == unix.EINTR || err == unix.EAGAIN {
		return
	}
	if n <= 0 || err != nil {
		k.input = false // the device has hung up; what the console prints is still logged
		return
	}
	if k.Console >= 0 {
		_, _ = unix.Write(k.Console, buf[:n])
	}
}

// accept gives a terminal to who asks for one.
func (k *Keeper) accept() {
	conn, _, err := unix.Accept4(k.Socket, unix.SOCK_CLOEXEC)
	if err != nil {
		return
	}
	// The asker is root and sends at once; one that does not must not hold us up.
	_ = unix.SetsockoptTimeval(conn, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
	buf := make([]byte, 16)
	n, err := unix.Read(conn, buf)
	if err != nil || n <= 0 {
		unix.Close(conn)
		return
	}
	i, why := k.choose(string(buf[:n]))
	if why != "" {
		_ = unix.Send(conn, []byte(why), unix.MSG_NOSIGNAL)
		unix.Close(conn)
		return
	}
	if unix.Sendmsg(conn, []byte(strconv.Itoa(i+1)), unix.UnixRights(k.TTYs[i]), nil, unix.MSG_NOSIGNAL) != nil {
		unix.Close(conn)
		return
	}
	k.users[i] = conn
}

// choose finds the terminal that is asked for, or says why there is none.
func (k *Keeper) choose(asked string) (int, string) {
	n, err := strconv.Atoi(asked)
	if err != nil || n < 0 || n > len(k.TTYs) {
		return 0, fmt.Sprintf("there is no tty %s (lxc.tty.max is %d)", asked, len(k.TTYs))
	}
	if n > 0 {
		if k.users[n-1] >= 0 {
			return 0, fmt.Sprintf("tty %d is in use", n)
		}
		return n - 1, ""
	}
	for i, user := range k.users {
		if user < 0 {
			return i, ""
		}
	}
	return 0, fmt.Sprintf("all %d terminals are in use", len(k.TTYs))
}
