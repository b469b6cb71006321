// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Pids returns the host pids of all processes in the cgroup and below it, in
// no particular order. A process that has no pid in this pid namespace is left
// out. It is empty if the cgroup is gone.
func (c *Cgroup) Pids() ([]int, error) {
	d := c.identity()
	if d == nil {
		return nil, ErrAbsent
	}
	pids, err := pidsBelow(d.path)
	if isGone(err) {
		return nil, nil
	}
	return pids, err
}

// pidsBelow collects the processes of a sub-tree. The tree is walked with a
// list, not by recursion, since its depth and width are the container's choice;
// a sub-cgroup that vanishes meanwhile has no processes.
func pidsBelow(root string) ([]int, error) {
	pids, err := pidsOf(root)
	if err != nil {
		return nil, err
	}
	err = walk(root, func(p string) error {
		more, err := pidsOf(p)
		if isGone(err) {
			return nil
		}
		pids = append(pids, more...)
		return err
	})
	return pids, err
}

func pidsOf(p string) ([]int, error) {
	data, err := readFile(p + "/cgroup.procs")
	if errors.Is(err, unix.EOPNOTSUPP) {
		// Threaded cgroups list threads only; every process in one is listed
		// in the root of the threaded sub-tree, where the walk has been.
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: p + "/cgroup.procs", Err: err}
	}
	if data == "" {
		return nil, nil
	}
	pids := make([]int, 0, strings.Count(data, "\n"))
	for line := range strings.Lines(data) {
		pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, &os.PathError{Op: "parse", Path: p + "/cgroup.procs", Err: err}
		}
		if pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// walk calls f for every cgroup below root, parents before children.
func walk(root string, f func(string) error) error {
	todo := []string{root}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		names, err := children(p)
		if err != nil {
			if isGone(err) {
				continue
			}
			return err
		}
		for _, name := range names {
			child := p + "/" + name
			if err := f(child); err != nil {
				return err
			}
			todo = append(todo, child)
		}
	}
	return nil
}

// children lists the sub-cgroups of a directory. A cgroup directory's link
// count is 2 plus the number of its children, which spares the usual container
// without any the reading of a hundred file names.
func children(p string) ([]string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		return nil, &os.PathError{Op: "lstat", Path: p, Err: err}
	}
	if st.Nlink == 2 {
		return nil, nil
	}
	f, err := os.OpenFile(p, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}
