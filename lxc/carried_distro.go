// SPDX-License-Identifier: Apache-2.0

package lxc

import "strings"

// debExtra are the device rules the Debian family adds to the common ones.
const debExtra = "254:0/rm 10:200 10:228 10:232"

// distro emits DISTRO.common.conf as 1.1 and later have it.
func (f *shippedFile) distro(distro string) {
	v := f.v
	switch distro {
	case "ubuntu-cloud":
		f.include("ubuntu.common")
		f.add("hook.clone", "/usr/share/lxc/hooks/ubuntu-cloud-prep")
		return
	case "openwrt":
		f.openwrt()
		return
	case "sabayon":
		f.add("mount.auto", "cgroup:mixed proc:mixed sys:mixed", "pty.max", "1024", "tty.max", "1", "autodev", "1", "tty.dir", "",
			f.family()+".devices.deny", "a")
		f.allow(f.family(), "1:3 1:5 1:7 1:8 1:9")
		f.add("cap.drop", "sys_time sys_module sys_rawio mac_admin mac_override", "mount.entry", shmEntry,
			"seccomp.profile", f.dir+"/common.seccomp")
		return
	case "alpine", "archlinux", "centos", "oracle", "opensuse", "sparclinux", "fedora", "debian", "devuan", "kali",
		"gentoo", "plamo", "slackware", "ubuntu", "voidlinux":
		f.include("common")
	default:
		return
	}
	switch distro {
	case "alpine":
		f.add("tty.dir", "")
		drop := "audit_write ipc_owner mknod setpcap sys_nice sys_pacct sys_rawio sys_resource sys_tty_config syslog wake_alarm"
		if v.atLeast(2, 1, 0) {
			drop += " sys_ptrace"
		}
		for _, c := range strings.Fields(drop) {
			f.add("cap.drop", c)
		}
		f.add("mount.entry", "run run tmpfs rw,nodev,relatime,mode=755 0 0",
			"mount.entry", "shm dev/shm tmpfs rw,nodev,noexec,nosuid,relatime,mode=1777,create=dir 0 0")
	case "archlinux":
		f.add("tty.max", "6", "signal.halt", "SIGRTMIN+4")
		if !(v.Major == 2 && v.Minor == 0) {
			f.add("signal.stop", "SIGRTMIN+14")
		}
		f.add("cap.drop", "setfcap sys_nice sys_pacct sys_rawio")
	case "centos", "oracle", "opensuse", "sparclinux":
		f.add("cap.drop", "sys_nice sys_pacct sys_rawio")
	case "fedora":
		f.add("cap.drop", "setfcap sys_nice sys_pacct sys_rawio")
	case "debian", "devuan", "kali":
		f.add("tty.dir", "")
		f.allow(f.family(), debExtra)
	case "gentoo":
		f.add("tty.dir", "")
		f.allow(f.family(), debExtra)
		f.add("mount.entry", shmEntry)
	case "plamo":
		f.add("tty.dir", "")
		f.allow(f.family(), "254:0/rm")
	case "slackware":
		f.add("tty.dir", "")
		f.allow(f.family(), debExtra)
		f.add("mount.entry", shmEntry, "cap.drop", "mknod setfcap setpcap")
	case "ubuntu":
		f.kernelMounts()
		f.add("mount.entry", "mqueue dev/mqueue mqueue rw,relatime,create=dir,optional 0 0")
		f.allow(f.family(), debExtra)
	case "voidlinux":
		f.add("tty.max", "6", "environment", "VIRTUALIZATION=lxc", "signal.halt", "SIGCONT",
			"cap.drop", "setfcap sys_nice sys_pacct sys_rawio")
	}
}

// family is where the files of distributions have their device rules: they never
// got a second list, so with 7.0 only the unified one can be meant.
func (f *shippedFile) family() string {
	if f.v.atLeast(7, 0, 0) {
		return "cgroup2"
	}
	return "cgroup"
}

func (f *shippedFile) kernelMounts() {
	for _, p := range [...]string{"sys/kernel/debug", "sys/kernel/security", "sys/fs/pstore"} {
		f.add("mount.entry", "/"+p+" "+p+" none bind,optional 0 0")
	}
}

func (f *shippedFile) openwrt() {
	f.add("tty.dir", "lxc", "tty.max", "4", "pty.max", "1024")
	for _, c := range strings.Fields("mac_admin mac_override sys_admin sys_module sys_nice sys_pacct sys_ptrace sys_rawio " +
		"sys_resource sys_time sys_tty_config syslog wake_alarm") {
		f.add("cap.drop", c)
	}
	f.add(f.family()+".devices.deny", "a")
	f.allow(f.family(), "1:3 1:5 5:0 5:1 1:8 1:9 5:2 136:* 254:0/rm 10:200 4:0 4:1")
	f.add("seccomp.profile", "/usr/share/lxc/config/common.seccomp")
}

// moresecure is gentoo.moresecure.conf of 1.1 and later; 1.1 itself misspelt a
// capability in it, so that it could never start a container.
func (f *shippedFile) moresecure() {
	v := f.v
	drop := "audit_control audit_write dac_read_search fsetid ipc_owner linux_immutable mknod setfcap setpcap sys_admin"
	if !(v.Major == 2 && v.Minor == 0) {
		drop += " sys_boot"
	}
	drop += " sys_nice sys_pacct sys_ptrace sys_rawio sys_resource sys_tty_config syslog"
	if !v.atLeast(1, 1, 0) {
		f.add("mount.entry", "proc proc proc ro,nodev,noexec,nosuid 0 0")
		drop = "audit_control audit_write dac_read_search fsetid ipc_owner linux_immutable mac_admin mac_override mknod " +
			"setfcap sys_admin sys_boot sys_module sys_pacct sys_ptrace sys_rawio sys_resource sys_time sys_tty_config syslog"
	} else {
		f.include("common")
	}
	f.add("mount.entry", "mqueue dev/mqueue mqueue rw,nodev,noexec,nosuid,create=dir 0 0",
		"mount.entry", "shm dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,create=dir 0 0",
		"mount.entry", "run run tmpfs rw,nosuid,nodev,relatime,mode=755 0 0")
	if !v.atLeast(1, 1, 0) {
		f.add("pty.max", "1024")
	}
	f.add("cap.drop", drop)
	if !v.atLeast(1, 1, 0) {
		f.add("cgroup.devices.deny", "a")
		f.allow("cgroup", "1:3/rw 1:5/rw 1:9/rw 1:8/r 136:*/rw 5:2/rw 4:1 4:0 5:0 5:1")
		f.add("seccomp.profile", f.dir+"/common.seccomp")
	}
}

// distroOld emits DISTRO.common.conf of 1.0, which has no common.conf, so that
// every file is complete.
func (f *shippedFile) distroOld(distro string) {
	const old = "1:3 1:5 1:7 5:0 1:8 1:9 136:* 5:2"
	const ubuntu = "1:3 1:5 5:0 5:1 1:8 1:9 5:2 136:* 254:0/rm 10:229 10:200 1:7 10:228 10:232"
	base := "sys_module mac_admin mac_override sys_time"
	switch distro {
	case "centos", "oracle", "fedora":
		f.add("tty.dir", "lxc", "tty.max", "4", "pty.max", "1024")
		if distro != "fedora" {
			f.add("mount.auto", "proc:mixed sys:ro")
		}
		f.add("hook.clone", "/usr/share/lxc/hooks/clonehostname")
		first := "mac_admin mac_override setfcap"
		if distro == "oracle" {
			first += " setpcap"
		}
		f.add("cap.drop", first, "cap.drop", "sys_module sys_nice sys_pacct", "cap.drop", "sys_rawio sys_time")
		f.devices("cgroup", old)
	case "debian", "ubuntu":
		f.add("pivotdir", "lxc_putold", "mount.entry", "proc proc proc nodev,noexec,nosuid 0 0",
			"mount.entry", "sysfs sys sysfs defaults 0 0", "mount.entry", fuseEntry)
		if distro == "ubuntu" {
			f.kernelMounts()
			f.add("tty.dir", "lxc")
		}
		f.add("tty.max", "4", "pty.max", "1024", "cap.drop", base)
		f.devices("cgroup", ubuntu)
	case "ubuntu-cloud":
		f.include("ubuntu.common")
		f.add("hook.clone", "/usr/share/lxc/hooks/ubuntu-cloud-prep")
		return
	case "gentoo":
		f.add("mount.entry", "sys sys sysfs defaults 0 0", "pty.max", "1024", "cap.drop", base)
		f.devices("cgroup", ubuntu)
		f.add("mount.entry", shmEntry)
	case "plamo":
		f.add("tty.max", "4", "pty.max", "1024", "mount.auto", "proc sys cgroup",
			"mount.entry", "none dev/shm tmpfs nosuid,nodev,noexec,mode=1777 0 0", "cap.drop", base, "cgroup.devices.deny", "a")
		f.allow("cgroup", "1:3 1:5 5:0 5:1 1:8 1:9 5:2 136:* 254:0/rm 10:229")
	default:
		return
	}
	f.add("seccomp.profile", f.dir+"/common.seccomp")
}
