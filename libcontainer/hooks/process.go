// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host starts hooks in kist's own namespaces. It relies on every descriptor of kist being O_CLOEXEC; main marks the
// inherited ones at its start.
type Host struct{}

// Spawn implements Spawner.
func (Host) Spawn(argv0 string, argv, env []string, files [3]int) (pid, pidfd int, err error) {
	pidfd = -1
	pid, err = syscall.ForkExec(argv0, argv, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{uintptr(files[0]), uintptr(files[1]), uintptr(files[2])},
		// If kist is killed, its hook must not go on to prepare a container that will not be.
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd},
	})
	if err != nil {
		return 0, -1, fmt.Errorf("execute: %w", err)
	}
	return pid, pidfd, nil
}

// process is a running hook.
type process struct {
	pid, pidfd int
	stdin      int // our end, -1 when closed
	output     int // our end of stdout and stderr, -1 when closed
	input      []byte
	tail       tail
}

func start(argv0 string, argv, env []string, input []byte, spawn Spawner) (*process, error) {
	var in, out [2]int
	if err := unix.Pipe2(in[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		unix.Close(in[0])
		unix.Close(in[1])
		return nil, fmt.Errorf("pipe: %w", err)
	}
	p := &process{pidfd: -1, stdin: in[1], output: out[0], input: input}
	err := unix.SetNonblock(p.stdin, true)
	if err == nil {
		err = unix.SetNonblock(p.output, true)
	}
	if err == nil {
		p.pid, p.pidfd, err = spawn.Spawn(argv0, argv, env, [3]int{in[0], out[1], out[1]})
	}
	unix.Close(in[0])
	unix.Close(out[1])
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *process) close() {
	for _, fd := range [3]*int{&p.stdin, &p.output, &p.pidfd} {
		closeFD(fd)
	}
}

func closeFD(fd *int) {
	if *fd >= 0 {
		unix.Close(*fd)
		*fd = -1
	}
}

// killLimit is how long a killed hook may take to disappear. Only one that hangs in the kernel takes any time.
const killLimit = 10 * time.Second

// wait serves the pipes until the hook ends, the limit (0 means none) is over, or ctx is done.
func (p *process) wait(ctx context.Context, limit time.Duration) error {
	cancelled := -1
	if ctx.Done() != nil {
		var err error
		if cancelled, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
			p.kill()
			return fmt.Errorf("eventfd: %w", err)
		}
		fd := cancelled
		woken := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			one := [8]byte{1} // any number but 0
			_, _ = unix.Write(fd, one[:])
			close(woken)
		})
		defer func() {
			if !stop() {
				<-woken // it must not write to a number that means another file by then
			}
			unix.Close(fd)
		}()
	}
	ended, err := p.serve(cancelled, limit)
	if err == nil && ended {
		return p.result()
	}
	p.kill()
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return withOutput(context.Cause(ctx).Error()+", killed", p.tail.bytes())
	}
	return withOutput(fmt.Sprintf("timeout of %v: killed with its process group", limit), p.tail.bytes())
}

// serve moves data. It reports true if the hook has ended, and false at the time limit or if cancelled is readable.
func (p *process) serve(cancelled int, limit time.Duration) (bool, error) {
	var deadline time.Time
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	for {
		fds := [4]unix.PollFd{ // negative descriptors are skipped by the kernel
			{Fd: int32(p.pidfd), Events: unix.POLLIN},
			{Fd: int32(cancelled), Events: unix.POLLIN},
			{Fd: int32(p.output), Events: unix.POLLIN},
			{Fd: int32(p.stdin), Events: unix.POLLOUT},
		}
		n, err := unix.Poll(fds[:], remaining(limit > 0, deadline))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("poll: %w", err)
		}
		if fds[2].Revents != 0 {
			p.read()
		}
		if fds[3].Revents != 0 {
			p.write()
		}
		switch {
		case fds[0].Revents != 0:
			return true, nil
		case fds[1].Revents != 0:
			return false, nil
		case limit > 0 && !time.Now().Before(deadline):
			return false, nil
		case n == 0 && limit == 0:
			return false, errors.New("poll: returned without a reason")
		}
	}
}

// remaining gives the time limit for poll in milliseconds, rounded up so that it does not spin before the deadline.
func remaining(limited bool, deadline time.Time) int {
	if !limited {
		return -1
	}
	ms := (time.Until(deadline) + time.Millisecond - 1) / time.Millisecond
	return int(min(max(ms, 0), math.MaxInt32))
}

// write gives the hook what it takes of its input. A hook that does not want it is no error.
func (p *process) write() {
	n, err := unix.Write(p.stdin, p.input)
	p.input = p.input[max(n, 0):]
	if len(p.input) == 0 || err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		closeFD(&p.stdin) // the end of the document
	}
}

// read takes what the hook has written, one buffer at a time: a flood must not keep serve from seeing the clock. It
// reports whether there may be more.
func (p *process) read() bool {
	var buf [16 << 10]byte
	n, err := unix.Read(p.output, buf[:])
	if n > 0 {
		p.tail.add(buf[:n])
		return true
	}
	if errors.Is(err, unix.EINTR) {
		return true
	}
	if !errors.Is(err, unix.EAGAIN) {
		closeFD(&p.output)
	}
	return false
}

// result waits for the ended process and judges it. The pipe is read as far as there is something, not to its end:
// a grandchild may hold it open for ever.
func (p *process) result() error {
	const pipe = 1 << 20 // no pipe holds more unless root has allowed it
	for n := 0; p.output >= 0 && n < pipe && p.read(); n += 16 << 10 {
	}
	status, err := p.reap()
	if err != nil {
		return err
	}
	if status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	return withOutput(describe(status), p.tail.bytes())
}

func (p *process) reap() (status unix.WaitStatus, err error) {
	for {
		if _, err = unix.Wait4(p.pid, &status, unix.WALL, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("wait for pid %d: %w", p.pid, err)
	}
	return status, nil
}

// kill ends the hook and its process group. The hook has not been waited for, so its pid cannot mean anything else.
func (p *process) kill() {
	_ = unix.Kill(-p.pid, unix.SIGKILL)
	_ = unix.PidfdSendSignal(p.pidfd, unix.SIGKILL, nil, 0) // should the spawner have made no group
	closeFD(&p.stdin)
	if ended, _ := p.serve(-1, killLimit); ended {
		_, _ = p.reap()
	}
}

// tail keeps the last bytes of a stream.
type tail struct{ b []byte }

// maxOutput is how much of a hook's output is kept.
const maxOutput = 64 << 10

func (t *tail) add(p []byte) {
	if len(t.b)+len(p) > 2*maxOutput {
		keep := t.b[max(0, len(t.b)-maxOutput):]
		t.b = append(t.b[:0], keep...)
	}
	t.b = append(t.b, p...)
}

func (t *tail) bytes() []byte { return t.b[max(0, len(t.b)-maxOutput):] }
