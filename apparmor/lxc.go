// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// Generated names what is made for one container: a profile, and, where the
// kernel stacks and the caller is not in one already, a policy namespace in
// which the container can load profiles of its own without touching the host's.
type Generated struct {
	Profile   string
	Namespace string // "" for none
}

// Generate names the profile of an imported container as LXC does: after the
// container and the directory that knows it, here kist's state directory, so
// that containers of the same name in different places do not meet.
func (h Host) Generate(id, root string) Generated {
	g := Generated{Profile: "lxc-" + bounded(id+"_<"+plain(root)+">")}
	if h.Stacks() && !h.Namespaced() {
		// It is a directory of the kernel's interface, too.
		g.Namespace = strings.ReplaceAll(g.Profile, "/", "-")
	}
	return g
}

// Label is what a process of the container is confined by: its profile and,
// with a namespace, stacked on it whatever the container loads there, which in
// the beginning is nothing.
func (g Generated) Label() string {
	if g.Namespace == "" {
		return g.Profile
	}
	return g.Profile + "//&:" + g.Namespace + ":unconfined"
}

// plain replaces what has a meaning in a label or in a pattern; what was
// replaced is told apart by a hash.
func plain(path string) string {
	mapped := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+", r) {
			return r
		}
		return '.'
	}, path)
	if mapped != path {
		mapped += "." + hash(path)
	}
	return mapped
}

// maxName leaves room for "lxc-" in the name of a file.
const maxName = 200

func bounded(name string) string {
	if len(name) <= maxName {
		return name
	}
	return name[:maxName-18] + "_" + hash(name) + ">"
}

func hash(text string) string {
	f := fnv.New64a()
	_, _ = f.Write([]byte(text)) // it does not fail
	return strconv.FormatUint(f.Sum64(), 16)
}

// Container is what the profile of an imported container depends on.
type Container struct {
	Generated
	UserNS   bool     // it has a user namespace, in which the kernel itself limits what can be mounted
	CgroupNS bool     // it has a cgroup namespace
	Nesting  bool     // lxc.apparmor.allow_nesting
	Raw      []string // lxc.apparmor.raw, rule lines as they are
}

// profileWriter writes a profile, a rule a line.
type profileWriter struct {
	b strings.Builder
	d Dialect
}

func (w *profileWriter) comment(text string) { w.b.WriteString("\n  # " + text + "\n") }

func (w *profileWriter) rules(rules ...string) {
	for _, r := range rules {
		w.b.WriteString("  " + r + "\n")
	}
}

func (w *profileWriter) each(before string, patterns []string, after string) {
	for _, p := range patterns {
		w.rules(before + p + after)
	}
}

// Text is the profile, for a parser. What it grants is what LXC's generated
// profile grants: a system container boots and manages itself, and neither
// changes the kernel's settings nor moves what is denied by path to where it
// could be reached. Nesting gives that up in part: who mounts what he likes
// gets around rules on paths.
func (c *Container) Text(d Dialect) string {
	w := &profileWriter{d: d}
	w.b.WriteString(d.pin())
	w.b.WriteString("profile \"" + c.Profile + "\" flags=(attach_disconnected,mediate_deleted) {\n")
	w.rules("file,", "capability,", "network,")
	w.rules(d.classes()...)
	w.rules("unix,", "dbus,", "umount,")
	c.peers(w)
	c.kernelFiles(w)
	c.mounts(w)
	if len(c.Raw) > 0 {
		w.comment("lxc.apparmor.raw")
		w.rules(c.Raw...)
	}
	w.b.WriteString("}\n")
	return w.b.String()
}

// peers allows what concerns other processes: all signals from outside, as in
// LXC, since a halt comes from whoever manages containers there.
func (c *Container) peers(w *profileWriter) {
	w.comment("Other processes: its own, those that look at it from outside, and what is stacked on it.")
	own := `"` + c.Profile + `{,//**}"`
	w.rules("signal (receive),", "signal (send, receive) peer="+own+",", "ptrace (readby, tracedby),", "ptrace peer="+own+",")
	if c.Namespace != "" {
		w.rules(`signal (send, receive) peer=":`+c.Namespace+`:**",`, `ptrace peer=":`+c.Namespace+`:**",`,
			`change_profile -> ":`+c.Namespace+`:**",`)
	}
	if c.Nesting {
		w.rules("signal,", "ptrace,")
	}
}

// kernelFiles denies the settings of the machine.
func (c *Container) kernelFiles(w *profileWriter) {
	w.comment("The machine: memory, the SysRq key, pages.")
	w.rules("deny /dev/{kmem,mem,port} rwklx,", "deny /proc/acpi/** rwklx,", "deny /proc/{kcore,kmem,kpage*,mem,sysrq-trigger} rwklx,")
	w.comment("/proc: only processes and what belongs to a namespace can be written to.")
	w.each("deny ", complement("/proc", procDirs()...), " wklx,")
	w.each("deny ", complement("/proc/sys", namespacedSysctls()...), " wklx,")
	w.comment("/sys: only cgroups and the container's own network devices.")
	w.rules("deny /sys/firmware/efi/efivars/** rwklx,", "deny /sys/kernel/{debug,tracing}/{,**} rwklx,", "deny /sys/fs/cgroup/{,**/}release_agent wklx,")
	own := []string{"class/net/*", "devices/virtual/net/*", "fs/cgroup/*"}
	if c.Namespace != "" {
		// The policy there is that of its namespace.
		own = append(own, "kernel/security/apparmor/*")
		w.each("deny ", complement("/sys/kernel/security", "apparmor/*"), " rwklx,")
	} else {
		w.rules("deny /sys/kernel/security/** rwklx,")
	}
	w.each("deny ", complement("/sys", own...), " wklx,")
}

// mounts allows filesystems that show a container only what is its own, where
// the rules above know them.
func (c *Container) mounts(w *profileWriter) {
	w.comment("Filesystems of its own.")
	w.rules("mount fstype=(tmpfs,hugetlbfs,mqueue,fuse,fuse.*),")
	w.comment("The kernel's, where the rules on their files apply.")
	w.rules(
		"mount fstype=proc -> /proc/,",
		"mount fstype=sysfs -> /sys/,",
		"mount fstype=binfmt_misc -> /proc/sys/fs/binfmt_misc/,",
		"mount fstype=debugfs -> /sys/kernel/debug/,",
		"mount fstype=efivarfs -> /sys/firmware/efi/efivars/,",
		"mount fstype=fusectl -> /sys/fs/fuse/connections/,",
		"mount fstype=securityfs -> /sys/kernel/security/,",
		"mount options=(rw,nosuid,nodev,noexec,remount) -> /sys/,",
		"mount options=(ro,nosuid,nodev,noexec,remount,strictatime) -> /sys/fs/cgroup/,",
		"deny mount fstype=debugfs -> /var/lib/ureadahead/debugfs/,", // asked for at every boot of old Ubuntu
	)
	if c.CgroupNS || c.Nesting {
		w.rules("mount fstype=(cgroup,cgroup2) -> /sys/fs/cgroup/{,**},")
	}
	if c.Nesting {
		c.nestedMounts(w)
	}
	if c.UserNS || c.Nesting {
		// The kernel locks in a user namespace what came from outside it; without one this is what nesting costs.
		w.comment("Changes of the tree.")
		w.rules("pivot_root,", "mount options=(rw,bind),", "mount options=(rw,rbind),", "mount options=(rw,move),", "remount,")
		w.rules(propagation(c.Nesting || w.d == ABI4)...)
		return
	}
	w.comment("Changes of the tree, but not of what is denied by its path.")
	movable := complement("/", "proc/*", "sys/*", "dev/.lxc/*")
	for _, kind := range [...]string{"bind", "rbind", "move"} {
		w.each("mount options=(rw,"+kind+") ", movable, ",")
	}
	w.rules("deny mount options=(ro,remount) -> /,", "deny mount options=(ro,remount,silent) -> /,") // at shutdown, and in vain
	w.rules(readonlyRemounts(w.d == ABI4)...)
	if w.d == ABI4 {
		// Older parsers widen such a rule to mounts of any kind (CVE-2016-1585).
		w.rules(propagation(true)...)
	}
}

// nestedMounts allows what a container manager inside mounts for its own
// containers, and hides the two mounts that only make the kernel allow it more
// of the same (lxc.apparmor.allow_nesting adds them).
func (c *Container) nestedMounts(w *profileWriter) {
	w.comment("Containers inside.")
	w.rules(
		"deny /dev/.lxc/{proc,sys}/{,**} rw,",
		"mount fstype=(proc,sysfs,devpts,ramfs,overlay,overlayfs,aufs,cgroup,cgroup2),",
	)
}

// propagation allows all types of propagation.
func propagation(silently bool) []string {
	var rules []string
	for _, kind := range [...]string{"private", "slave", "shared", "unbindable"} {
		for _, silent := range silences(silently) {
			rules = append(rules, "mount options=(rw,"+silent+"make-"+kind+") -> **,", "mount options=(rw,"+silent+"make-r"+kind+") -> **,")
		}
	}
	return rules
}

// silences gives the ways to mount silently or not, as options of a rule.
// Busybox's mount is silent. But a parser of 3.x widens a rule for a change of
// the tree to mounts of any kind, anywhere, with the other options of the rule
// (CVE-2016-1585). LXC's rules, and so a container's systemd, need those that
// are not silent; for silent ones that price is not paid.
func silences(silently bool) []string {
	if silently {
		return []string{"", "silent,"}
	}
	return []string{""}
}

// readonlyRemounts allows to make any mount read-only, with each combination
// of what restricts it further. "options in (…)" would not do: it is also
// satisfied by a set without "ro", which means read-write.
func readonlyRemounts(silently bool) []string {
	var rules []string
	restrict := [...]string{"nosuid", "nodev", "noexec"}
	for set := range 1 << len(restrict) {
		for _, silent := range silences(silently) {
			options := "ro," + silent + "remount,bind"
			for i, o := range restrict {
				if set>>i&1 == 1 {
					options += "," + o
				}
			}
			for _, atime := range [...]string{"", ",relatime", ",noatime"} {
				rules = append(rules, "mount options=("+options+atime+"),")
			}
		}
	}
	return rules
}
