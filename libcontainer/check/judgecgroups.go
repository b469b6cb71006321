// SPDX-License-Identifier: Apache-2.0

package check

import (
	"slices"

	"kist/libcontainer/cgroups"
)

// controller is one that config.json can ask for; v1 has other names for some.
type controller struct {
	name, v1, breaks string
	option           string // of the kernel
}

var controllers = [...]controller{
	{"cpu", "cpu", "linux.resources.cpu: shares, quota, period, idle", "CONFIG_CGROUP_SCHED, CONFIG_CFS_BANDWIDTH"},
	{"cpuset", "cpuset", "linux.resources.cpu: cpus, mems", "CONFIG_CPUSETS"},
	{"memory", "memory", "linux.resources.memory", "CONFIG_MEMCG; on the kernel's command line cgroup_enable=memory"},
	{"pids", "pids", "linux.resources.pids", "CONFIG_CGROUP_PIDS"},
	{"io", "blkio", "linux.resources.blockIO", "CONFIG_BLK_CGROUP"},
	{"hugetlb", "hugetlb", "linux.resources.hugepageLimits", "CONFIG_CGROUP_HUGETLB"},
	{"rdma", "rdma", "linux.resources.rdma", "CONFIG_CGROUP_RDMA"},
}

func (j *judge) cgroups() {
	j.group = "Cgroups"
	if j.s.Options.NoCgroup {
		return
	}
	root := j.s.Facts.Privileged()
	l := Line{ID: "cgroup.mode", What: "hierarchies", Status: OK, Found: "cgroup " + j.s.CgroupMode.String()}
	if !j.v2() && !root {
		l.Status = Limited
		l.Breaks = "cgroups of ordinary users: v1 has no safe delegation"
		l.Remedy = "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 alone at /sys/fs/cgroup"
	}
	j.add(l)

	l = Line{ID: "cgroup.create", What: "make a cgroup for a container", Required: root && !j.s.Options.Systemd, Status: OK, Found: j.s.CgroupPath}
	if o, ok := j.s.Here[l.ID]; !ok || o.Err != "" {
		l.Status, l.Found = Missing, o.Err
		l.Breaks, l.Remedy = "every container, unless with --cgroup-manager disabled", "mount /sys/fs/cgroup writable: mount -o remount,rw /sys/fs/cgroup"
		if !root {
			l.Breaks = "limits, pause and stats; containers without limits run in the caller's cgroup"
			l.Remedy = "cgroup v2 and systemd: run kist with --systemd-cgroup, or below a unit of your own: systemd-run --user --scope -p Delegate=yes"
		}
	}
	j.add(l)
	if l.Status != OK {
		return // what could be in it does not matter
	}
	if j.s.CgroupMode != cgroups.V1 {
		j.tried(j.s.Here, Line{ID: "cgroup.born", What: "start inside it (CLONE_INTO_CGROUP)", Required: root && j.v2() && !j.s.Options.Systemd,
			Breaks: "containers with the cgroupfs driver on cgroup v2"})
		j.tried(j.s.Here, Line{ID: "cgroup.kill", What: "cgroup.kill", Breaks: "killing all processes of a container at once"})
	}
	j.deviceRules(root)
	if !j.v2() {
		l := Line{ID: "cgroup.freezer", What: "freezer", Status: OK, Breaks: "pause and resume", Remedy: "mount -t cgroup -o freezer freezer /sys/fs/cgroup/freezer"}
		if !slices.Contains(j.s.Controllers, "freezer") {
			l.Status = Missing
		}
		j.add(l)
	}
	for _, c := range controllers {
		j.add(j.controllerLine("cgroup.controller."+c.name, c, j.s.Controllers))
	}
}

// controllerLine says whether a controller can be had, and where it got lost if not.
func (j *judge) controllerLine(id string, c controller, have []string) Line {
	name := c.name
	if !j.v2() {
		name = c.v1
	}
	l := Line{ID: id, What: "controller " + name, Status: OK, Breaks: c.breaks}
	if slices.Contains(have, name) {
		return l
	}
	l.Status = Missing
	switch {
	case !slices.Contains(j.s.KernelHas, c.v1): // /proc/cgroups keeps the old names
		l.Found, l.Remedy = "not in this kernel, or switched off", c.option
	case !j.v2():
		l.Found, l.Remedy = "not mounted", "mount -t cgroup -o "+name+" "+name+" /sys/fs/cgroup/"+name
	case j.s.Facts.Privileged():
		l.Found, l.Remedy = "not at the root of what is mounted", "a v1 hierarchy has it: unmount that; inside a container: let the host pass it on in cgroup.subtree_control"
	case c.name == "hugetlb" || c.name == "rdma":
		l.Found, l.Remedy = "not delegated to you", "nothing: systemd does not pass it on"
	default:
		l.Found, l.Remedy = "not delegated to you", delegate
	}
	return l
}

const delegate = "the administrator: systemctl edit user@.service, and there [Service] Delegate=cpu cpuset io memory pids"

// deviceRules are enforced by a BPF program on v2, and by a controller on v1. For
// ordinary users they are left out: they can make no device nodes.
func (j *judge) deviceRules(root bool) {
	if !root {
		return
	}
	l := Line{ID: "cgroup.devices", What: "device rules", Required: true, Breaks: "every container: it could open all devices of the host"}
	if j.v2() {
		l.What, l.Remedy = "device rules (BPF)", "CONFIG_CGROUP_BPF, CONFIG_BPF_SYSCALL"
		j.tried(j.s.Here, l)
		return
	}
	l.Status, l.Remedy = OK, "mount -t cgroup -o devices devices /sys/fs/cgroup/devices"
	if !slices.Contains(j.s.Controllers, "devices") {
		l.Status = Missing
	}
	j.add(l)
}

func (j *judge) systemd() {
	j.group = "systemd"
	if j.s.Options.NoCgroup {
		return
	}
	required := j.s.Options.Systemd
	const breaks = "--systemd-cgroup"
	if !j.s.Booted {
		j.add(Line{ID: "systemd.running", What: "systemd is the init", Required: required, Status: Missing, Breaks: breaks,
			Remedy: "nothing, if you do not use it: the cgroupfs driver does without"})
		return
	}
	j.add(Line{ID: "systemd.running", What: "systemd is the init", Required: required, Status: OK})
	if j.s.Facts.Privileged() {
		j.tried(j.s.Here, Line{ID: "systemd.system", What: "system manager", Required: required, Breaks: breaks, Remedy: "systemctl status dbus.socket"})
		return
	}
	j.tried(j.s.Here, Line{ID: "systemd.user", What: "your own manager", Required: required, Breaks: breaks + " as a user",
		Remedy: "log in through PAM (pam_systemd, ssh, machinectl shell; not su or sudo), install dbus-user-session, and loginctl enable-linger to keep it after logout"})
	if !j.v2() || j.s.Here["systemd.user"].Err != "" {
		return
	}
	for _, c := range controllers {
		if c.name == "hugetlb" || c.name == "rdma" {
			continue // systemd does not know them
		}
		l := j.controllerLine("systemd.delegated."+c.name, c, j.s.UserDelegated)
		l.What = "delegated: " + c.name
		j.add(l)
	}
}
