// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

const pathPointer = "/linux/cgroupsPath"

// controllers lists the v1 hierarchies that a container joins, in the order in
// which its directories are made. The first one that is mounted carries the
// ownership mark and stands for the whole, so it is the one that can also stop
// all processes.
var controllers = [...]string{
	"freezer", "devices", "pids", "cpuset", "memory", "cpu", "cpuacct", "blkio", "hugetlb",
	"net_cls", "net_prio", "perf_event", "rdma", "misc", "name=systemd",
}

// innerPath turns linux.cgroupsPath into a clean path below the mount point,
// starting with "/" and never "/" itself. A relative path is taken from the
// mount point too, so that the same string always means the same cgroup
// (runtime-spec: "the runtime MUST consistently attach to the same place").
// Only a rootless caller, who can write nowhere else, gets a relative or absent
// path below the parent of its own cgroup.
func innerPath(cfg Config) (string, error) {
	p := cfg.Path
	if p == "" {
		p = cfg.ID
	}
	if err := checkComponents(p); err != nil {
		return "", fmt.Errorf("%s: %q: %w", pathPointer, p, err)
	}
	clean := path.Clean("/" + p)
	if clean == "/" {
		return "", fmt.Errorf("%s: %q: is the root cgroup: name a cgroup below it", pathPointer, p)
	}
	if cfg.Rootless && !strings.HasPrefix(p, "/") {
		own, err := ownCgroups()
		if err != nil {
			return "", err
		}
		// The caller's own cgroup has processes in it, so that no controller
		// can be passed on to children of it; its parent can.
		if u, ok := own[""]; ok {
			clean = path.Join(path.Dir(u), clean)
		}
	}
	return clean, nil
}

// checkComponents refuses what must never become part of a cgroup path: "..",
// because it leaves the place the path names; control characters, because the
// kernel refuses newlines and /proc/PID/cgroup is parsed by lines; and
// components the file system cannot hold.
func checkComponents(p string) error {
	if len(p) > 3072 {
		return errors.New("longer than 3072 bytes")
	}
	for i := 0; i < len(p); i++ {
		if p[i] < ' ' || p[i] == 0x7f {
			return errors.New("contains a control character")
		}
	}
	for rest, more := p, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part == ".." {
			return errors.New(`must not contain ".." components`)
		}
		if len(part) > 255 {
			return errors.New("has a component longer than 255 bytes")
		}
	}
	return nil
}

// checkBelow accepts only an absolute, clean path strictly below the mount.
func checkBelow(mount, p string) error {
	rest, ok := strings.CutPrefix(p, mount)
	if !ok || len(rest) < 2 || rest[0] != '/' || path.Clean(p) != p {
		return fmt.Errorf("state: cgroup path %q: is not below the cgroup mount %s", p, mount)
	}
	return checkComponents(rest)
}

// resolve fills c.dirs for the path inner below every mount point.
func (c *Cgroup) resolve(inner string) error {
	if c.mode == V2 {
		c.dirs = []dir{{mount: mountRoot, path: mountRoot + inner}}
		return nil
	}
	hs, err := hierarchies()
	if err != nil {
		return err
	}
	c.dirs = make([]dir, 0, len(hs)+1)
	for i := range hs {
		c.dirs = append(c.dirs, dir{controller: hs[i].controller, mount: hs[i].mount, path: hs[i].mount + inner, alias: hs[i].alias})
	}
	if c.mode == Hybrid {
		c.dirs = append(c.dirs, dir{mount: hybridMount, path: hybridMount + inner})
	}
	if c.dir("devices") == nil && !c.cfg.Rootless {
		// Without it the container could open every device of the host.
		return errors.New("cgroup: the devices controller is not mounted: mount it at " + mountRoot + "/devices (or use cgroup v2)")
	}
	return nil
}

// hierarchy is one mounted v1 controller.
type hierarchy struct {
	controller, mount string
	alias             bool
}

// hierarchies finds the v1 mounts. On the usual layout that is one stat per
// controller: a directory (or a link to one) in /sys/fs/cgroup that is on
// another device than /sys/fs/cgroup is a mount, and two controllers on the
// same device are mounted together.
func hierarchies() ([]hierarchy, error) {
	var top unix.Stat_t
	if err := unix.Stat(mountRoot, &top); err != nil {
		return hierarchiesFromMountinfo()
	}
	list := make([]hierarchy, 0, len(controllers))
	var devs [len(controllers)]uint64
	for _, name := range controllers {
		mount := mountRoot + "/" + strings.TrimPrefix(name, "name=")
		var st unix.Stat_t
		if unix.Stat(mount, &st) != nil || st.Dev == top.Dev || st.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		h := hierarchy{controller: name, mount: mount}
		for j := range list {
			if devs[j] == st.Dev {
				h.mount, h.alias = list[j].mount, true
				break
			}
		}
		devs[len(list)] = st.Dev
		list = append(list, h)
	}
	if len(list) == 0 {
		return hierarchiesFromMountinfo()
	}
	// One check that these really are cgroup mounts and not, say, binds of
	// something else into a sandbox's /sys/fs/cgroup.
	if st, err := statfs(list[0].mount); err != nil || st.Type != unix.CGROUP_SUPER_MAGIC {
		return hierarchiesFromMountinfo()
	}
	return list, nil
}
