// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// capNames are the capabilities in the kernel's numbering (linux/capability.h).
var capNames = [...]string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// CapabilityNames lists the capabilities up to last, for `kist features`.
func CapabilityNames(last int) []string {
	var names []string
	for i, n := range capNames {
		if i <= last {
			names = append(names, "CAP_"+n)
		}
	}
	return names
}

// CapabilityNumber gives a capability's number, -1 if the name is unknown.
func CapabilityNumber(name string) int {
	name, ok := strings.CutPrefix(name, "CAP_")
	if !ok {
		return -1
	}
	for i, n := range capNames {
		if n == name {
			return i
		}
	}
	return -1
}

// capMask gives the set of the named capabilities. Those that the kernel does
// not know are not granted; package spec has warned of them.
func capMask(names []string, last int) uint64 {
	var m uint64
	for _, n := range names {
		if c := CapabilityNumber(n); c >= 0 && c <= last {
			m |= 1 << c
		}
	}
	return m
}

// capSets are the five sets of the process.
type capSets struct{ bounding, effective, permitted, inheritable, ambient uint64 }

func (p *process) capSets() capSets {
	c := p.Process.Capabilities
	if c == nil {
		return capSets{}
	}
	s := capSets{
		bounding:    capMask(c.Bounding, p.LastCap) &^ p.Withheld,
		permitted:   capMask(c.Permitted, p.LastCap) &^ p.Withheld,
		inheritable: capMask(c.Inheritable, p.LastCap) &^ p.Withheld,
	}
	// The kernel refuses what is not permitted; granting less is the safe reading.
	s.effective = capMask(c.Effective, p.LastCap) & s.permitted
	s.ambient = capMask(c.Ambient, p.LastCap) & s.permitted & s.inheritable
	return s
}

// credentials gives up root's ids and capabilities, in the one order in which
// each step still has the privilege it needs and nothing can be got back:
// bounding set (needs SETPCAP), groups and ids (SETGID, SETUID; keepcaps so
// that the permitted set survives), then the sets, then no_new_privs.
//
// The filter comes last of all where no_new_privs allows loading it without
// privilege. Where not, it needs SYS_ADMIN, which is kept until it is loaded:
// then only capset, prctl and execve must pass it.
func (p *process) credentials() error {
	sets := p.capSets()
	u := &p.Process.User

	p.at("user/umask")
	umask := uint32(0o022)
	if u.Umask != nil {
		umask = *u.Umask
	}
	p.b.Call(unix.SYS_UMASK, program.I(umask))

	p.at("capabilities/bounding")
	for c := 0; c <= p.LastCap; c++ {
		if sets.bounding&(1<<c) == 0 {
			p.b.Prctl(unix.PR_CAPBSET_DROP, program.I(c))
		}
	}
	p.at("user")
	p.b.Prctl(unix.PR_SET_KEEPCAPS, program.I(1))
	if err := p.groups(); err != nil {
		return err
	}
	p.at("user/gid")
	p.b.Call(unix.SYS_SETRESGID, program.I(u.GID), program.I(u.GID), program.I(u.GID))
	p.at("user/uid")
	p.b.Call(unix.SYS_SETRESUID, program.I(u.UID), program.I(u.UID), program.I(u.UID))
	p.b.Prctl(unix.PR_SET_KEEPCAPS, program.I(0))
	p.b.Prctl(unix.PR_SET_DUMPABLE, program.I(0)) // fs.suid_dumpable may have made it traceable again
	p.checkCwd()
	if err := p.limits(); err != nil {
		return err
	}

	p.at("capabilities")
	if p.filterEarly() {
		p.sweep()
		p.leaving()
		p.at("capabilities")
		const admin = 1 << unix.CAP_SYS_ADMIN
		p.b.Capset(sets.effective|admin, sets.permitted|admin, sets.inheritable)
		p.seccomp()
		p.at("capabilities")
	}
	p.b.Capset(sets.effective, sets.permitted, sets.inheritable)
	p.at("capabilities/ambient")
	p.b.Prctl(unix.PR_CAP_AMBIENT, program.I(unix.PR_CAP_AMBIENT_CLEAR_ALL), program.I(0), program.I(0), program.I(0))
	for c := 0; c <= p.LastCap; c++ {
		if sets.ambient&(1<<c) != 0 {
			p.b.Prctl(unix.PR_CAP_AMBIENT, program.I(unix.PR_CAP_AMBIENT_RAISE), program.I(c), program.I(0), program.I(0))
		}
	}
	if p.Process.NoNewPrivileges {
		p.at("noNewPrivileges")
		p.b.Prctl(unix.PR_SET_NO_NEW_PRIVS, program.I(1), program.I(0), program.I(0), program.I(0))
	}
	return nil
}

// groups sets exactly the listed supplementary groups: those of the caller
// must not come along (CVE-2022-2995 and its family).
func (p *process) groups() error {
	gids := p.Process.User.AdditionalGids
	p.at("user/additionalGids")
	if p.DenySetgroups {
		if len(gids) > 0 {
			return errorf(p.cause("user/additionalGids"), "setgroups is denied in this user namespace (map more than one group, with newgidmap)")
		}
		return nil
	}
	list := p.b.Zero(4*len(gids) + 4)
	raw := make([]byte, 4*len(gids))
	for i, g := range gids {
		binary.LittleEndian.PutUint32(raw[4*i:], g)
	}
	if len(raw) > 0 {
		list = p.b.Bytes(raw)
	}
	p.b.Call(unix.SYS_SETGROUPS, program.I(len(gids)), list.V())
	return nil
}

// filterEarly says whether the filter is loaded while CAP_SYS_ADMIN lasts.
func (p *process) filterEarly() bool { return p.Filter != nil && !p.Process.NoNewPrivileges }

// lastFilter loads the filter where it can come last.
func (p *process) lastFilter() error {
	if p.Filter != nil && p.Process.NoNewPrivileges {
		p.seccomp()
	}
	return nil
}

// seccomp loads the filter, and gives its listener to the parent.
func (p *process) seccomp() {
	p.b.At("/linux/seccomp")
	on := p.b.Seccomp(p.Filter.BPF, p.Filter.Flags)
	if p.Filter.Notify {
		r := p.b.Alloc()
		on.Into(r)
		p.b.At("/linux/seccomp/listenerPath")
		p.b.Sync(SyncListener, program.I(0), r.FD())
		p.b.Close(r)
	}
}
