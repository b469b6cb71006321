// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// settle is how long freezing, emptying and removing may take before they are
// given up with an error.
const settle = 10 * time.Second

// Freeze stops every process of the cgroup and returns when all of them have
// stopped. If that takes longer than ten seconds it thaws them again and fails.
func (c *Cgroup) Freeze() error {
	if c.absent {
		return ErrAbsent
	}
	if c.mode == V2 {
		d := c.unified()
		if err := c.guard("freeze", d); err != nil {
			return err
		}
		return freezeV2(d.path)
	}
	d, err := c.freezer()
	if err != nil {
		return err
	}
	if err := c.guard("freeze", d); err != nil {
		return err
	}
	return freezeV1(d.path)
}

// Thaw lets the processes run again. It succeeds on a cgroup that is not
// frozen.
func (c *Cgroup) Thaw() error {
	if c.absent {
		return ErrAbsent
	}
	d, file, value := c.unified(), "/cgroup.freeze", "0"
	if c.mode != V2 {
		var err error
		if d, err = c.freezer(); err != nil {
			return err
		}
		file, value = "/freezer.state", "THAWED"
	}
	if err := c.guard("thaw", d); err != nil {
		return err
	}
	if err := writeFile(d.path+file, value); err != nil {
		return fmt.Errorf("cgroup %s%s: thaw: %w", d.path, file, err)
	}
	return nil
}

// Frozen tells whether the container was asked to freeze, which is what
// "paused" means. A freeze of some ancestor does not count. A cgroup that is
// gone, or absent, is not frozen.
func (c *Cgroup) Frozen() (bool, error) {
	d, file := c.unified(), "/cgroup.freeze"
	if c.mode != V2 {
		// freezer.state would also speak of ancestors, and of the progress.
		d, file = c.dir("freezer"), "/freezer.self_freezing"
	}
	if d == nil {
		return false, nil
	}
	s, err := readFirst(d.path + file)
	if err != nil {
		if isGone(err) {
			return false, nil
		}
		return false, fmt.Errorf("cgroup %s%s: %w", d.path, file, err)
	}
	return s == "1", nil
}

func (c *Cgroup) freezer() (*dir, error) {
	if d := c.dir("freezer"); d != nil {
		return d, nil
	}
	return nil, errors.New("cgroup: freeze: the freezer controller is not mounted: mount it at " + mountRoot + "/freezer (or use cgroup v2)")
}

func freezeV2(p string) error {
	if err := writeFile(p+"/cgroup.freeze", "1"); err != nil {
		return fmt.Errorf("cgroup %s/cgroup.freeze: freeze: %w", p, err)
	}
	err := waitEvent(p, "frozen", "1", settle)
	if err != nil {
		// A container that is neither running nor paused helps nobody.
		_ = writeFile(p+"/cgroup.freeze", "0")
		return fmt.Errorf("cgroup %s: freeze: %w", p, err)
	}
	return nil
}

// freezeV1 has to ask again and again: the v1 freezer has no notification, and
// a process that forks at the wrong moment leaves the cgroup in FREEZING until
// the state is read (the kernel looks for stragglers only then) or written.
func freezeV1(p string) error {
	file := p + "/freezer.state"
	pause := 100 * time.Microsecond
	for end := time.Now().Add(settle); ; {
		if err := writeFile(file, "FROZEN"); err != nil {
			_ = writeFile(file, "THAWED")
			return fmt.Errorf("cgroup %s: freeze: %w", file, err)
		}
		s, err := readFirst(file)
		if err == nil && s == "FROZEN" {
			return nil
		}
		if err != nil || time.Now().After(end) {
			_ = writeFile(file, "THAWED")
			if err == nil {
				err = errors.New("still in state " + s + " after " + settle.String())
			}
			return fmt.Errorf("cgroup %s: freeze: %w", file, err)
		}
		time.Sleep(pause)
		pause = min(2*pause, 20*time.Millisecond)
	}
}

// waitEvent blocks until key has the value in cgroup.events. The kernel wakes a
// poll(2) for POLLPRI on that file whenever it changes after it was last read,
// so nothing is missed between reading and waiting. A cgroup that is gone
// counts as having any value.
func waitEvent(p, key, value string, limit time.Duration) error {
	fd, err := openRetry(p+"/cgroup.events", unix.O_RDONLY)
	if err != nil {
		if isGone(err) {
			return nil
		}
		return err
	}
	defer unix.Close(fd)
	end := time.Now().Add(limit)
	for {
		if _, err := unix.Seek(fd, 0, 0); err != nil {
			return err
		}
		data, err := readFD(fd)
		if isGone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if field(data, key) == value {
			return nil
		}
		left := time.Until(end)
		if left <= 0 {
			return fmt.Errorf("timed out after %s waiting for %q in cgroup.events", limit, key+" "+value)
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		if _, err := unix.Poll(fds, int(left/time.Millisecond)+1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
