// SPDX-License-Identifier: Apache-2.0

package check

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"kist/apparmor"
)

func (j *judge) security() {
	j.group = "Security"
	c := &j.s.Seccomp
	l := Line{ID: "seccomp.filter", What: "seccomp filters", Required: true, Status: OK, Breaks: "containers with linux.seccomp: those of every engine"}
	switch {
	case !c.Built:
		l.Status, l.Found, l.Remedy = Missing, "this kist was built without libseccomp", "build it with make"
	case len(c.KernelActions) == 0:
		l.Status, l.Remedy = Missing, "CONFIG_SECCOMP_FILTER"
	}
	j.add(l)
	j.add(names(Line{ID: "seccomp.actions", What: "actions", Breaks: "profiles with them", Remedy: "a newer kernel"}, c.Actions, c.KernelActions))
	j.add(names(Line{ID: "seccomp.flags", What: "flags", Breaks: "profiles with them", Remedy: "a newer kernel"}, c.Flags, c.KernelFlags))
	l = Line{ID: "seccomp.notify", What: "notification of an agent", Status: OK, Breaks: "SCMP_ACT_NOTIFY, listenerPath", Remedy: "CONFIG_SECCOMP_FILTER"}
	if !slices.Contains(c.KernelActions, "SCMP_ACT_NOTIFY") {
		l.Status = Missing
	}
	j.add(l)

	f := j.s.Facts
	l = Line{ID: "security.apparmor", What: "AppArmor", Status: OK, Breaks: "process.apparmorProfile", Remedy: "boot with lsm=…,apparmor (CONFIG_SECURITY_APPARMOR)"}
	if !f.AppArmor {
		l.Status, l.Found = Missing, "off"
	}
	j.add(l)
	if f.AppArmor {
		l = Line{ID: "security." + apparmor.DefaultName, What: "profile " + apparmor.DefaultName, Status: OK, Found: "loaded",
			Breaks: "process.apparmorProfile " + apparmor.DefaultName, Remedy: "kist apparmor load"}
		if j.s.Profile != nil {
			l.Status, l.Found = Missing, strings.TrimPrefix(j.s.Profile.Error(), "is ")
		}
		j.add(l)
	}
	l = Line{ID: "security.selinux", What: "SELinux", Status: OK, Found: "enforcing", Breaks: "process.selinuxLabel, linux.mountLabel", Remedy: "boot with lsm=…,selinux and a policy (CONFIG_SECURITY_SELINUX)"}
	switch {
	case !f.SELinux:
		l.Status, l.Found = Missing, "off"
	case !j.s.SELinuxOn:
		l.Status, l.Found, l.Breaks, l.Remedy = Limited, "permissive", "labels confine nothing", "setenforce 1"
	}
	j.add(l)
	j.tried(j.s.Here, Line{ID: "security.landlock", What: "Landlock", Breaks: "nothing of kist: programs in containers that confine themselves", Remedy: "boot with lsm=landlock,… (CONFIG_SECURITY_LANDLOCK)"})
}

// names is about a list of names of which some may be missing.
func names(l Line, all, have []string) Line {
	missing := without(all, have)
	switch {
	case len(missing) == 0:
		l.Status, l.Found = OK, "all"
		l.Breaks, l.Remedy = "", ""
	case len(missing) == len(all):
		l.Status = Missing
	default:
		l.Status, l.Found = Limited, "without "+list(missing)
	}
	return l
}

func (j *judge) devices() {
	j.group = "Devices and terminals"
	j.tried(j.s.Here, Line{ID: "device.ptmx", What: "terminals of the host", Breaks: "nothing of kist: engines that hand it a terminal", Remedy: "mount devpts at /dev/pts, and link /dev/ptmx to pts/ptmx"})
	j.tried(j.view, Line{ID: "device.pty", What: "terminals of a devpts of its own", Required: true, Breaks: "containers with process.terminal", Remedy: "CONFIG_UNIX98_PTYS; sysctl kernel.pty.max"})
	if j.s.Facts.Privileged() {
		l := Line{ID: "device.mknod", What: "make device nodes", Breaks: "linux.devices that the host has not got; the others are bound from it", Remedy: "the capability CAP_MKNOD, and device rules that allow mknod"}
		j.tried(j.view, l)
	}
	for _, name := range hostDevices {
		id := "device." + name
		o := j.s.Here[id]
		optional := name == "net/tun" || name == "fuse"
		if o.Err == "" && !optional {
			continue // as everywhere
		}
		l := Line{ID: id, What: "/dev/" + name, Required: !optional && !j.s.root(), Breaks: "containers without privilege: the node is bound from the host", Remedy: "mount devtmpfs at /dev"}
		if optional {
			l.Breaks = "containers that are given /dev/" + name
			l.Remedy = "modprobe " + name[strings.Index(name, "/")+1:]
		}
		j.tried(j.s.Here, l)
	}
}

func (j *judge) network() {
	j.group = "Network devices"
	for _, k := range [...]struct{ name, breaks, remedy string }{
		{"veth", "cards of type veth; the networks of all engines", "modprobe veth (CONFIG_VETH)"},
		{"bridge", "bridges, which veth cards stand on", "modprobe bridge (CONFIG_BRIDGE)"},
		{"macvlan", "lxc.net.N.type = macvlan", "modprobe macvlan (CONFIG_MACVLAN)"},
		{"ipvlan", "lxc.net.N.type = ipvlan", "modprobe ipvlan (CONFIG_IPVLAN)"},
		{"vlan", "lxc.net.N.type = vlan", "modprobe 8021q (CONFIG_VLAN_8021Q)"},
		{"dummy", "dummy devices in linux.netDevices", "modprobe dummy (CONFIG_DUMMY)"},
	} {
		j.tried(j.view, Line{ID: "network." + k.name, What: k.name, Breaks: k.breaks, Remedy: k.remedy})
	}
}

func (j *judge) resources() {
	j.group = "Resource control"
	l := Line{ID: "resource.resctrl", What: "resctrl (cache and memory bandwidth)", Status: OK, Breaks: "linux.intelRdt"}
	switch {
	case j.s.Resctrl:
	case j.s.ResctrlHas:
		l.Status, l.Found, l.Remedy = Limited, "not mounted", "mount -t resctrl resctrl /sys/fs/resctrl"
	default:
		l.Status, l.Remedy = Missing, "a cpu with RDT, QoS or MPAM, and CONFIG_X86_CPU_RESCTRL"
	}
	j.add(l)
	j.tried(j.s.Here, Line{ID: "kernel.mempolicy", What: "memory policy", Breaks: "linux.memoryPolicy", Remedy: "CONFIG_NUMA"})
}

func (j *judge) criu() {
	j.group = "Checkpoint and restore"
	c := &j.s.CRIU
	l := Line{ID: "criu.program", What: "CRIU", Status: OK, Found: strings.TrimSpace(c.Version + " " + c.Path), Breaks: "checkpoint, restore"}
	if c.Path == "" {
		l.Status, l.Found, l.Remedy = Missing, "", "install the package criu"
	}
	j.add(l)
	if c.Path == "" {
		return
	}
	l = Line{ID: "criu.check", What: "criu check", Status: OK, Breaks: "checkpoint, restore", Remedy: "what CRIU says"}
	switch {
	case !c.Checked:
		l.Status, l.Found, l.Remedy = Unknown, "needs root", "run kist check as root"
	case c.Check.Err != "":
		l.Status, l.Found = Missing, c.Check.Err
		if c.Check.Errno == unix.ENOENT {
			l.Remedy = "reinstall the package criu"
		}
	}
	j.add(l)
}
