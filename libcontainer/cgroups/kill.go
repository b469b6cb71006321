// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Kill sends SIGKILL to every process in the cgroup and below it, frozen or
// not, and does not wait for them to end (WaitEmpty does). A cgroup that is
// gone is a success. It refuses, with a ForeignError, a cgroup that kist did not
// make for this container or that kist itself runs in.
func (c *Cgroup) Kill() error {
	if c.absent {
		return ErrAbsent
	}
	if d := c.unified(); d != nil {
		err := c.guard("kill", d)
		if err == nil {
			err = writeFile(d.path+"/cgroup.kill", "1")
		}
		switch {
		case c.mode == V2 && (isGone(err) || errors.Is(err, ErrNotExist)):
			return nil
		case c.mode == V2 && errors.Is(err, unix.EOPNOTSUPP):
			// cgroup.kill is refused in a threaded cgroup.
			return c.signalAll(d, unix.SIGKILL)
		case c.mode == V2 && err != nil:
			if f := (*ForeignError)(nil); errors.As(err, &f) {
				return err
			}
			return fmt.Errorf("cgroup %s/cgroup.kill: %w", d.path, err)
		case c.mode == V2:
			return nil
		}
		// On a hybrid host the v1 hierarchies decide; this was the quick way.
	}
	return c.killV1()
}

// Signal sends a signal to every process in the cgroup and below it (kill
// --all). It has the refusals of Kill.
func (c *Cgroup) Signal(sig unix.Signal) error {
	d := c.identity()
	if d == nil {
		return ErrAbsent
	}
	if sig == unix.SIGKILL {
		return c.Kill()
	}
	if err := c.guard("kill", d); err != nil {
		if errors.Is(err, ErrNotExist) {
			return nil
		}
		return err
	}
	return c.signalAll(d, sig)
}

// killV1 freezes first, so that no process can fork away from under the list,
// and thaws afterwards in any case: a signal is acted upon only then.
func (c *Cgroup) killV1() error {
	d := c.identity()
	if err := c.guard("kill", d); err != nil {
		if errors.Is(err, ErrNotExist) {
			return nil
		}
		return err
	}
	pids, err := pidsBelow(d.path)
	if isGone(err) || err == nil && len(pids) == 0 {
		return nil
	}
	if f := c.dir("freezer"); f != nil && c.guard("freeze", f) == nil {
		// If freezing fails, signalAll still repeats until nobody new turns up.
		_ = freezeV1(f.path)
		defer func() { _ = writeFile(f.path+"/freezer.state", "THAWED") }()
	}
	return c.signalAll(d, unix.SIGKILL)
}

// signalAll signals until a pass over the cgroup finds no process that was not
// signalled before. A pid is only a number: each is turned into a pidfd first
// and signalled only if the number is still listed afterwards, so that a
// process that ended meanwhile cannot be mistaken for the next owner of its
// number.
func (c *Cgroup) signalAll(d *dir, sig unix.Signal) error {
	done := make(map[int]bool)
	const passes = 1000 // a fork bomb that outruns this many passes needs the freezer
	for range passes {
		pids, err := pidsBelow(d.path)
		if isGone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		pids = slices.DeleteFunc(pids, func(pid int) bool { return done[pid] })
		if len(pids) == 0 {
			return nil
		}
		if err := signalListed(d, pids, sig, done); err != nil {
			return err
		}
	}
	return fmt.Errorf("cgroup %s: kill: processes appear faster than they can be signalled", d.path)
}

// signalListed works in portions, so that a container with many processes does
// not run this one out of descriptors.
func signalListed(d *dir, pids []int, sig unix.Signal, done map[int]bool) error {
	for portion := range slices.Chunk(pids, 256) {
		fds := make([]int, len(portion))
		for i, pid := range portion {
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				fd = -1
			}
			fds[i] = fd
		}
		still, err := pidsBelow(d.path)
		slices.Sort(still)
		for i, pid := range portion {
			if fds[i] < 0 {
				continue
			}
			if _, listed := slices.BinarySearch(still, pid); listed && err == nil {
				done[pid] = true
				if e := unix.PidfdSendSignal(fds[i], sig, nil, 0); e != nil && !errors.Is(e, unix.ESRCH) {
					err = fmt.Errorf("cgroup %s: signal pid %d: %w", d.path, pid, e)
				}
			}
			unix.Close(fds[i])
		}
		if err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

// WaitEmpty blocks until no process is left in the cgroup or below it, or until
// the limit has passed, which is an error that names the processes left.
func (c *Cgroup) WaitEmpty(limit time.Duration) error {
	d := c.identity()
	if d == nil {
		return nil
	}
	if u := c.unified(); u != nil && c.mode == V2 {
		err := waitEvent(u.path, "populated", "0", limit)
		if err != nil {
			return c.notEmpty(d, err)
		}
		return nil
	}
	return c.waitEmptyV1(d, limit)
}

// waitEmptyV1 waits for the processes one after the other by pidfd: v1 tells
// nobody that a cgroup has become empty.
func (c *Cgroup) waitEmptyV1(d *dir, limit time.Duration) error {
	end := time.Now().Add(limit)
	for {
		pids, err := pidsBelow(d.path)
		if isGone(err) || err == nil && len(pids) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		left := time.Until(end)
		if left <= 0 {
			return c.notEmpty(d, fmt.Errorf("timed out after %s", limit))
		}
		fd, err := unix.PidfdOpen(pids[0], 0)
		if err != nil {
			// Gone between the listing and now, or dead but not yet off the
			// list: its last steps through the kernel take microseconds.
			time.Sleep(50 * time.Microsecond)
			continue
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(left/time.Millisecond)+1)
		unix.Close(fd)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cgroup %s: wait: %w", d.path, err)
		}
		if n > 0 {
			time.Sleep(50 * time.Microsecond) // as above; a zombie is not listed
		}
	}
}

func (c *Cgroup) notEmpty(d *dir, why error) error {
	pids, _ := pidsBelow(d.path)
	more := ""
	if len(pids) > 16 {
		pids, more = pids[:16], " and more"
	}
	return fmt.Errorf("cgroup %s: is not empty: %w: processes left: %v%s", d.path, why, pids, more)
}
