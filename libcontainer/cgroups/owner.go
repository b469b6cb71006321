// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// The ownership mark is an extended attribute on the cgroup's directory with
// the container's id as value. systemd keeps its notes on cgroups the same way.
//
// trusted.* is preferred: setting and even reading it takes CAP_SYS_ADMIN in
// the initial user namespace, so that neither a container with a delegated,
// writable cgroup nor another user can forge or remove it. Inside a user
// namespace only user.* works, and that only on v2.
const (
	trustedMark = "trusted.kist.id"
	userMark    = "user.kist.id"
)

// mark writes the ownership mark on a directory that this process has made. A
// kernel that cannot store one (v1 inside a user namespace) leaves the
// directory unmarked.
func mark(path, id string) error {
	err := unix.Setxattr(path, trustedMark, []byte(id), 0)
	if errors.Is(err, unix.EPERM) {
		err = unix.Setxattr(path, userMark, []byte(id), 0)
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM) {
			return nil
		}
	}
	return err
}

// marked tells whether the directory carries the mark of this container.
func marked(path, id string) (bool, error) {
	var buf [256]byte
	n, err := unix.Getxattr(path, trustedMark, buf[:])
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM) {
		// user.* can be written by whoever owns the directory, so it only
		// counts for a caller who could not have written trusted.*.
		if privileged() {
			return false, nil
		}
		n, err = unix.Getxattr(path, userMark, buf[:])
	}
	switch {
	case err == nil:
		return string(buf[:n]) == id, nil
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ERANGE):
		return false, nil
	case errors.Is(err, unix.EOPNOTSUPP):
		// No mark is possible here (v1 inside a user namespace). Such a caller
		// can reach only what was delegated to it; the other checks of guard
		// remain.
		return true, nil
	}
	return false, err
}

// privileged tells whether trusted.* attributes can be set by this process: as
// root of the initial user namespace, whose map is the identity.
func privileged() bool {
	if os.Geteuid() != 0 {
		return false
	}
	m, err := readFirst("/proc/self/uid_map")
	if err != nil {
		return false
	}
	f := strings.Fields(m)
	return len(f) == 3 && f[0] == "0" && f[1] == "0" && f[2] == "4294967295"
}

// guard refuses an operation on a cgroup that is not this container's own, or
// that this process itself is in (invariant I-46). It returns ErrNotExist if
// the cgroup is gone.
func (c *Cgroup) guard(op string, d *dir) error {
	if err := checkBelow(d.mount, d.path); err != nil {
		return &ForeignError{op, d.path, "not below a cgroup mount, or the root cgroup"}
	}
	ok, err := marked(d.path, c.cfg.ID)
	switch {
	case isGone(err):
		return ErrNotExist
	case err != nil:
		return &os.PathError{Op: op, Path: d.path, Err: err}
	case !ok:
		return &ForeignError{op, d.path, "it was not made by kist for container " + c.cfg.ID}
	}
	inside, err := holdsSelf(d)
	if err != nil {
		return err
	}
	if inside {
		return &ForeignError{op, d.path, "kist itself runs in it"}
	}
	return nil
}

// holdsSelf tells whether this process is in the cgroup or below it.
func holdsSelf(d *dir) (bool, error) {
	own, err := ownCgroups()
	if err != nil {
		return false, err
	}
	p, ok := own[d.controller]
	if !ok {
		return false, nil
	}
	var st unix.Stat_t
	if unix.Lstat(d.mount+p, &st) == nil {
		rel := d.relative()
		return p == rel || strings.HasPrefix(p, rel+"/"), nil
	}
	// The mount shows another part of the hierarchy than /proc/self/cgroup
	// speaks of (a bind mount of a sub-tree, or a mount from outside the cgroup
	// namespace): look for this process by its pid instead.
	pids, err := pidsBelow(d.path)
	if err != nil && !isGone(err) {
		return false, err
	}
	self := os.Getpid()
	for _, pid := range pids {
		if pid == self {
			return true, nil
		}
	}
	return false, nil
}
