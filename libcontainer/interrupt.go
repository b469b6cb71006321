// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"context"

	"golang.org/x/sys/unix"
)

// A create may be called off (CreateOptions.Context). The parent is mostly
// waiting then, for nsexec or a hook: the one wait ends when the connection
// does, the other one with the context. Whatever step fails by that, the error
// is the reason for calling it off, and undo follows as for any other.

// context gives the context of a create.
func (c *creation) context() context.Context {
	if c.Context == nil {
		return context.Background()
	}
	return c.Context
}

// calledOff gives the reason if the create is to go no further.
func (c *creation) calledOff() error {
	if c.Context == nil || c.Context.Err() == nil {
		return nil
	}
	return context.Cause(c.Context)
}

// orReason prefers the reason to what came of it.
func (c *creation) orReason(err error) error {
	if reason := c.calledOff(); reason != nil {
		return reason
	}
	return err
}

// whenCalledOff has do called. After the function that it returns do is not
// running, and will not.
func (c *creation) whenCalledOff(do func()) (stop func()) {
	if c.Context == nil {
		return nothing
	}
	done := make(chan struct{})
	off := context.AfterFunc(c.Context, func() {
		do()
		close(done)
	})
	stopped := false
	return func() {
		if !stopped && !off() {
			<-done
		}
		stopped = true
	}
}

// killWhenCalledOff ends a process that runs already, while others wait for it.
func (c *creation) killWhenCalledOff() (stop func()) {
	pidfd := c.session.Pidfd
	return c.whenCalledOff(func() { _ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0) })
}

// relock takes the lock that a detached run has given back once its process
// ran. It fails if the container has been deleted meanwhile; then nothing of
// it is ours any more.
func (c *creation) relock() bool {
	if c.dir == nil || c.dir.FD() >= 0 {
		return true
	}
	dir, err := c.root.Lock(c.ID, lockWait)
	if err != nil {
		return false
	}
	s, err := dir.Load()
	if err != nil || s.Created != c.state.Created || s.InitPid != c.state.InitPid {
		dir.Unlock()
		return false
	}
	c.dir = dir
	return true
}
