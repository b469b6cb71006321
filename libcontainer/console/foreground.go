// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Foreground relays between the caller's standard streams and a container's pty.
type Foreground struct {
	master, slave   int
	stdin, stdout   int
	terminal        int // the caller's terminal, -1 if none of its streams is one
	mode            *unix.Termios
	winch           chan os.Signal
	restore, hangUp sync.Once

	mu      sync.Mutex // between the input goroutine and the end of the pty
	stop    int        // eventfd that ends the input goroutine, which closes it
	copying bool       // that goroutine exists
	stopped bool       // the pty is closed or about to be
}

// NewForeground takes over the master: from now on it belongs to the Foreground, also if there is an error. The
// terminal among stdin, stdout and stderr, if there is one, is switched to raw mode and gives the pty its size; without
// one the streams are relayed as they are.
//
// It is called before the container's program starts, so that the program finds the mode and the size that will stay.
// The caller must have taken over (os/signal) the signals that it forwards to the container, so that none of them can
// end kist while the terminal is raw, and must call Close on every way out.
func NewForeground(master, stdin, stdout, stderr int) (*Foreground, error) {
	f := &Foreground{master: master, slave: -1, stdin: stdin, stdout: stdout, terminal: -1, stop: -1}
	if err := f.setUp(stderr); err != nil {
		f.Close()
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return f, nil
}

func (f *Foreground) setUp(stderr int) (err error) {
	// With a slave of our own the pty never reports a hang-up: a container may close its terminal and open it again.
	if f.slave, err = openPeer(f.master); err != nil {
		return fmt.Errorf("open the container's side: %w", err)
	}
	if err = clearONLCR(f.master); err != nil {
		return fmt.Errorf("clear ONLCR: %w", err)
	}
	// The master's file is nobody else's, so it may become non-blocking: a container that does not read its input
	// must not stop us. The caller's streams are shared with its shell and stay as they are.
	if err = unix.SetNonblock(f.master, true); err != nil {
		return err
	}
	if f.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	for _, fd := range [3]int{f.stdin, f.stdout, stderr} {
		if IsTerminal(fd) {
			f.terminal = fd
			break
		}
	}
	if f.terminal < 0 {
		return nil
	}
	f.winch = make(chan os.Signal, 1)
	signal.Notify(f.winch, unix.SIGWINCH) // before the first look at the size
	if err = f.resize(); err != nil {
		return fmt.Errorf("size: %w", err)
	}
	go func() {
		for range f.winch {
			_ = f.resize() // the pty keeps its size; nothing to be done about it in the middle of a session
		}
	}()
	if f.mode, err = makeRaw(f.terminal); err != nil {
		return fmt.Errorf("raw mode: %w", err)
	}
	return nil
}

func (f *Foreground) resize() error {
	size, err := unix.IoctlGetWinsize(f.terminal, unix.TIOCGWINSZ)
	if err != nil {
		return err
	}
	return unix.IoctlSetWinsize(f.slave, unix.TIOCSWINSZ, size)
}

// maxDrain bounds what is relayed after the end of the process. The kernel holds some 12 KiB; more can only come from
// another process that has survived with the terminal open.
const maxDrain = 64 << 10

// Copy relays until the process of pidfd has ended and everything that was written to the terminal until then has come
// out. If standard output fails (its reader has gone), the container's terminal hangs up, as when the window of a
// terminal program is closed: the container gets SIGHUP, and Copy still waits for its end.
func (f *Foreground) Copy(pidfd int) error {
	f.mu.Lock()
	f.copying = true
	go f.copyInput(f.stop)
	f.mu.Unlock()
	buf := make([]byte, 32<<10)
	drained := 0
	polled := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, {Fd: int32(f.master), Events: unix.POLLIN}}
	for {
		if !poll(polled) {
			return errors.New("terminal: poll: not possible")
		}
		ended := polled[0].Revents != 0
		// Reading flushes what the kernel still has on its way from the slave, so "nothing there" after the end of the
		// process means that all of it was read.
		for polled[1].Fd >= 0 {
			n, err := unix.Read(f.master, buf)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err == nil && n > 0 {
				err = writeAll(f.stdout, buf[:n])
			}
			if err != nil || n <= 0 {
				f.hangUpPty()
				polled[1].Fd = -1
			}
			if !ended {
				break // look at the process again: a container that floods must not hide its end
			}
			if drained += max(n, 0); drained > maxDrain {
				break
			}
		}
		if ended {
			return nil
		}
	}
}

// copyInput relays standard input until Close. At the end of an input that is not a terminal it types the end-of-file
// character, if the container's terminal is in the mode that knows one: there is no other way to say it through a pty.
func (f *Foreground) copyInput(stop int) {
	defer f.inputEnded()
	buf := make([]byte, 4<<10)
	polled := []unix.PollFd{{Fd: int32(stop), Events: unix.POLLIN}, {Fd: int32(f.stdin), Events: unix.POLLIN}}
	last := byte('\n')
	for {
		if !poll(polled) || polled[0].Revents != 0 {
			return
		}
		n, err := unix.Read(f.stdin, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case err == nil && n > 0:
			last = buf[n-1]
			if !f.typeIn(stop, buf[:n]) {
				return
			}
		case err == nil && f.stdin != f.terminal:
			f.typeIn(stop, f.endOfFile(last))
			return
		default:
			return
		}
	}
}

// endOfFile gives what to type to end the input: the character ends a line that has been begun, and only at the
// beginning of a line it is the end of the file.
func (f *Foreground) endOfFile(last byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil
	}
	mode, err := unix.IoctlGetTermios(f.slave, unix.TCGETS)
	if err != nil || mode.Lflag&unix.ICANON == 0 {
		return nil
	}
	eof := mode.Cc[unix.VEOF]
	if last == '\n' {
		return []byte{eof}
	}
	return []byte{eof, eof}
}

// typeIn writes to the master, waiting where the container does not read. It reports false if there is no use in
// going on.
func (f *Foreground) typeIn(stop int, p []byte) bool {
	polled := []unix.PollFd{{Fd: int32(stop), Events: unix.POLLIN}, {Fd: int32(f.master), Events: unix.POLLOUT}}
	for len(p) > 0 {
		if !poll(polled) {
			return false
		}
		f.mu.Lock()
		if f.stopped { // the master's number may be another file's by now
			f.mu.Unlock()
			return false
		}
		n, err := unix.Write(f.master, p)
		f.mu.Unlock()
		if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return false
		}
		p = p[max(n, 0):]
	}
	return true
}

// endInput makes the input goroutine leave. Nobody waits for it: it may sit in a read that somebody else's read of the
// same terminal has emptied. From here on it touches nothing but its own memory and the eventfd.
func (f *Foreground) endInput() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	if f.stop < 0 {
		return
	}
	if !f.copying {
		unix.Close(f.stop)
		f.stop = -1
		return
	}
	one := [8]byte{1} // any number but 0
	_, _ = unix.Write(f.stop, one[:])
}

func (f *Foreground) inputEnded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	unix.Close(f.stop)
	f.stop = -1
}

// poll waits without limit; false means that it never will succeed.
func poll(fds []unix.PollFd) bool {
	return ignoringEINTR(func() error { _, err := unix.Poll(fds, -1); return err }) == nil
}

func writeAll(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if errors.Is(err, unix.EAGAIN) { // somebody has made the shared file non-blocking
			if poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}) {
				err = nil
			}
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		p = p[max(n, 0):]
	}
	return nil
}

// hangUpPty closes both sides of the pty.
func (f *Foreground) hangUpPty() {
	f.hangUp.Do(func() {
		f.endInput()
		unix.Close(f.master)
		if f.slave >= 0 {
			unix.Close(f.slave)
		}
	})
}

// Restore gives the caller's terminal its mode back. It can be called at any time and from any goroutine; only the first
// call does something.
func (f *Foreground) Restore() {
	f.restore.Do(func() {
		if f.winch != nil {
			signal.Stop(f.winch)
			close(f.winch)
		}
		if f.mode == nil {
			return
		}
		// If kist is a background job by now, the kernel would stop it for touching the terminal.
		if !signal.Ignored(syscall.SIGTTOU) {
			signal.Ignore(syscall.SIGTTOU)
			defer signal.Reset(syscall.SIGTTOU)
		}
		_ = setMode(f.terminal, f.mode)
	})
}

// Close restores the terminal and closes the pty.
func (f *Foreground) Close() {
	f.Restore()
	f.hangUpPty()
}
