// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Target is where an exec'd process goes: the container's cgroup or one below
// it. All of it is open before any namespace is joined.
type Target struct {
	dir   int   // v2, hybrid: O_PATH descriptor in the unified hierarchy, else -1
	tasks []int // v1, hybrid: files of tasks, open for writing
	path  string
}

// Fd returns the directory for CLONE_INTO_CGROUP, or -1 on v1 without a unified
// hierarchy.
func (t *Target) Fd() int {
	if t == nil {
		return -1
	}
	return t.dir
}

// Tasks returns the open files of tasks (v1, hybrid), into which the process
// writes "0" (see TaskFiles); they stay the Target's.
func (t *Target) Tasks() []int {
	if t == nil {
		return nil
	}
	return t.tasks
}

// Attach moves a process there from outside, where neither way is open to it.
func (t *Target) Attach(pid int) error {
	if t == nil {
		return nil
	}
	if err := writePid(t.tasks, pid, t.path); err != nil || t.dir < 0 {
		return err
	}
	fd, err := unix.Openat(t.dir, "cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: t.path + "/cgroup.procs", Err: err}
	}
	defer unix.Close(fd)
	return writePid([]int{fd}, pid, t.path)
}

// Divided tells that it passes controllers on to sub-cgroups, and so can hold
// no process (v2).
func (t *Target) Divided() bool {
	if t == nil || t.dir < 0 {
		return false
	}
	passed, err := readFirst(t.path + "/cgroup.subtree_control")
	return err == nil && passed != ""
}

// AttachBySystemd has systemd move a process to a target in the container's
// unit, and proves that it has. It is for an ordinary user who may not do it
// himself since the process is outside of what was delegated to him.
func (c *Cgroup) AttachBySystemd(t *Target, pid int) error {
	conn, err := c.systemd()
	if err != nil {
		return err
	}
	sub := strings.TrimPrefix(t.path, c.dirs[0].path)
	if err := conn.Attach(c.unit.name, sub, pid); err != nil {
		return err
	}
	paths, err := processCgroups("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return err
	}
	if want := c.dirs[0].relative() + sub; paths[""] != want {
		return fmt.Errorf("systemd: unit %s: pid %d is in %s, not in %s, although systemd has reported success", c.unit.name, pid, paths[""], want)
	}
	return nil
}

// Close closes the descriptors.
func (t *Target) Close() {
	if t == nil {
		return
	}
	if t.dir >= 0 {
		unix.Close(t.dir)
	}
	closeAll(t.tasks)
	t.dir, t.tasks = -1, nil
}

// OpenSub opens the target of an exec. Each element of where is the value of
// one --cgroup flag, "[CONTROLLER,…:]PATH", the path being taken from the
// container's cgroup; none means the container's cgroup itself. "Beneath" is
// decided by the kernel (openat2, invariant I-24), so neither ".." nor a
// sibling with the same beginning gets through. The cgroup must exist.
//
// An absent cgroup gives a nil Target, whose methods do nothing.
func (c *Cgroup) OpenSub(where []string) (*Target, error) {
	if c.absent {
		if len(where) > 0 {
			return nil, fmt.Errorf("--cgroup %s: %w", where[0], ErrAbsent)
		}
		return nil, nil
	}
	subs, err := c.parseSubs(where)
	if err != nil {
		return nil, err
	}
	t := &Target{dir: -1, path: c.identity().path}
	if c.mode == V2 {
		t.path = c.dirs[0].path + subs[0]
		t.dir, err = openBeneath(c.dirs[0].path, subs[0], unix.O_PATH|unix.O_DIRECTORY)
		return t.orError(err)
	}
	for i := range c.dirs {
		d := &c.dirs[i]
		if d.alias {
			continue
		}
		if d.controller == "" {
			if t.dir, err = openBeneath(d.path, subs[i], unix.O_PATH|unix.O_DIRECTORY); err != nil && !isPermission(err) && !isGone(err) {
				return t.orError(err)
			}
			continue
		}
		fd, err := openBeneath(d.path, subs[i]+"/tasks", unix.O_WRONLY)
		if err != nil {
			if d.optional() && (isPermission(err) || isGone(err)) {
				continue
			}
			return t.orError(err)
		}
		t.tasks = append(t.tasks, fd)
	}
	return t, nil
}

// ExecTarget is OpenSub without flags.
func (c *Cgroup) ExecTarget() (*Target, error) { return c.OpenSub(nil) }

// InitTarget opens the cgroup that the container's init is in. It is the way
// out when the container's cgroup itself cannot take a process any more: on v2
// a cgroup that passes controllers on to sub-cgroups holds no processes (EBUSY
// from clone3 or write), which is the normal case with an init system or a
// container engine inside.
func (c *Cgroup) InitTarget(pid int) (*Target, error) {
	if c.absent {
		return nil, nil
	}
	if c.mode != V2 {
		return c.ExecTarget()
	}
	paths, err := processCgroups("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return nil, err
	}
	d := &c.dirs[0]
	sub, ok := strings.CutPrefix(paths[""], d.relative())
	if !ok || sub != "" && sub[0] != '/' {
		return nil, fmt.Errorf("cgroup %s: the container's init (pid %d) has left it for %q", d.path, pid, paths[""])
	}
	t := &Target{dir: -1, path: d.path + sub}
	t.dir, err = openBeneath(d.path, sub, unix.O_PATH|unix.O_DIRECTORY)
	return t.orError(err)
}

func (t *Target) orError(err error) (*Target, error) {
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// openBeneath opens sub, which is "" or starts with "/", below root.
func openBeneath(root, sub string, flags uint64) (int, error) {
	top, err := openDir(root)
	if err != nil {
		if isGone(err) {
			return -1, fmt.Errorf("cgroup %s: %w", root, ErrNotExist)
		}
		return -1, err
	}
	defer unix.Close(top)
	how := unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS,
	}
	name := strings.TrimPrefix(sub, "/")
	if name == "" {
		name = "."
	}
	for {
		fd, err := unix.Openat2(top, name, &how)
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN): // EAGAIN: a rename raced with the walk
			continue
		}
		return -1, &os.PathError{Op: "open", Path: root + sub, Err: err}
	}
}

// parseSubs returns the sub-path for each of c.dirs, "" or starting with "/".
func (c *Cgroup) parseSubs(where []string) ([]string, error) {
	subs := make([]string, len(c.dirs))
	set := make([]bool, len(c.dirs))
	for _, w := range where {
		names, p, named := strings.Cut(w, ":")
		if !named {
			names, p = "", w
		}
		if c.mode == V2 && (named || len(where) > 1) {
			return nil, fmt.Errorf("--cgroup %s: cgroup v2 has one hierarchy: give the flag once, as a path without controllers", w)
		}
		if err := checkSub(p); err != nil {
			return nil, fmt.Errorf("--cgroup %s: %w", w, err)
		}
		sub := ""
		if q := strings.Trim(p, "/"); q != "" && q != "." {
			sub = "/" + q
		}
		list := strings.Split(names, ",")
		for i := range c.dirs {
			if !named && !set[i] || named && slices.Contains(list, c.dirs[i].controller) {
				subs[i], set[i] = sub, named
			}
		}
		if !named {
			continue
		}
		for _, name := range list {
			if name == "" || c.dir(name) == nil {
				return nil, fmt.Errorf("--cgroup %s: the container has no cgroup for controller %q", w, name)
			}
		}
	}
	return subs, nil
}

func checkSub(p string) error {
	if p == "" {
		return errors.New("the path is empty")
	}
	return checkComponents(p)
}
