// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpenDir opens the cgroup's directory (O_PATH, close-on-exec) for
// CLONE_INTO_CGROUP: on v2 the cgroup itself, on a hybrid host its shadow in
// the unified hierarchy. The caller closes it.
func (c *Cgroup) OpenDir() (int, error) {
	d := c.unified()
	if d == nil {
		return -1, errors.New("cgroup: open directory: needs cgroup v2")
	}
	return openDir(d.path)
}

// Unified tells that there is a directory for OpenDir.
func (c *Cgroup) Unified() bool {
	return !c.absent && !c.cfg.Systemd && c.unified() != nil
}

// TaskFiles lists the files of cgroup v1 into which a process writes "0" to
// enter the cgroup by itself; none on v2 and with the systemd driver.
//
// A task that moves itself and nothing else is the one case in which the
// kernel does without its lock on all forks and exits, and so without an RCU
// grace period of some milliseconds (__cgroup1_procs_write).
func (c *Cgroup) TaskFiles() []string {
	if c.absent || c.cfg.Systemd || c.mode == V2 {
		return nil
	}
	files := make([]string, 0, len(c.dirs))
	for i := range c.dirs {
		if d := &c.dirs[i]; !d.alias && d.controller != "" {
			files = append(files, d.path+"/tasks")
		}
	}
	return files
}

func openDir(p string) (int, error) {
	fd, err := openRetry(p, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: p, Err: err}
	}
	return fd, nil
}

// ProcsFiles opens cgroup.procs of the cgroup in every hierarchy for writing
// (close-on-exec). A child that writes "0" to each of them enters the cgroup by
// itself, which costs the parent no wait. The caller closes them.
func (c *Cgroup) ProcsFiles() ([]int, error) {
	fds := make([]int, 0, len(c.dirs))
	for i := range c.dirs {
		d := &c.dirs[i]
		if d.alias || c.absent {
			continue
		}
		fd, err := openRetry(d.path+"/cgroup.procs", unix.O_WRONLY)
		if err != nil {
			if d.optional() && isPermission(err) {
				continue
			}
			closeAll(fds)
			return nil, &os.PathError{Op: "open", Path: d.path + "/cgroup.procs", Err: err}
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// AskFor asks systemd for the scope around a process, without waiting for it:
// Attach does that. With the cgroupfs driver there is nothing to ask for.
func (c *Cgroup) AskFor(pid int) error {
	if c.absent || !c.cfg.Systemd {
		return nil
	}
	return c.askForUnit(pid)
}

// Settle waits for what AskFor has asked and nobody has waited for. The process
// must not have been reaped before: systemd knows it by its number, and would
// take whoever comes to have that.
func (c *Cgroup) Settle() {
	if job := c.unit.job; job != nil {
		c.unit.job = nil
		_ = job.Wait() // Destroy sees what has become of it
	}
}

// Attach moves a process into the cgroup: in every hierarchy, or by asking
// systemd to make the scope around it. The process must not have been allowed
// to do anything yet that the cgroup is to limit.
func (c *Cgroup) Attach(pid int) error {
	if c.absent {
		return nil
	}
	if pid <= 0 {
		return errors.New("cgroup: attach: pid " + strconv.Itoa(pid) + " is not a process")
	}
	if c.cfg.Systemd {
		return c.startUnit(pid)
	}
	return c.attachDirs(pid)
}

func (c *Cgroup) attachDirs(pid int) error {
	fds, err := c.ProcsFiles()
	if err != nil {
		return err
	}
	defer closeAll(fds)
	return writePid(fds, pid, c.dirs[0].path)
}

// writePid enters pid into each open cgroup.procs.
func writePid(fds []int, pid int, path string) error {
	s := strconv.Itoa(pid)
	for _, fd := range fds {
		if err := writeFD(fd, s); err != nil {
			if errors.Is(err, unix.ENOSPC) {
				err = fmt.Errorf("%w (cpuset.cpus or cpuset.mems there is empty)", err)
			}
			return &os.PathError{Op: "attach pid " + s, Path: path, Err: err}
		}
	}
	return nil
}
