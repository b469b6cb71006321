// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Config is what New needs to know. Everything in it comes from config.json
// and the command line.
type Config struct {
	// ID is the container's id. It names the default path and is the value of
	// the ownership mark.
	ID string
	// Path is linux.cgroupsPath; "" means absent.
	Path string
	// Systemd selects the systemd driver (--systemd-cgroup).
	Systemd bool
	// Rootless tolerates missing permissions as --rootless says: a container
	// without limits and without a path of its own then runs without a cgroup
	// (see Cgroup.Absent).
	Rootless bool
	// Disabled makes a Cgroup of which every operation does nothing
	// (--cgroup-manager disabled). Set with limits is an error.
	Disabled bool
	// Resources is linux.resources; nil means none. The default device rules
	// are added to it in any case.
	Resources *specs.LinuxResources
	// Annotations are read for org.systemd.property.*, with the systemd driver
	// only.
	Annotations map[string]string
	// Fresh says that the path was free when the record of a create was written,
	// and that the create has not finished: a first directory without a mark is
	// then what a create killed between mkdir and mark has left.
	Fresh bool
	// OwnerUID, if set, is the host user that gets the cgroup directory and its
	// delegatable files. Only meaningful on v2, for a container with its own
	// cgroup namespace and a writable cgroup mount.
	OwnerUID *int
}

// Cgroup is one container's cgroup: a directory in one hierarchy (v2) or in
// each of several (v1).
type Cgroup struct {
	cfg    Config
	mode   Mode
	dirs   []dir
	unit   unit // systemd driver only
	absent bool
	old    mark // of Create: what the first directory said,
	now    mark // and what it says
}

// dir is the cgroup's directory for one controller.
type dir struct {
	// controller is the kernel's name ("memory"), "name=systemd" for that
	// named hierarchy and "" for the v2 one.
	controller string
	mount      string // mount point of the hierarchy
	path       string // absolute; below mount
	alias      bool   // mounted together with an earlier controller
	made       bool   // Create has been here
}

// optional tells whether the container can do without this hierarchy: only
// bookkeeping is lost, no limit.
func (d *dir) optional() bool {
	return d.controller == "" || d.controller == "name=systemd" || d.controller == "misc"
}

// New decides the cgroup's paths and, for systemd, its unit. It touches
// nothing. Bad paths are refused with the pointer /linux/cgroupsPath.
func New(cfg Config) (*Cgroup, error) {
	c := &Cgroup{cfg: cfg}
	if cfg.Disabled {
		c.absent = true
		return c, nil
	}
	c.mode = Detect()
	if cfg.ID == "" {
		return nil, errors.New("cgroup: container id is empty")
	}
	if cfg.Systemd {
		return c, c.initSystemd()
	}
	inner, err := innerPath(cfg)
	if err != nil {
		return nil, err
	}
	return c, c.resolve(inner)
}

// Load makes a Cgroup from what the state recorded: ID, Systemd and Rootless in
// cfg, and the paths. (Resources too, for Update.) The paths are checked for form
// here, and for ownership by every operation that could do harm.
func Load(cfg Config, paths map[string]string) (*Cgroup, error) {
	c := &Cgroup{cfg: cfg, mode: Detect()}
	if cfg.Disabled || len(paths) == 0 {
		c.absent = true
		return c, nil
	}
	_, unified := paths[""]
	if len(paths) == 1 && unified != (c.mode == V2) {
		return nil, fmt.Errorf("state: cgroup paths: recorded for another cgroup version than this host's (%s)", c.mode)
	}
	for i := range len(controllers) + 1 {
		name := "" // the v2 hierarchy comes last
		if i < len(controllers) {
			name = controllers[i]
		}
		p, ok := paths[name]
		if !ok {
			continue
		}
		mount := mountRoot
		if c.mode != V2 {
			var err error
			if mount, err = mountAbove(p); err != nil {
				return nil, err
			}
		}
		if err := checkBelow(mount, p); err != nil {
			return nil, err
		}
		d := dir{controller: name, mount: mount, path: p}
		if len(c.dirs) > 0 && d.relative() != c.dirs[0].relative() {
			// The mark on the first directory speaks for all of them.
			return nil, fmt.Errorf("state: cgroup paths: %s and %s are not the same cgroup", c.dirs[0].path, p)
		}
		for j := range c.dirs {
			d.alias = d.alias || c.dirs[j].path == p
		}
		c.dirs = append(c.dirs, d)
	}
	if len(c.dirs) != len(paths) {
		return nil, errors.New("state: cgroup paths: unknown controller name")
	}
	if cfg.Systemd {
		c.unit.name = path.Base(c.dirs[0].path)
		if !validUnit(c.unit.name) {
			return nil, fmt.Errorf("state: cgroup path %q: does not end in a unit name", c.dirs[0].path)
		}
	}
	return c, nil
}

// Mode returns the host's layout.
func (c *Cgroup) Mode() Mode { return c.mode }

// Absent tells that the container has no cgroup: cgroups are disabled, or a
// rootless caller may not make one. Attach, Set and Destroy then do nothing;
// what needs a cgroup (pause, update, kill --all) returns ErrAbsent.
func (c *Cgroup) Absent() bool { return c.absent }

// BornInto tells that a process can be cloned straight into the cgroup
// (OpenDir, after Create and Set). If false, use Attach or ProcsFiles.
func (c *Cgroup) BornInto() bool {
	return c.mode == V2 && !c.cfg.Systemd && !c.absent
}

// Paths returns the directory per controller, "" being the v2 hierarchy, for
// the state. It is empty for an absent cgroup.
func (c *Cgroup) Paths() map[string]string {
	m := make(map[string]string, len(c.dirs))
	if c.absent {
		return m
	}
	for i := range c.dirs {
		m[c.dirs[i].controller] = c.dirs[i].path
	}
	return m
}

// Path returns the directory for one controller, or "" if there is none. On v2
// the controller does not matter.
func (c *Cgroup) Path(controller string) string {
	if d := c.dir(controller); d != nil {
		return d.path
	}
	return ""
}

// Unit returns the name of the systemd unit, or "" with the cgroupfs driver.
func (c *Cgroup) Unit() string { return c.unit.name }

func (c *Cgroup) dir(controller string) *dir {
	if c.absent {
		return nil
	}
	for i := range c.dirs {
		if c.mode == V2 || c.dirs[i].controller == controller {
			return &c.dirs[i]
		}
	}
	return nil
}

// identity is the directory that stands for the whole cgroup: v2's only one,
// else the one in the first hierarchy.
func (c *Cgroup) identity() *dir {
	if c.absent || len(c.dirs) == 0 {
		return nil
	}
	return &c.dirs[0]
}

// unified returns the v2 directory: the cgroup itself on V2, its shadow in the
// controller-less hierarchy on Hybrid, nil on V1.
func (c *Cgroup) unified() *dir { return c.dir("") }

// Exists tells whether the cgroup's directory is there.
func (c *Cgroup) Exists() bool {
	d := c.identity()
	if d == nil {
		return false
	}
	var st unix.Stat_t
	return unix.Lstat(d.path, &st) == nil
}

// relative returns the cgroup's path below its mount point, as the kernel
// prints it in /proc/PID/cgroup (in the same cgroup namespace).
func (d *dir) relative() string { return strings.TrimPrefix(d.path, d.mount) }
