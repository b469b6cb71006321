// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Destroy removes the cgroup from every hierarchy, with the sub-cgroups that
// the container made. What is gone already is fine. The last processes may
// still be on their way out: it waits for them, ten seconds at most, but it
// kills nobody. A directory that kist did not make for this container is left
// alone.
func (c *Cgroup) Destroy() error {
	if c.absent {
		return nil
	}
	var errs []error
	if c.cfg.Systemd {
		errs = append(errs, c.stopUnit())
	}
	m, err := c.mark()
	if err != nil && !isGone(err) {
		return pathError("read mark", c.dirs[0].path, err)
	}
	if isGone(err) {
		// The directory with the mark is removed last, and systemd removes all.
		c.removeParents(m)
		return errors.Join(errs...)
	}
	if m.id == "" && c.cfg.Fresh {
		// One that is in use is not ours after all, and rmdir leaves it.
		if err := rmdir(c.dirs[0].path); err != nil && !errors.Is(err, unix.EBUSY) {
			errs = append(errs, pathError("rmdir", c.dirs[0].path, err))
		}
	}
	if m.id == c.cfg.ID {
		for i := len(c.dirs) - 1; i >= 0; i-- {
			if d := &c.dirs[i]; !d.alias && !m.isForeign(d.controller) {
				errs = append(errs, c.removeDir(d))
			}
		}
		if len(m.foreign) > 0 {
			_ = unix.Removexattr(c.dirs[0].path, trustedMark)
			_ = unix.Removexattr(c.dirs[0].path, userMark)
		}
	}
	c.removeParents(m)
	return errors.Join(errs...)
}

// removeParents removes what create has made above the cgroup ("resources made
// by create MUST be deleted"). rmdir(2) leaves what others live in, and whoever
// is about to make something there makes the directory again.
func (c *Cgroup) removeParents(m mark) {
	if c.cfg.Systemd {
		return
	}
	for i := len(c.dirs) - 1; i >= 0; i-- {
		d := &c.dirs[i]
		if d.alias || path.Dir(d.path) == d.mount && !m.isForeign(d.controller) {
			continue
		}
		// One that was there before may itself have been made as a parent.
		for p := d.path; len(p) > len(d.mount); p = path.Dir(p) {
			made, err := isParent(p)
			if err == nil && (!made || rmdir(p) != nil) {
				break
			}
		}
	}
}

// removeDir needs no look at where kist itself runs: rmdir(2) removes only what
// is empty.
func (c *Cgroup) removeDir(d *dir) error {
	if err := checkBelow(d.mount, d.path); err != nil {
		return &ForeignError{"remove", d.path, "not below a cgroup mount, or the root cgroup"}
	}
	err := rmdir(d.path)
	if !errors.Is(err, unix.EBUSY) {
		return pathError("rmdir", d.path, err)
	}
	return c.removeBusy(d)
}

// removeBusy removes a cgroup that has children, or processes that have just
// been killed. Emptiness is announced a moment before the kernel lets go of the
// directory, hence the few repetitions.
func (c *Cgroup) removeBusy(d *dir) error {
	end := time.Now().Add(settle)
	for pause := 20 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		err := removeTree(d.path)
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		left := time.Until(end)
		if left <= 0 {
			return c.notEmpty(d, err)
		}
		if err := c.waitDir(d, left); err != nil {
			return err
		}
		time.Sleep(pause)
	}
}

// waitDir waits for the processes in one hierarchy.
func (c *Cgroup) waitDir(d *dir, left time.Duration) error {
	if d.controller == "" {
		if err := waitEvent(d.path, "populated", "0", left); err != nil {
			return c.notEmpty(d, err)
		}
		return nil
	}
	return c.waitEmptyV1(d, left)
}

// removeTree removes a cgroup bottom-up. The list of sub-cgroups comes from a
// container that may have made very many and very deep ones, so it neither
// recurses nor trusts it to hold still: EBUSY makes the caller come again.
func removeTree(root string) error {
	err := rmdir(root)
	if !errors.Is(err, unix.EBUSY) {
		return pathError("rmdir", root, err)
	}
	var all []string
	if err := walk(root, func(p string) error { all = append(all, p); return nil }); err != nil {
		return err
	}
	for _, p := range slices.Backward(all) {
		if err := rmdir(p); err != nil {
			return pathError("rmdir", p, err)
		}
	}
	return pathError("rmdir", root, rmdir(root))
}

func rmdir(p string) error {
	for {
		err := unix.Rmdir(p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case isGone(err):
			return nil
		}
		return err
	}
}

func pathError(op, p string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cgroup %s: %s: %w", p, op, err)
}
