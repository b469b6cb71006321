// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
	"kist/lxc"
)

// RootOptions are the options of a root filesystem, understood: it is mounted
// by mount(2), since the new interface takes at most 255 bytes of an overlay's
// directories.
type RootOptions struct {
	Set, Clear  uint64 // attributes, see mount_setattr(2)
	Propagation uint64 // MS_SLAVE and so on, 0 for what the parent mount has
	Flags       uintptr
	Data        string
	Recursive   bool // a bind takes the tree
}

// ParseRootOptions reads the options of a root filesystem.
func ParseRootOptions(options []string) (*RootOptions, error) {
	c := program.Cause{Pointer: "/annotations/" + escape(lxc.AnnotationRootfs), Index: -1}
	f, err := parseOptions(options, c)
	if err != nil {
		return nil, err
	}
	switch {
	case f.remount, f.copyUp, f.idmap:
		return nil, errorf(c, "remount, tmpcopyup and idmap are no options of a root filesystem")
	}
	o := &RootOptions{Propagation: f.prop, Data: strings.Join(f.data, ","), Recursive: f.rec}
	o.Set, o.Clear = attrs(f.set|f.rset, f.clr|f.rclr)
	for _, sb := range f.sb {
		flag := superblockFlag(sb)
		if flag == 0 {
			return nil, errorf(c, "option %q is not one that mount(2) takes", sb)
		}
		o.Flags |= flag
	}
	return o, nil
}

func superblockFlag(name string) uintptr {
	switch name {
	case "ro":
		return unix.MS_RDONLY
	case "sync":
		return unix.MS_SYNCHRONOUS
	case "dirsync":
		return unix.MS_DIRSYNC
	case "mand":
		return unix.MS_MANDLOCK
	case "lazytime":
		return unix.MS_LAZYTIME
	case "iversion":
		return unix.MS_I_VERSION
	}
	return 0
}
