// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// maskedPaths hides files behind the null device and directories behind one
// empty read-only tmpfs. What covers is never the container's: the null device
// is the host's and proven to be it (CVE-2025-31133), the tmpfs is made here.
// A path that is not there needs no mask; any other error is fatal.
func (s *setup) maskedPaths() error {
	if len(s.linux.MaskedPaths) == 0 {
		return nil
	}
	s.b.At("/linux/maskedPaths")
	null, _ := s.b.Openat2(program.Cwd, "/dev/null", unix.O_PATH|unix.O_NOFOLLOW, 0, 0)
	s.b.Statx(null.FD())
	s.b.CheckType(unix.S_IFCHR, unix.ENODEV)
	s.b.CheckRdev(1, 3, unix.ENODEV)
	fs := s.b.Fsopen("tmpfs")
	s.b.FsconfigString(fs, "nr_blocks", "1")
	s.b.FsconfigString(fs, "nr_inodes", "2")
	if s.linux.MountLabel != "" {
		s.b.FsconfigString(fs, "context", s.linux.MountLabel)
	}
	s.b.FsconfigCreate(fs)
	empty, _ := s.b.Fsmount(fs, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	s.b.Close(fs)
	// A mount can be cloned only once it is part of this mount namespace
	// (before 6.15), so the first directory gets the tmpfs itself and the
	// others clones: one superblock for all.
	for i, path := range s.linux.MaskedPaths {
		s.b.AtItem("/linux/maskedPaths", i)
		s.mask(path, null, empty)
	}
	s.b.Close(null)
	s.b.Close(empty)
	return nil
}

func (s *setup) mask(path string, null, empty program.Reg) {
	next, file := s.b.NewLabel(), s.b.NewLabel()
	absent := s.b.NewLabel()
	at, on := s.b.Openat2(s.root.FD(), path, unix.O_PATH, 0, program.InRoot)
	on.Jump(absent, unix.ENOENT, unix.ENOTDIR)
	s.b.Statx(at.FD())
	s.b.CheckType(unix.S_IFDIR, unix.ENOTDIR).Jump(file, unix.ENOTDIR)
	first, moved := s.b.NewLabel(), s.b.NewLabel()
	clone, on := s.b.OpenTree(empty.FD(), "", false)
	on.Jump(first, unix.EINVAL) // not attached yet
	s.b.MoveMount(clone.FD(), at.FD())
	s.b.Close(clone)
	s.b.Jump(moved)
	s.b.Bind(first)
	s.b.MoveMount(empty.FD(), at.FD())
	s.b.Bind(moved)
	s.b.Jump(next)
	s.b.Bind(file)
	m, _ := s.b.OpenTree(null.FD(), "", false)
	s.b.MoveMount(m.FD(), at.FD())
	s.b.Close(m)
	s.b.Bind(next)
	s.b.Close(at)
	s.b.Bind(absent)
}

// readonlyPaths binds each path onto itself, read-only.
func (s *setup) readonlyPaths() error {
	for i, path := range s.linux.ReadonlyPaths {
		s.b.AtItem("/linux/readonlyPaths", i)
		absent := s.b.NewLabel()
		at, on := s.b.Openat2(s.root.FD(), path, unix.O_PATH, 0, program.InRoot)
		on.Jump(absent, unix.ENOENT, unix.ENOTDIR)
		m, _ := s.b.OpenTree(at.FD(), "", true)
		s.b.MountSetattr(m.FD(), false, unix.MOUNT_ATTR_RDONLY, 0, 0)
		s.b.MoveMount(m.FD(), at.FD())
		s.b.Close(m)
		s.b.Close(at)
		s.b.Bind(absent)
	}
	return nil
}

// sysctl writes kernel parameters through the host's procfs, which shows each
// process the values of its own namespaces; nothing of the container's mounts
// lies between (CVE-2025-52881). Package spec has refused whatever is not
// namespaced. A plan is reproducible, so the order is that of the names.
func (s *setup) sysctl() error {
	names := make([]string, 0, len(s.linux.Sysctl))
	for name := range s.linux.Sysctl {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s.b.For(program.Cause{Pointer: "/linux/sysctl", Index: -1, Field: escape(name)})
		fd, _ := s.b.Openat2(s.proc.FD(), "sys/"+SysctlPath(name), unix.O_WRONLY|unix.O_NOCTTY, 0, program.OnProc)
		s.b.Write(fd.FD(), s.linux.Sysctl[name])
		s.b.Close(fd)
	}
	return nil
}

// SysctlPath gives the path below /proc/sys of a sysctl name. As with
// sysctl(8) the first separator decides: with a dot, dots separate and a slash
// stands for a dot in a name; with a slash, slashes separate.
func SysctlPath(name string) string {
	b := []byte(name)
	for _, c := range b {
		if c == '/' {
			return name
		}
		if c == '.' {
			break
		}
	}
	for i, c := range b {
		switch c {
		case '.':
			b[i] = '/'
		case '/':
			b[i] = '.'
		}
	}
	return string(b)
}

// SysctlNamespace gives the namespace that a sysctl belongs to.
func SysctlNamespace(name string) specs.LinuxNamespaceType {
	path := SysctlPath(name)
	switch {
	case strings.HasPrefix(path, "net/"):
		return specs.NetworkNamespace
	case strings.HasPrefix(path, "user/"):
		return specs.UserNamespace
	case path == "kernel/domainname", path == "kernel/hostname":
		return specs.UTSNamespace
	}
	return specs.IPCNamespace // kernel/msg*, kernel/sem*, kernel/shm*, fs/mqueue/*
}

// escape makes a property name part of a JSON pointer (RFC 6901).
func escape(name string) string {
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '~':
			out = append(out, "~0"...)
		case '/':
			out = append(out, "~1"...)
		default:
			out = append(out, name[i])
		}
	}
	return string(out)
}
