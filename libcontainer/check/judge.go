// SPDX-License-Identifier: Apache-2.0

package check

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/cgroups"
)

// Judge makes lines of what was found. It is a pure function.
func Judge(s *System) *Report {
	j := &judge{s: s, view: s.InUser}
	if s.root() {
		j.view = s.Own
	}
	j.kernel()
	j.namespaces()
	j.ids()
	j.cgroups()
	j.systemd()
	j.mounts()
	j.idmaps()
	j.userNamespace()
	j.security()
	j.devices()
	j.network()
	j.resources()
	j.criu()
	r := &Report{Kernel: s.Facts.Kernel, UID: s.Facts.Euid, Privileged: s.Facts.Privileged(), OK: true, Lines: j.lines}
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Required && l.Status != OK && l.Status != Limited {
			r.OK = false
		}
	}
	return r
}

type judge struct {
	s     *System
	view  View // in which the caller's containers would be
	group string
	lines []Line
}

// add adds a line. What works breaks nothing.
func (j *judge) add(l Line) {
	l.Group = j.group
	if l.Status == OK {
		l.Breaks, l.Remedy = "", ""
	}
	j.lines = append(j.lines, l)
}

// tried adds a line about something that was tried: it works, or it is missing for
// the reason that the kernel gave.
func (j *judge) tried(v View, l Line) { j.triedAs(v, l.ID, l) }

// triedAs is tried for a line whose id is not the name of what was tried.
func (j *judge) triedAs(v View, name string, l Line) {
	o, ok := v[name]
	switch {
	case !ok:
		l.Status, l.Found = Unknown, "could not be tried"
		if c, is := v["child."+setContainer]; is && c.Err != "" {
			l.Found += ": no container could be made: " + c.Err
		}
	case o.Err == "":
		l.Status, l.Found = OK, o.Note
	default:
		l.Status, l.Found = Missing, o.Err
		l.Remedy = advice(o.Errno, j.s.root(), l.Remedy)
	}
	j.add(l)
}

// advice says what to do about an errno. Some have one meaning whatever was tried;
// for the others it is what the line says.
func advice(errno unix.Errno, root bool, line string) string {
	switch errno {
	case unix.ENOSYS:
		return "a kernel that has it; inside a container: let its seccomp profile allow the call"
	case unix.ENOSPC, unix.EUSERS:
		return "a limit is reached: raise the sysctls user.max_*_namespaces"
	case unix.EPERM, unix.EACCES:
		if root {
			return "run with all capabilities; inside a container: one with --privileged, or with a seccomp and AppArmor profile that allows it"
		}
	}
	return line
}

// list joins names for reading.
func list(names []string) string { return strings.Join(names, ", ") }

// without gives the names of all that are not in have.
func without(all, have []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(have, n) })
}

func (j *judge) kernel() {
	j.group = "Kernel"
	l := Line{ID: "kernel.version", What: "Linux 5.14 or later", Required: true, Status: OK, Found: j.s.Facts.Kernel,
		Breaks: "everything: kist uses system calls that older kernels lack, and has no second way", Remedy: "a newer kernel"}
	if err := j.s.Facts.CheckKernel(); err != nil {
		l.Status = Missing
	}
	j.add(l)
	const everything = "every container"
	j.tried(j.s.Here, Line{ID: "kernel.nsexec", What: "start nsexec from a sealed memfd", Required: true, Breaks: everything,
		Remedy: nsexecRemedy(j.s.Sysctls["vm/memfd_noexec"])})
	j.tried(j.s.Here, Line{ID: "kernel.openat2", What: "openat2", Required: true, Breaks: everything})
	j.tried(j.s.Here, Line{ID: "kernel.close_range", What: "close_range", Required: true, Breaks: everything})
	j.tried(j.s.Here, Line{ID: "kernel.pidfd", What: "pidfd_open, pidfd_send_signal", Required: true, Breaks: everything})
	j.tried(j.s.Here, Line{ID: "kernel.keyring", What: "session keyrings", Breaks: "containers without --no-new-keyring", Remedy: "CONFIG_KEYS"})
}

func nsexecRemedy(noexec string) string {
	if noexec == "2" {
		return "sysctl vm.memfd_noexec=1 (or 0): 2 forbids to execute a memfd"
	}
	return "a security module forbids to execute a memfd: allow it for kist"
}

func (j *judge) namespaces() {
	j.group = "Namespaces"
	if j.s.root() {
		j.add(j.userNamespaceLine(false))
	} else {
		j.add(j.userNamespaceLine(true))
	}
	if _, made := j.view["namespace.mount"]; !made {
		return // for lack of the user namespace that they would be in
	}
	for _, k := range kinds {
		l := Line{ID: "namespace." + k.name, What: k.name, Required: true, Breaks: "containers with a " + k.name + " namespace", Remedy: k.config}
		switch k.name {
		case "time":
			l.Required, l.Breaks = false, "containers with a time namespace, linux.timeOffsets"
		case "cgroup":
			l.Required, l.Breaks = false, "containers with a cgroup namespace; engines ask for it on cgroup v2"
		}
		short := k.name
		switch short {
		case "mount":
			short = "mnt"
		case "network":
			short = "net"
		}
		if j.s.Sysctls["user/max_"+short+"_namespaces"] == "0" {
			l.Remedy = "sysctl user.max_" + short + "_namespaces=15000: it is 0"
		}
		j.tried(j.view, l)
	}
}

// userNamespaceLine is about the one kind that an ordinary user cannot do without,
// and that systems switch off in three ways.
func (j *judge) userNamespaceLine(required bool) Line {
	sys := j.s.Sysctls
	o := j.s.InUser["child."+setNamespaces]
	l := Line{ID: "namespace.user", What: "user", Required: required, Status: OK, Breaks: "containers with a user namespace, id-mapped mounts"}
	if required {
		l.Breaks = "every container of an ordinary user"
	}
	if n := sys["user/max_user_namespaces"]; n != "" {
		l.Found = "at most " + n
	}
	confined := sys["kernel/apparmor_restrict_unprivileged_userns"] == "1" && required
	mount := j.s.InUser["namespace.mount"]
	switch {
	case o.Err != "":
		l.Status, l.Found = Missing, o.Err
		l.Remedy = "CONFIG_USER_NS; inside a container: let its seccomp profile allow clone and unshare with CLONE_NEWUSER"
	case confined && mount.Err != "":
		l.Status, l.Found = Missing, "without any privilege in it (AppArmor)"
	}
	switch {
	case sys["user/max_user_namespaces"] == "0":
		l.Remedy = "sysctl user.max_user_namespaces=15000: it is 0"
	case sys["kernel/unprivileged_userns_clone"] == "0" && required:
		l.Remedy = "sysctl kernel.unprivileged_userns_clone=1: it is 0"
	case confined:
		l.Remedy = "an AppArmor profile for kist with the rule \"userns,\", or sysctl kernel.apparmor_restrict_unprivileged_userns=0"
	case o.Errno == unix.ENOSPC, o.Errno == unix.EUSERS:
		l.Remedy = "a limit is reached: sysctl user.max_user_namespaces, or namespaces nested too deep"
	}
	return l
}

// v2 says whether cgroups are the unified hierarchy alone.
func (j *judge) v2() bool { return j.s.CgroupMode == cgroups.V2 }
