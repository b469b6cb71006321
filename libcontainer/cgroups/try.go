// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Try finds out whether the cgroup could be made, for `kist check`: it makes the
// directories without limits, calls use with a descriptor of the v2 one (-1 where
// there is none), and removes them. Unlike Create it passes no controllers on to
// children, which would last.
func (c *Cgroup) Try(use func(unified int)) (err error) {
	var made []string
	defer func() {
		for _, p := range slices.Backward(made) {
			if rmErr := unix.Rmdir(p); err == nil && rmErr != nil {
				err = pathError("remove", p, rmErr)
			}
		}
	}()
	for i := range c.dirs {
		d := &c.dirs[i]
		if d.alias {
			continue
		}
		if err := mkdir(d.path); err != nil {
			if d.optional() && i > 0 && isPermission(err) {
				continue // as in Create
			}
			return pathError("create", d.path, err)
		}
		made = append(made, d.path)
	}
	fd := -1
	if d := c.unified(); d != nil && slices.Contains(made, d.path) {
		if fd, err = openRetry(d.path, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
			return err
		}
		defer unix.Close(fd)
	}
	use(fd)
	return nil
}

// Available lists the controllers that a container in this cgroup could have: those
// of the directory above on v2, the mounted hierarchies otherwise.
func (c *Cgroup) Available() ([]string, error) {
	var names []string
	if c.mode == V2 {
		if len(c.dirs) == 0 {
			return nil, nil
		}
		return ControllersAt(path.Dir(c.dirs[0].path))
	}
	for i := range c.dirs {
		if name := c.dirs[i].controller; name != "" && !strings.HasPrefix(name, "name=") {
			names = append(names, name)
		}
	}
	return names, nil
}

// ControllersAt lists the controllers of a v2 directory.
func ControllersAt(dir string) ([]string, error) {
	data, err := os.ReadFile(dir + "/cgroup.controllers")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(data)), nil
}

// MountPoint is where the v2 hierarchy is mounted alone; paths that systemd and the
// kernel name are below it.
const MountPoint = mountRoot

// TryDeviceFilter finds out whether the kernel takes the program that enforces
// device rules on v2. It is attached to nothing.
func TryDeviceFilter() error {
	fd, err := loadDeviceFilter([]bpfInsn{{code: opMov32, regs: regAnswer, imm: 1}, {code: opExit}})
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
