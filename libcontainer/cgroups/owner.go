// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"slices"
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

// The same for a directory that kist made on the way to a container's, and
// that is nobody's in particular. It only says that an empty one may go.
const (
	trustedParent = "trusted.kist.parent"
	userParent    = "user.kist.parent"
)

// markParent marks such a directory. Where that is not possible it stays.
func markParent(p string) {
	if errors.Is(unix.Setxattr(p, trustedParent, []byte("1"), 0), unix.EPERM) {
		_ = unix.Setxattr(p, userParent, []byte("1"), 0)
	}
}

// isParent tells whether kist has made the directory as a parent, or an error
// that isGone.
func isParent(p string) (bool, error) {
	_, err := unix.Lgetxattr(p, trustedParent, nil)
	if (errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM)) && !privileged() {
		_, err = unix.Lgetxattr(p, userParent, nil)
	}
	if isGone(err) {
		return false, err
	}
	return err == nil, nil
}

// mark is what the attribute says: "ID", followed by " -CONTROLLER" for each v1
// hierarchy where the directory was there before and belongs to somebody else.
// On v1 the mark on the first directory speaks for all, which have the same path
// below their mounts.
type mark struct {
	id      string
	foreign []string
}

func (m *mark) isForeign(controller string) bool { return slices.Contains(m.foreign, controller) }

// writeMark marks the first directory. A v2 cgroup that is not ours gets none;
// a kernel that cannot store one (v1 inside a user namespace) goes without.
func (c *Cgroup) writeMark(m mark) error {
	if c.mode == V2 && len(m.foreign) > 0 {
		return nil
	}
	v := m.id
	for _, name := range m.foreign {
		v += " -" + name
	}
	p := c.dirs[0].path
	err := unix.Setxattr(p, trustedMark, []byte(v), 0)
	if errors.Is(err, unix.EPERM) {
		err = unix.Setxattr(p, userMark, []byte(v), 0)
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM) {
			return nil
		}
	}
	return err
}

// errUnmarkable is returned by readMark where no mark can be stored.
var errUnmarkable = errors.New("extended attributes are not available on this cgroup mount")

// readMark returns the mark on a directory; the zero mark if there is none.
func readMark(p string) (mark, error) {
	var buf [1024]byte
	n, err := unix.Lgetxattr(p, trustedMark, buf[:])
	if (errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM)) && !privileged() {
		// user.* can be written by whoever owns the directory, so it only
		// counts for a caller who could not have written trusted.*.
		n, err = unix.Lgetxattr(p, userMark, buf[:])
	}
	switch {
	case err == nil:
		f := strings.Split(string(buf[:n]), " -")
		return mark{f[0], f[1:]}, nil
	case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ERANGE), errors.Is(err, unix.EPERM):
		return mark{}, nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return mark{}, errUnmarkable
	}
	return mark{}, err
}

// mark reads this container's mark. Where none can be stored it is taken as
// given: such a caller can reach only what was delegated to it.
func (c *Cgroup) mark() (mark, error) {
	m, err := readMark(c.dirs[0].path)
	if errors.Is(err, errUnmarkable) {
		return mark{id: c.cfg.ID}, nil
	}
	return m, err
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
	m, err := c.mark()
	switch {
	case isGone(err):
		return ErrNotExist
	case err != nil:
		return pathError(op, d.path, err)
	case m.id != c.cfg.ID || m.isForeign(d.controller):
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
