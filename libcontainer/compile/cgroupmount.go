// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"path/filepath"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// cgroupMount shows the container its cgroup.
//
// With a cgroup namespace a new mount of the hierarchy has the container's
// cgroup as its root. Without one the container's own directory is bound:
// anything above it must stay out of sight and reach (CVE-2023-25809).
func (s *setup) cgroupMount(i int, dest string, f *mountFlags) error {
	own := s.cgroupN || s.joinsCgroup()
	if own {
		s.waitCgroup()
		s.unshareCgroup()
	} else {
		s.waitCgroupDirs()
	}
	set, _ := attrs(f.set, f.clr)
	set = set&^f.rclr | f.rset
	if s.Facts.CgroupV2 {
		s.cgroup2(i, dest, set, own)
		return nil
	}
	s.cgroup1(i, dest, set, own)
	return nil
}

func (s *setup) joinsCgroup() bool {
	for _, ns := range s.linux.Namespaces {
		if ns.Path != "" && CloneFlag(ns.Type) == unix.CLONE_NEWCGROUP {
			return true
		}
	}
	return false
}

func (s *setup) cgroup2(i int, dest string, set uint64, own bool) {
	done := s.b.NewLabel()
	bind := s.b.NewLabel()
	if own {
		fs := s.b.Fsopen("cgroup2")
		s.b.FsconfigCreate(fs).Jump(bind, unix.EPERM, unix.EBUSY)
		mnt, on := s.b.Fsmount(fs, set)
		on.Jump(bind, unix.EPERM)
		s.b.Close(fs)
		s.attach(i, dest, tree{slot: true, reg: mnt, fd: mnt.FD()}, "cgroup2")
		s.b.Close(mnt)
		s.b.Jump(done)
		s.b.Bind(bind)
	}
	path := s.Cgroup.Path
	if path == "" {
		path = "/sys/fs/cgroup"
		set |= unix.MOUNT_ATTR_RDONLY // the whole tree: never to be written
	}
	r, _ := s.b.OpenTree(program.Cwd, path, false)
	s.b.MountSetattr(r.FD(), false, set, 0, 0)
	s.attach(i, dest, tree{slot: true, reg: r, fd: r.FD()}, "cgroup2")
	s.b.Close(r)
	s.b.Bind(done)
}

// cgroup1 is a tmpfs with a directory per hierarchy, as on the host.
func (s *setup) cgroup1(i int, dest string, set uint64, own bool) {
	fs := s.b.Fsopen("tmpfs")
	s.b.FsconfigString(fs, "mode", "755")
	s.b.FsconfigCreate(fs)
	// Writable until the directories are made; nobody but nsexec is here yet.
	mnt, _ := s.b.Fsmount(fs, set&^unix.MOUNT_ATTR_RDONLY)
	s.b.Close(fs)
	s.attach(i, dest, tree{slot: true, reg: mnt, fd: mnt.FD()}, "tmpfs")
	for k, h := range s.Facts.Hierarchy {
		name := filepath.Base(h.Mountpoint)
		s.b.Mkdirat(mnt.FD(), name, 0o755)
		var r program.Reg
		next := s.b.NewLabel()
		if own {
			sub := s.b.Fsopen("cgroup")
			for _, o := range h.Options {
				if len(o) > 5 && o[:5] == "name=" {
					s.b.FsconfigFlag(sub, "none")
					s.b.FsconfigString(sub, "name", o[5:])
				} else {
					s.b.FsconfigFlag(sub, o)
				}
			}
			s.b.FsconfigCreate(sub)
			r, _ = s.b.Fsmount(sub, set)
			s.b.Close(sub)
		} else {
			path := ""
			if k < len(s.Cgroup.Dirs) {
				path = s.Cgroup.Dirs[k]
			}
			attr := set
			if path == "" {
				// Not in a cgroup of its own here: show the caller's, never writable.
				path = h.Mountpoint
				attr |= unix.MOUNT_ATTR_RDONLY
			}
			var on program.On
			r, on = s.b.OpenTree(program.Cwd, path, false)
			on.Jump(next, unix.ENOENT)
			s.b.MountSetattr(r.FD(), false, attr, 0, 0)
		}
		at, _ := s.b.Openat2(mnt.FD(), name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0, program.InRoot)
		s.b.MoveMount(r.FD(), at.FD())
		s.b.Close(at)
		s.b.Close(r)
		s.b.Bind(next)
		for _, link := range h.Links {
			if link != name {
				s.b.Symlinkat(name, mnt.FD(), link).Ignore(unix.EEXIST)
			}
		}
	}
	if set&unix.MOUNT_ATTR_RDONLY != 0 {
		s.b.MountSetattr(mnt.FD(), false, unix.MOUNT_ATTR_RDONLY, 0, 0)
	}
	s.b.Close(mnt)
}
