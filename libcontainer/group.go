// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/cgroups"
	"kist/libcontainer/compile"
)

// newCgroup decides which cgroup the container gets; nothing is made yet.
func (c *creation) newCgroup() (*cgroups.Cgroup, error) {
	cfg := cgroups.Config{
		ID:          c.ID,
		Path:        c.spec.Linux.CgroupsPath,
		Systemd:     c.rt.SystemdCgroup,
		Rootless:    c.rt.Rootless,
		Disabled:    c.rt.CgroupDisabled,
		Resources:   c.spec.Linux.Resources,
		Annotations: c.spec.Annotations,
	}
	if uid, ok := c.cgroupOwner(); ok {
		cfg.OwnerUID = &uid
	}
	return cgroups.New(cfg)
}

// cgroupOwner gives the user that a delegated cgroup belongs to: with a cgroup
// namespace and a writable cgroup mount the container's root may manage what
// is below. See config-linux.md, "Cgroup ownership".
func (c *creation) cgroupOwner() (int, bool) {
	if !createsNamespace(c.spec.Linux.Namespaces, specs.CgroupNamespace) {
		return 0, false
	}
	writable := false
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if m.Type != "cgroup" && m.Type != "cgroup2" || filepath.Clean(m.Destination) != "/sys/fs/cgroup" {
			continue
		}
		writable = true
		for _, o := range m.Options {
			if o == "ro" {
				writable = false
			}
		}
	}
	if !writable {
		return 0, false
	}
	for _, m := range c.spec.Linux.UIDMappings {
		if uid := c.spec.Process.User.UID; uid >= m.ContainerID && uid-m.ContainerID < m.Size {
			return int(m.HostID + uid - m.ContainerID), true
		}
	}
	return 0, false
}

// view tells the compiler where the cgroup is.
func (c *creation) view() compile.CgroupView {
	v := compile.CgroupView{Born: c.cgroup.BornInto(), Tasks: c.innerTasks(c.cgroup.TaskFiles()), None: c.cgroup.Absent()}
	v.Early = c.joinsEarly()
	if c.facts.CgroupV2 {
		v.Path = c.cgroup.Path("")
		return v
	}
	for _, h := range c.facts.Hierarchy {
		v.Dirs = append(v.Dirs, c.cgroup.Path(h.Options[0]))
	}
	return v
}

// joinsEarly: a user's systemd takes a login session's process into a scope only
// while it is the user's own, which it is no more as a container's root that is
// mapped to somebody else.
func (c *creation) joinsEarly() bool {
	if !c.rt.SystemdCgroup || !c.rt.Rootless || findNamespace(c.spec.Linux.Namespaces, specs.UserNamespace) == nil {
		return false
	}
	for _, m := range c.spec.Linux.UIDMappings {
		if m.ContainerID == 0 {
			return int(m.HostID) != c.facts.Euid
		}
	}
	return true // a namespace that is joined has maps of its own
}

// beginCgroup makes what nsexec is born into. It says whether that is all of it.
func (c *creation) beginCgroup() (complete bool, err error) {
	if c.facts.CgroupV2 || c.lxc != nil {
		return true, c.makeCgroup() // an inner cgroup is made with the limits of the outer one
	}
	defer c.rt.Trace.phase("cgroup")()
	return false, c.cgroup.Begin()
}

// makeCgroup makes the cgroup with its limits; no process is in it yet.
func (c *creation) makeCgroup() error {
	defer c.rt.Trace.phase("cgroup")()
	if err := c.cgroup.Create(); err != nil {
		return err
	}
	// A hierarchy that only keeps books may have dropped out.
	c.state.CgroupPaths = c.cgroup.Paths()
	if c.rt.SystemdCgroup {
		return nil // systemd makes it when there is a process to put there
	}
	if err := c.cgroup.Set(); err != nil {
		return err
	}
	return c.fillCgroup()
}

// askForCgroup asks systemd for the cgroup as soon as there is a process to put
// there; both go on, and joinCgroup waits.
func (c *creation) askForCgroup(pid int) error {
	if !c.rt.SystemdCgroup {
		return nil
	}
	defer c.rt.Trace.phase("ask systemd")()
	return c.cgroup.AskFor(pid)
}

// adopted goes on with nsexec's child in its place, which is where its parent
// was.
func (c *creation) adopted(pid int) error {
	if c.joinsEarly() {
		return nil
	}
	return c.askForCgroup(pid)
}

// joinCgroup puts nsexec into the cgroup, where it was not born there.
func (c *creation) joinCgroup() error {
	if c.inGroup {
		return nil
	}
	c.inGroup = true
	defer c.rt.Trace.phase("cgroup attach")()
	if err := c.cgroup.Attach(c.session.Pid); err != nil {
		return err
	}
	if c.rt.SystemdCgroup {
		if err := c.cgroup.Set(); err != nil {
			return err
		}
		return c.fillCgroup()
	}
	return nil
}
