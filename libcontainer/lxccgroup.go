// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/lxc"
)

// fillCgroup writes the files that LXC's configuration names and OCI has no
// word for, and makes the inner cgroup.
func (c *creation) fillCgroup() error {
	if c.lxc == nil {
		return nil
	}
	if c.cgroup.Absent() && (len(c.lxc.CgroupFiles) > 0 || c.lxc.CgroupInner != "") {
		return &compile.AnnotationError{Key: lxc.AnnotationCgroupFiles, Msg: "the container has no cgroup of its own"}
	}
	for i, f := range c.lxc.CgroupFiles {
		if err := c.writeCgroupFile(f); err != nil {
			return &compile.AnnotationError{Key: lxc.AnnotationCgroupFiles, Msg: fmt.Sprintf("/%d: %v", i, err)}
		}
	}
	if c.lxc.CgroupInner == "" {
		return nil
	}
	for controller, dir := range c.cgroup.Paths() {
		if err := makeInner(controller, dir, c.lxc.CgroupInner); err != nil {
			return &compile.AnnotationError{Key: lxc.AnnotationCgroupInner, Msg: err.Error()}
		}
	}
	return nil
}

// writeCgroupFile writes one file. A key of the other cgroup version does
// nothing in LXC either, but is worth a word.
func (c *creation) writeCgroupFile(f lxc.CgroupFile) error {
	if f.File == "" || strings.ContainsRune(f.File, '/') || f.File == ".." {
		return fmt.Errorf("file %q: must be the name of a file in the cgroup", f.File)
	}
	dir := ""
	if f.Controller != "" || c.cgroup.Paths()[""] != "" {
		dir = c.cgroup.Path(f.Controller)
	}
	if f.Controller != "" && c.facts.CgroupV2 {
		dir = ""
	}
	if dir == "" {
		c.rt.Log.Warn("value for a cgroup hierarchy that this host does not have, ignored as LXC does", "controller", f.Controller, "file", f.File)
		return nil
	}
	return writeExisting(filepath.Join(dir, f.File), f.Value)
}

// makeInner makes a cgroup below another. On v1 a cpuset takes no process
// before it has processors and memory.
func makeInner(controller, dir, name string) error {
	inner := dir
	for _, part := range strings.Split(name, "/") {
		outer := inner
		inner = filepath.Join(outer, part)
		if err := unix.Mkdir(inner, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("%s: mkdir: %w", inner, err)
		}
		if controller != "cpuset" {
			continue
		}
		for _, file := range [...]string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(outer, file))
			if err != nil {
				return err
			}
			if err := writeExisting(filepath.Join(inner, file), strings.TrimSpace(string(value))); err != nil {
				return err
			}
		}
	}
	return nil
}

// innerTasks are the files by which nsexec enters the inner cgroup on v1.
func (c *creation) innerTasks(tasks []string) []string {
	if c.lxc == nil || c.lxc.CgroupInner == "" {
		return tasks
	}
	for i, t := range tasks {
		tasks[i] = filepath.Join(filepath.Dir(t), c.lxc.CgroupInner, "tasks")
	}
	return tasks
}

// openGroup opens the cgroup v2 directory to be born in.
func (c *creation) openGroup() (int, error) {
	fd, err := c.cgroup.OpenDir()
	if err != nil || c.lxc == nil || c.lxc.CgroupInner == "" {
		return fd, err
	}
	defer unix.Close(fd)
	inner, err := unix.Openat(fd, c.lxc.CgroupInner, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &compile.AnnotationError{Key: lxc.AnnotationCgroupInner, Msg: "open: " + err.Error()}
	}
	return inner, nil
}

// innerCgroup is where a further process goes if it is not told: to the
// others, in the inner cgroup.
func (c *Container) innerCgroup(where []string) []string {
	if inner := c.State.Annotations[lxc.AnnotationCgroupInner]; inner != "" && len(where) == 0 {
		return []string{inner}
	}
	return where
}
