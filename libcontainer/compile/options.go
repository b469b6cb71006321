// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// mountOption is what one option string of a mount means to the kernel.
type mountOption struct {
	name string
	set  uint64 // attributes of the mount (MOUNT_ATTR_*) to set
	clr  uint64 // and to clear
	prop uint64 // propagation (MS_*)
	do   optionKind
	rec  bool   // for the whole tree
	sb   string // flag of the superblock, as fsconfig knows it
	// off marks options that take the superblock flag undoes back; that is the
	// default, so on a new superblock there is nothing to do.
	off    bool
	undoes string
}

type optionKind uint8

const (
	optAttr optionKind = iota
	optBind
	optRemount
	optCopyUp
	optIDMap
	optNothing // the default, or without effect on this API
)

// atime is an enumeration inside the attributes, not bits: to set one of its
// values the mask must be cleared. See mount_setattr(2).
const atime = unix.MOUNT_ATTR__ATIME

// MountOptions is every option string that is not passed on to the
// filesystem. `kist features` lists it.
var MountOptions = [...]mountOption{
	{name: "async", sb: "async", off: true, undoes: "sync"},
	{name: "atime", clr: unix.MOUNT_ATTR_NOATIME},
	{name: "bind", do: optBind},
	{name: "defaults", do: optNothing},
	{name: "dev", clr: unix.MOUNT_ATTR_NODEV},
	{name: "diratime", clr: unix.MOUNT_ATTR_NODIRATIME},
	{name: "dirsync", sb: "dirsync"},
	{name: "exec", clr: unix.MOUNT_ATTR_NOEXEC},
	{name: "idmap", do: optIDMap},
	{name: "iversion", sb: "iversion"},
	{name: "lazytime", sb: "lazytime"},
	{name: "loud", do: optNothing},
	{name: "mand", sb: "mand"},
	{name: "noatime", set: unix.MOUNT_ATTR_NOATIME, clr: atime},
	{name: "nodev", set: unix.MOUNT_ATTR_NODEV},
	{name: "nodiratime", set: unix.MOUNT_ATTR_NODIRATIME},
	{name: "noexec", set: unix.MOUNT_ATTR_NOEXEC},
	{name: "noiversion", sb: "noiversion", off: true, undoes: "iversion"},
	{name: "nolazytime", sb: "nolazytime", off: true, undoes: "lazytime"},
	{name: "nomand", sb: "nomand", off: true, undoes: "mand"},
	{name: "norelatime", set: unix.MOUNT_ATTR_STRICTATIME, clr: atime},
	{name: "nostrictatime", set: unix.MOUNT_ATTR_RELATIME, clr: atime},
	{name: "nosuid", set: unix.MOUNT_ATTR_NOSUID},
	{name: "nosymfollow", set: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "private", prop: unix.MS_PRIVATE},
	{name: "ratime", clr: unix.MOUNT_ATTR_NOATIME, rec: true},
	{name: "rbind", do: optBind, rec: true},
	{name: "rdev", clr: unix.MOUNT_ATTR_NODEV, rec: true},
	{name: "rdiratime", clr: unix.MOUNT_ATTR_NODIRATIME, rec: true},
	{name: "relatime", set: unix.MOUNT_ATTR_RELATIME, clr: atime},
	{name: "remount", do: optRemount},
	{name: "rexec", clr: unix.MOUNT_ATTR_NOEXEC, rec: true},
	{name: "ridmap", do: optIDMap, rec: true},
	{name: "rnoatime", set: unix.MOUNT_ATTR_NOATIME, clr: atime, rec: true},
	{name: "rnodev", set: unix.MOUNT_ATTR_NODEV, rec: true},
	{name: "rnodiratime", set: unix.MOUNT_ATTR_NODIRATIME, rec: true},
	{name: "rnoexec", set: unix.MOUNT_ATTR_NOEXEC, rec: true},
	{name: "rnorelatime", set: unix.MOUNT_ATTR_STRICTATIME, clr: atime, rec: true},
	{name: "rnostrictatime", set: unix.MOUNT_ATTR_RELATIME, clr: atime, rec: true},
	{name: "rnosuid", set: unix.MOUNT_ATTR_NOSUID, rec: true},
	{name: "rnosymfollow", set: unix.MOUNT_ATTR_NOSYMFOLLOW, rec: true},
	{name: "ro", set: unix.MOUNT_ATTR_RDONLY, sb: "ro"},
	{name: "rprivate", prop: unix.MS_PRIVATE, rec: true},
	{name: "rrelatime", set: unix.MOUNT_ATTR_RELATIME, clr: atime, rec: true},
	{name: "rro", set: unix.MOUNT_ATTR_RDONLY, rec: true},
	{name: "rrw", clr: unix.MOUNT_ATTR_RDONLY, rec: true},
	{name: "rshared", prop: unix.MS_SHARED, rec: true},
	{name: "rslave", prop: unix.MS_SLAVE, rec: true},
	{name: "rstrictatime", set: unix.MOUNT_ATTR_STRICTATIME, clr: atime, rec: true},
	{name: "rsuid", clr: unix.MOUNT_ATTR_NOSUID, rec: true},
	{name: "rsymfollow", clr: unix.MOUNT_ATTR_NOSYMFOLLOW, rec: true},
	{name: "runbindable", prop: unix.MS_UNBINDABLE, rec: true},
	{name: "rw", clr: unix.MOUNT_ATTR_RDONLY, sb: "rw", off: true, undoes: "ro"},
	{name: "shared", prop: unix.MS_SHARED},
	{name: "silent", do: optNothing},
	{name: "slave", prop: unix.MS_SLAVE},
	{name: "strictatime", set: unix.MOUNT_ATTR_STRICTATIME, clr: atime},
	{name: "suid", clr: unix.MOUNT_ATTR_NOSUID},
	{name: "symfollow", clr: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "sync", sb: "sync"},
	{name: "tmpcopyup", do: optCopyUp},
	{name: "unbindable", prop: unix.MS_UNBINDABLE},
}

// findOption looks an option up; the table is sorted by name.
func findOption(name string) *mountOption {
	lo, hi := 0, len(MountOptions)
	for lo < hi {
		mid := (lo + hi) / 2
		if MountOptions[mid].name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(MountOptions) && MountOptions[lo].name == name {
		return &MountOptions[lo]
	}
	return nil
}

// MountOptionNames lists the options for `kist features`.
func MountOptionNames() []string {
	names := make([]string, 0, len(MountOptions))
	for i := range MountOptions {
		names = append(names, MountOptions[i].name)
	}
	return names
}

// mountFlags is a mount's option list, understood.
type mountFlags struct {
	set, clr   uint64   // this mount's attributes
	rset, rclr uint64   // the whole tree's
	prop       uint64   // propagation
	rprop      bool     // for the whole tree
	sb         []string // superblock flags to set
	sbOff      []string // superblock flags to clear, for a remount
	data       []string // for the filesystem
	bind, rec  bool
	remount    bool
	copyUp     bool
	idmap      bool
	ridmap     bool
}

// parseOptions reads an option list in order: a later option wins over an
// earlier one, as with mount(8).
func parseOptions(options []string, c program.Cause) (*mountFlags, error) {
	m := &mountFlags{}
	for _, name := range options {
		o := findOption(name)
		if o == nil {
			if name != "" {
				m.data = append(m.data, name)
			}
			continue
		}
		switch o.do {
		case optBind:
			m.bind = true
			m.rec = m.rec || o.rec
		case optRemount:
			m.remount = true
		case optCopyUp:
			m.copyUp = true
		case optIDMap:
			m.idmap = true
			m.ridmap = m.ridmap || o.rec
		case optNothing:
		case optAttr:
			if o.rec && o.prop == 0 {
				m.rset = m.rset&^o.clr | o.set
				m.rclr = m.rclr&^o.set | o.clr
			} else {
				m.set = m.set&^o.clr | o.set
				m.clr = m.clr&^o.set | o.clr
			}
			if o.prop != 0 {
				if m.prop != 0 && m.prop != o.prop {
					return nil, errorf(c, "two propagations, the second one is %q", name)
				}
				m.prop, m.rprop = o.prop, m.rprop || o.rec
			}
			if o.sb != "" {
				m.superblock(o)
			}
		}
	}
	return m, nil
}

// superblock keeps the last word on each flag of the superblock.
func (m *mountFlags) superblock(o *mountOption) {
	drop := func(list []string, name string) []string {
		if i := slices.Index(list, name); i >= 0 {
			return slices.Delete(list, i, i+1)
		}
		return list
	}
	if o.off {
		m.sb = drop(m.sb, o.undoes)
		m.sbOff = append(drop(m.sbOff, o.sb), o.sb)
		return
	}
	for i := range MountOptions {
		if MountOptions[i].undoes == o.sb {
			m.sbOff = drop(m.sbOff, MountOptions[i].sb)
		}
	}
	m.sb = append(drop(m.sb, o.sb), o.sb)
}

// attrs gives set and clear for mount_setattr(2).
func attrs(set, clr uint64) (uint64, uint64) {
	if set&atime != 0 || clr&atime == atime {
		clr |= atime
	} else if clr&unix.MOUNT_ATTR_NOATIME != 0 {
		// "atime" takes noatime back, which leaves the kernel's default, relatime.
		clr |= atime
	}
	return set, clr
}
