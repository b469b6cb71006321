// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// rootfs makes the root filesystem a mount of the container's own mount
// namespace. Everything is done to descriptors from here on: s.root is the
// mount, and no path of the container is ever resolved but below it.
func (s *setup) rootfs() error {
	if s.Spec.Root == nil {
		return errorf(program.Cause{Pointer: "/root", Index: -1}, "a root filesystem is required")
	}
	s.b.At("/linux/rootfsPropagation")
	prop := uint64(unix.MS_SLAVE)
	switch s.linux.RootfsPropagation {
	case "", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable":
		// What is mounted inside must not reach the host, but for binds that are shared too (openShared).
	case "private", "rprivate":
		prop = unix.MS_PRIVATE
	default:
		return errorf(program.Cause{Pointer: "/linux/rootfsPropagation", Index: -1},
			"unknown propagation %q (want shared, slave, private or unbindable)", s.linux.RootfsPropagation)
	}
	if s.newNS&unix.CLONE_NEWNS != 0 {
		if err := s.openShared(); err != nil {
			return err
		}
		s.b.At("/linux/rootfsPropagation")
		slash, _ := s.b.Openat2(program.Cwd, "/", unix.O_PATH|unix.O_DIRECTORY, 0, 0)
		s.b.MountSetattr(slash.FD(), true, 0, 0, prop)
		s.b.Close(slash)
	}
	s.openProc()

	if mounted, err := s.lxcRoot(); mounted || err != nil {
		return err
	}
	s.b.At("/root/path")
	at := s.openRoot()
	// pivot_root wants the parent of the new root not to be shared; the tree
	// itself may carry propagation from the host, which ends here.
	if prop == unix.MS_PRIVATE || s.newNS&unix.CLONE_NEWNS == 0 {
		s.b.MountSetattr(s.root.FD(), true, 0, 0, unix.MS_PRIVATE)
	}
	s.b.MoveMount(s.root.FD(), at.FD())
	s.b.Close(at)
	return nil
}

// openRoot clones the tree of the root filesystem and opens what it is put on:
// its own path, where hooks of the mount namespace look for it. (On "/" it
// would be the root of everybody who joins the namespace, and createContainer
// hooks would be looked up in the image.) Root of a user namespace may not be
// allowed to search the directories above it; then the parent looks it up.
func (s *setup) openRoot() program.Reg {
	if s.userNS() && s.Facts.Privileged() {
		at := s.b.Alloc()
		s.b.Sync(SyncSource, program.I(SourceRootfs), program.None).Into(at)
		s.root, _ = s.b.OpenTree(at.FD(), "", true)
		return at
	}
	on := s.Rootfs
	if s.newNS&unix.CLONE_NEWNS == 0 && s.RootMount != "" {
		on = s.RootMount
	}
	at, _ := s.b.Openat2(program.Cwd, on, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0, 0)
	s.root, _ = s.b.OpenTree(program.Cwd, s.Rootfs, true)
	return at
}

// openProc keeps a descriptor of the host's procfs for sysctls and labels:
// opened before anything of the container is visible, and proven to be procfs.
func (s *setup) openProc() {
	if !s.needsProc() {
		return
	}
	s.b.Note("the host's procfs")
	s.proc, _ = s.b.Openat2(program.Cwd, "/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0, 0)
	s.b.CheckFS(s.proc.FD(), unix.PROC_SUPER_MAGIC, unix.ENOTSUP)
	s.hasProc = true
}

func (s *setup) needsProc() bool {
	return len(s.linux.Sysctl) > 0 || asksLabel(s.Spec.Process) || s.keyringLabel() != ""
}

// workdir makes the process's working directory if it is missing.
func (s *setup) workdir() error {
	p := s.Spec.Process
	if p == nil || p.Cwd == "" || p.Cwd == "/" {
		return nil
	}
	s.b.At("/process/cwd")
	done := s.b.NewLabel()
	missing := s.b.NewLabel()
	r, on := s.b.Openat2(s.root.FD(), p.Cwd, unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	on.Jump(missing, unix.ENOENT)
	s.b.Close(r)
	s.b.Jump(done)
	s.b.Bind(missing)
	dangling := s.b.NewLabel()
	s.mkdirAll(filepath.Clean(p.Cwd), 0o755, dangling)
	s.b.Jump(done)
	s.b.Bind(dangling)
	s.b.Sync(SyncMkdir, program.I(MkdirCwd), s.root.FD())
	s.b.Bind(done)
	return nil
}

// MkdirCwd is the value of SyncMkdir that means the working directory.
const MkdirCwd = -1

// MkdirNotify is the value that means NotifyTarget; no mount has that index.
const MkdirNotify = 1 << 30

// mkdirAll makes a directory and its parents below the root, one component at
// a time on descriptors (CVE-2024-45310). It goes to dangling where a parent
// exists but leads nowhere.
func (s *setup) mkdirAll(path string, mode uint32, dangling *program.Label) {
	comps := strings.Split(strings.Trim(path, "/"), "/")
	for i, name := range comps {
		parent := "/" + strings.Join(comps[:i], "/")
		dir := s.root
		if i > 0 {
			var on program.On
			dir, on = s.b.Openat2(s.root.FD(), parent, unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
			on.Jump(dangling, unix.ENOENT)
		}
		s.b.Mkdirat(dir.FD(), name, mode).Ignore(unix.EEXIST)
		if i > 0 {
			s.b.Close(dir)
		}
	}
}

// hooks lets the parent run those that belong between the mounts and the new root.
func (s *setup) hooks() error {
	h := s.Spec.Hooks
	if h == nil || len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) == 0 { //nolint:staticcheck // prestart is deprecated, not gone
		return nil
	}
	// Limits and device rules are in place before: hooks edit them.
	s.waitCgroup()
	s.b.At("/hooks")
	syncHooks(s.b, SyncHooks, len(h.CreateContainer) > 0 && Reveals(s.linux.Namespaces, s.Facts))
	return nil
}

// pivot enters the root.
func (s *setup) pivot() error {
	s.b.At("/root/path")
	if s.hasProc {
		s.b.Close(s.proc)
	}
	s.b.Fchdir(s.root.FD())
	switch {
	case s.newNS&unix.CLONE_NEWNS == 0:
		// In somebody else's mount namespace, or the host's, the root must not be exchanged for all.
		s.b.Call(unix.SYS_CHROOT, s.b.Str(".").V())
	case s.NoPivot:
		// On a ramfs root there is nothing to pivot from: cover it, and stand on top.
		slash, _ := s.b.Openat2(program.Cwd, "/", unix.O_PATH|unix.O_DIRECTORY, 0, 0)
		s.b.MoveMount(s.root.FD(), slash.FD())
		s.b.Close(slash)
		s.b.Call(unix.SYS_CHROOT, s.b.Str(".").V())
	default:
		// Both names are the new root: the old one ends up stacked on top of it
		// and is taken away at once, no directory needed. See pivot_root(2).
		s.b.Call(unix.SYS_PIVOT_ROOT, s.b.Str(".").V(), s.b.Str(".").V())
		s.b.Call(unix.SYS_UMOUNT2, s.b.Str(".").V(), program.I(unix.MNT_DETACH))
	}
	s.b.Call(unix.SYS_CHDIR, s.b.Str("/").V())
	s.rootAttributes()
	return nil
}

// rootAttributes makes the root read-only and gives it its propagation.
func (s *setup) rootAttributes() {
	if s.Spec.Root.Readonly {
		s.b.At("/root/readonly")
		s.b.MountSetattr(s.root.FD(), false, unix.MOUNT_ATTR_RDONLY, 0, 0)
	}
	var prop uint64
	recursive := true
	switch s.linux.RootfsPropagation {
	case "shared", "rshared":
		prop = unix.MS_SHARED
	case "unbindable", "runbindable":
		prop = unix.MS_UNBINDABLE
		recursive = strings.HasPrefix(s.linux.RootfsPropagation, "r")
	}
	if prop != 0 {
		s.b.At("/linux/rootfsPropagation")
		s.b.MountSetattr(s.root.FD(), recursive, 0, 0, prop)
	}
}
