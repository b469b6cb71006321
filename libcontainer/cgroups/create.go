// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Create makes the cgroup in every hierarchy. No process is joined to it. What
// it made is removed again if it fails.
//
// A cgroup that exists already is used only if it is empty and not frozen
// (NotEmptyError, FrozenError). If it carries this container's mark it is the
// remains of a create that was killed, possibly with old limits on it: it is
// removed and made anew. If not, somebody else prepared it: it is used but will
// never be killed, frozen or removed.
//
// With the systemd driver the cgroup comes into being in Attach; Create then
// only makes sure that it is free.
func (c *Cgroup) Create() error {
	if c.absent {
		return c.requireNone()
	}
	if c.cfg.Systemd {
		return c.checkUnused()
	}
	return c.explainCreate(c.createDirs(true))
}

// Begin makes as much of the cgroup as a process needs to be born in it: on a
// hybrid host the directory that carries the mark and the one of the v2
// hierarchy. Create makes the rest, with that process already under way. On v2
// it is Create.
func (c *Cgroup) Begin() error {
	if c.mode == V2 || c.absent || c.cfg.Systemd {
		return c.Create()
	}
	return c.explainCreate(c.createDirs(false))
}

// explainCreate says what an error of createDirs means to the caller.
func (c *Cgroup) explainCreate(err error) error {
	if err == nil {
		return nil
	}
	if c.cfg.Rootless && c.cfg.Path == "" && isPermission(err) && !hasLimits(c.cfg.Resources) {
		c.absent = true
		return nil
	}
	if isPermission(err) {
		return &DelegationError{Path: c.dirs[0].path, Mode: c.mode, Err: err}
	}
	return err
}

// requireNone refuses limits for a container that has no cgroup.
func (c *Cgroup) requireNone() error {
	if p := firstLimit(c.cfg.Resources); p != "" {
		return &ResourceError{Pointer: p, Err: ErrAbsent}
	}
	return nil
}

// createDirs makes the directories that are not made yet, the one with the mark
// first, so that there is never one of ours without a mark that says so. Without
// all it makes no other than that one and the v2 hierarchy's.
func (c *Cgroup) createDirs(all bool) (err error) {
	made := make([]string, 0, len(c.dirs))
	defer func() {
		if err != nil {
			for _, p := range slices.Backward(made) {
				_ = unix.Rmdir(p)
			}
			c.removeParents(mark{})
		}
	}()
	c.now.id = c.cfg.ID
	kept := make([]dir, 0, len(c.dirs))
	for i := range c.dirs {
		d := &c.dirs[i]
		if d.alias || d.made || !all && i > 0 && d.controller != "" {
			kept = append(kept, *d)
			continue
		}
		fresh, err := c.makeDir(d)
		if err != nil {
			if d.optional() && i > 0 && isPermission(err) {
				continue // left out here, and of the state
			}
			return pathError("create", d.path, err)
		}
		if fresh {
			made = append(made, d.path)
		} else {
			c.now.foreign = append(c.now.foreign, d.controller)
		}
		if i == 0 || !fresh {
			if err := c.writeMark(c.now); err != nil {
				return pathError("mark as ours", c.dirs[0].path, err)
			}
		}
		if d.controller == "cpuset" {
			if err := fillCpuset(d, fresh); err != nil {
				return err
			}
		}
		d.made = true
		kept = append(kept, *d)
	}
	c.dirs = kept
	if c.mode == V2 {
		return c.prepareV2(&c.dirs[0], path.Dir(c.dirs[0].path))
	}
	return nil
}

func (c *Cgroup) prepareV2(d *dir, parent string) error {
	if err := enableControllers(d.mount, parent); err != nil {
		return err
	}
	// A child of the root is always a plain domain when it is made.
	if parent != d.mount {
		if err := checkType(d.path, hasDomainLimits(c.cfg.Resources)); err != nil {
			return err
		}
	}
	if c.cfg.OwnerUID != nil {
		err := delegate(d.path, *c.cfg.OwnerUID)
		if c.cfg.Rootless && errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w (an ordinary user can give it to nobody else: map the container's user to the caller's id, or mount /sys/fs/cgroup read-only)", err)
		}
		return err
	}
	return nil
}

// makeDir makes one directory and whatever is missing above it. It returns
// false for one that was there before and is not ours.
func (c *Cgroup) makeDir(d *dir) (fresh bool, err error) {
	for range maxRaces {
		if err = mkdir(d.path); !errors.Is(err, unix.ENOENT) {
			break
		}
		// Again, should a delete have removed them meanwhile.
		if err = mkdirParents(d.mount, path.Dir(d.path), true); err != nil && !errors.Is(err, unix.ENOENT) {
			return false, err
		}
	}
	if !errors.Is(err, unix.EEXIST) {
		return err == nil, err
	}
	if err := c.checkDirUnused(d); err != nil {
		return false, err
	}
	if d == &c.dirs[0] {
		if c.old, err = readMark(d.path); err != nil {
			return false, err
		}
	}
	if c.old.id != c.cfg.ID || c.old.isForeign(d.controller) {
		return false, nil
	}
	// What is left of a create of this container that was killed, perhaps with
	// limits on it.
	if err := removeTree(d.path); err != nil {
		return false, err
	}
	return true, mkdir(d.path)
}

// checkUnused applies checkDirUnused to every directory that exists.
func (c *Cgroup) checkUnused() error {
	for i := range c.dirs {
		if c.dirs[i].alias {
			continue
		}
		if err := c.checkDirUnused(&c.dirs[i]); err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

func (c *Cgroup) checkDirUnused(d *dir) error {
	pids, err := pidsBelow(d.path)
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		return &NotEmptyError{d.path, len(pids)}
	}
	frozen := false
	switch d.controller {
	case "":
		s, err := readFirst(d.path + "/cgroup.freeze")
		frozen = err == nil && s == "1"
	case "freezer":
		s, err := readFirst(d.path + "/freezer.state")
		frozen = err == nil && s != "THAWED"
	}
	if frozen {
		return &FrozenError{d.path}
	}
	return nil
}

// maxRaces bounds the attempts to make a directory in one that somebody else
// removes at the same time.
const maxRaces = 64

// mkdirParents makes the directories from below the mount down to p. Others
// may come to live there: with mark each gets one that says so, and the last
// container to go takes it along (removeParents). Slices are systemd's.
func mkdirParents(mount, p string, mark bool) error {
	if len(p) <= len(mount) {
		return unix.ENOENT // the mount itself is gone
	}
	err := mkdir(p)
	if errors.Is(err, unix.ENOENT) {
		if err = mkdirParents(mount, path.Dir(p), mark); err == nil {
			err = mkdir(p)
		}
	}
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err == nil && mark {
		markParent(p)
	}
	return err
}

// enableControllers makes every controller of the mount available below
// parent, by adding it to cgroup.subtree_control from the top down. One that
// cannot be enabled (not delegated; a cgroup with processes in between) is
// left out: the limit that needs it will say so, the others need not care.
func enableControllers(mount, parent string) error {
	all, err := readFirst(mount + "/cgroup.controllers")
	if err != nil {
		return fmt.Errorf("cgroup %s: %w", mount, err)
	}
	missing := missingControllers(all, parent)
	if missing == "" {
		return nil
	}
	for end := len(mount); end <= len(parent); end++ {
		if end != len(parent) && parent[end] != '/' {
			continue
		}
		level := parent[:end]
		missing := missingControllers(all, level)
		if missing == "" || writeFile(level+"/cgroup.subtree_control", missing) == nil {
			continue
		}
		for one := range strings.FieldsSeq(missing) {
			_ = writeFile(level+"/cgroup.subtree_control", one)
		}
	}
	return nil
}

// missingControllers returns "+a +b" for those of all that level does not pass
// on yet.
func missingControllers(all, level string) string {
	if all == "" {
		return ""
	}
	have, err := readFirst(level + "/cgroup.subtree_control")
	if err != nil || have == all {
		return ""
	}
	have = " " + have + " "
	var b strings.Builder
	for name := range strings.FieldsSeq(all) {
		if !strings.Contains(have, " "+name+" ") {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteByte('+')
			b.WriteString(name)
		}
	}
	return b.String()
}

// checkType deals with threaded sub-trees. A cgroup below a threaded one, or
// below one that has both processes and controllers, starts out as "domain
// invalid" and can hold a process only after it was made threaded, which rules
// out the controllers that account for whole processes.
func checkType(p string, domain bool) error {
	t, err := readFirst(p + "/cgroup.type")
	if err != nil || t == "domain" {
		return nil
	}
	if domain {
		return fmt.Errorf("cgroup %s: type is %q: memory, io, hugetlb and rdma limits cannot be set in a threaded sub-tree: choose another %s", p, t, pathPointer)
	}
	if t == "domain invalid" {
		if err := writeFile(p+"/cgroup.type", "threaded"); err != nil {
			return fmt.Errorf("cgroup %s: make threaded: %w", p, err)
		}
	}
	return nil
}

// delegate gives the directory and the files that the kernel lists as safe to
// the user. The files differ between kernels; missing ones are skipped
// (runtime-spec, "cgroup ownership": "MUST NOT fail").
func delegate(p string, uid int) error {
	list, err := os.ReadFile("/sys/kernel/cgroup/delegate")
	if err != nil {
		list = []byte("cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n")
	}
	if err := unix.Lchown(p, uid, -1); err != nil {
		return fmt.Errorf("cgroup %s: chown to %d: %w", p, uid, err)
	}
	for name := range strings.FieldsSeq(string(list)) {
		if strings.Contains(name, "/") {
			continue
		}
		if err := unix.Lchown(p+"/"+name, uid, -1); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("cgroup %s/%s: chown to %d: %w", p, name, uid, err)
		}
	}
	return nil
}

// fillCpuset copies cpus and mems from the parent where they are empty: on v1 a
// process cannot enter a cpuset without both.
func fillCpuset(d *dir, fresh bool) error {
	for _, name := range [...]string{"/cpuset.cpus", "/cpuset.mems"} {
		if !fresh {
			if have, err := readFirst(d.path + name); err != nil || have != "" {
				continue
			}
		}
		v, err := cpusetOf(d.mount, path.Dir(d.path), name)
		if err == nil {
			err = writeFile(d.path+name, v)
		}
		if err != nil {
			return fmt.Errorf("cgroup %s%s: inherit from parent: %w", d.path, name, err)
		}
	}
	return nil
}

// cpusetOf returns the value at p, after filling it from above if it is empty.
func cpusetOf(mount, p, name string) (string, error) {
	v, err := readFirst(p + name)
	if err != nil || v != "" || p == mount {
		return v, err
	}
	if v, err = cpusetOf(mount, path.Dir(p), name); err != nil {
		return "", err
	}
	return v, writeFile(p+name, v)
}
