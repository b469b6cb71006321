// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// mounts makes every mount of the configuration, in its order.
//
// A mount is prepared detached, with its attributes, and only then attached
// to a descriptor of its target: there is no moment at which a read-only bind
// is writable, and no path that could be exchanged between look and mount.
func (s *setup) mounts() error {
	if s.linux.MountLabel != "" && !s.Facts.SELinux {
		return errorf(program.Cause{Pointer: "/linux/mountLabel", Index: -1}, "SELinux is not enabled on this host")
	}
	for i := range s.Spec.Mounts {
		s.b.AtItem("/mounts", i)
		begin := s.b.Len()
		if err := s.mount(i, &s.Spec.Mounts[i]); err != nil {
			return err
		}
		s.lxcMounted(i, begin)
	}
	if s.NotifyDir != "" {
		s.b.Note("NOTIFY_SOCKET")
		s.notifyMount()
	}
	return nil
}

func (s *setup) mount(i int, m *specs.Mount) error {
	c := program.Cause{Pointer: "/mounts", Index: i}
	f, err := parseOptions(m.Options, program.Cause{Pointer: "/mounts", Index: i, Field: "options"})
	if err != nil {
		return err
	}
	if len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0 {
		f.idmap = true
	}
	if f.bind {
		for _, d := range f.data {
			// mount(2) ignores data for a bind mount, and configurations have
			// it; package spec warns. A word may be a misspelt option.
			if !strings.Contains(d, "=") {
				return errorf(program.Cause{Pointer: "/mounts", Index: i, Field: "options"},
					"unknown option %q for a bind mount (the filesystem is mounted already and takes no data)", d)
			}
		}
	}
	dest := filepath.Clean("/" + m.Destination)
	switch {
	case f.remount:
		return s.remount(dest, f, c)
	case f.bind:
		return s.bind(i, m, dest, f)
	case m.Type == "cgroup" || m.Type == "cgroup2":
		if f.idmap {
			return errorf(c, "a cgroup mount cannot be id-mapped")
		}
		return s.cgroupMount(i, dest, f)
	case m.Type == "" || m.Type == "none" || m.Type == "bind":
		return errorf(program.Cause{Pointer: "/mounts", Index: i, Field: "type"},
			"type %q needs the option bind or rbind", m.Type)
	case f.idmap:
		return errorf(c, "only bind mounts can be id-mapped")
	case f.copyUp && m.Type != "tmpfs":
		return errorf(program.Cause{Pointer: "/mounts", Index: i, Field: "options"}, "tmpcopyup is for type tmpfs")
	}
	return s.filesystem(i, m, dest, f)
}

// bind binds a file or directory of the host.
func (s *setup) bind(i int, m *specs.Mount, dest string, f *mountFlags) error {
	for _, sb := range f.sb {
		if sb != "ro" {
			return errorf(program.Cause{Pointer: "/mounts", Index: i, Field: "options"},
				"%q belongs to the filesystem, which a bind mount shares with the host", sb)
		}
	}
	source := m.Source
	if source == "" {
		return errorf(program.Cause{Pointer: "/mounts", Index: i, Field: "source"}, "a bind mount needs a source")
	}
	src, err := s.source(i, m, s.hostPath(source), f)
	if err != nil {
		return err
	}
	if dest == "/proc" {
		// Nothing that only looks like it: tools inside trust what they read there.
		s.b.CheckFS(src.fd, unix.PROC_SUPER_MAGIC, unix.EMEDIUMTYPE)
	}
	s.applyAttributes(src, f)
	s.attach(i, dest, src)
	if src.slot {
		s.b.Close(src.reg)
	}
	return nil
}

// applyAttributes sets attributes and propagation on a detached mount.
func (s *setup) applyAttributes(t tree, f *mountFlags) {
	if set, clr := attrs(f.rset, f.rclr); set|clr != 0 {
		s.b.MountSetattr(t.fd, true, set, clr, 0)
	}
	if set, clr := attrs(f.set, f.clr); set|clr != 0 {
		s.b.MountSetattr(t.fd, false, set, clr, 0)
	}
	switch {
	case f.prop != 0:
		s.b.MountSetattr(t.fd, f.rprop, 0, 0, f.prop)
	case !t.slot:
		// A tree from the host's namespace would share mounts with it.
		s.b.MountSetattr(t.fd, true, 0, 0, unix.MS_SLAVE)
	}
}

// filesystem mounts a new filesystem.
func (s *setup) filesystem(i int, m *specs.Mount, dest string, f *mountFlags) error {
	if set, clr := attrs(f.rset, f.rclr); set|clr != 0 {
		// A new filesystem is a tree of one.
		f.set, f.clr = f.set&^clr|set, f.clr|clr
	}
	var fallback *program.Label
	if m.Type == "sysfs" && s.userNS() && s.newNS&unix.CLONE_NEWNET == 0 {
		// The kernel gives a sysfs only to the owner of the network namespace;
		// the host's, bound with the same attributes, shows the same.
		fallback = s.b.NewLabel()
	}
	fs := s.b.Alloc()
	open := s.b.Call(unix.SYS_FSOPEN, s.b.Str(m.Type).V(), program.I(unix.FSOPEN_CLOEXEC)).Into(fs)
	if fallback != nil {
		open.Jump(fallback, unix.EPERM) // refused already here; fsconfig and fsmount check other things
	}
	if m.Source != "" {
		s.b.FsconfigString(fs, "source", m.Source)
	}
	for _, sb := range f.sb {
		if sb == "iversion" {
			sb = "i_version" // the name that the filesystems that have it listen to
		}
		if sb == "ro" && virtual(m.Type) {
			continue // one superblock for all: only the mount is read-only
		}
		s.b.FsconfigFlag(fs, sb)
	}
	data := f.data
	if s.linux.MountLabel != "" && labelled(m.Type) {
		s.b.FsconfigString(fs, "context", s.linux.MountLabel)
	}
	for _, d := range data {
		key, value, has := strings.Cut(d, "=")
		if has {
			s.b.FsconfigString(fs, key, value)
		} else {
			s.b.FsconfigFlag(fs, key)
		}
	}
	set, _ := attrs(f.set, f.clr)
	late := set&unix.MOUNT_ATTR_RDONLY != 0 && (f.copyUp || s.filledLater(i, dest, m.Type))
	if late {
		set &^= unix.MOUNT_ATTR_RDONLY
	}
	create := s.b.FsconfigCreate(fs)
	mnt, on := s.b.Fsmount(fs, set)
	if fallback != nil {
		create.Jump(fallback, unix.EPERM)
		on.Jump(fallback, unix.EPERM)
	}
	s.b.Close(fs)
	if f.prop != 0 {
		s.b.MountSetattr(mnt.FD(), f.rprop, 0, 0, f.prop)
	}
	if f.copyUp {
		s.copyUp(i, dest, mnt)
	}
	s.attach(i, dest, tree{slot: true, reg: mnt, fd: mnt.FD()}, m.Type)
	if late {
		s.late = append(s.late, lateMount{i, mnt})
		return nil
	}
	s.b.Close(mnt)
	if fallback != nil {
		done := s.b.NewLabel()
		s.b.Jump(done)
		s.b.Bind(fallback)
		r, _ := s.b.OpenTree(program.Cwd, "/sys", true)
		s.b.MountSetattr(r.FD(), true, set, 0, 0)
		s.attach(i, dest, tree{slot: true, reg: r, fd: r.FD()}, m.Type)
		s.b.Close(r)
		s.b.Bind(done)
	}
	return nil
}

// lateMount is an empty filesystem that becomes read-only when it is filled.
type lateMount struct {
	index int
	mnt   program.Reg
}

// filledLater says whether a new, empty filesystem is yet to get devices or
// the targets of other mounts.
func (s *setup) filledLater(i int, dest, fstype string) bool {
	if fstype != "tmpfs" {
		return false
	}
	if dest == "/dev" {
		return true
	}
	below := func(path string) bool { return strings.HasPrefix(filepath.Clean("/"+path), dest+"/") }
	for _, m := range s.Spec.Mounts[i+1:] {
		if below(m.Destination) {
			return true
		}
	}
	for _, d := range s.linux.Devices {
		if below(d.Path) {
			return true
		}
	}
	return s.Spec.Process != nil && below(s.Spec.Process.Cwd)
}

// lateReadonly makes those read-only.
func (s *setup) lateReadonly() error {
	for _, l := range s.late {
		s.b.AtItem("/mounts", l.index)
		s.b.MountSetattr(l.mnt.FD(), false, unix.MOUNT_ATTR_RDONLY, 0, 0)
		s.b.Close(l.mnt)
	}
	return nil
}

// virtual names filesystems whose superblock is shared with the host or has
// no read-only state worth having; "ro" is then an attribute of the mount.
func virtual(fstype string) bool {
	switch fstype {
	case "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs", "debugfs", "tracefs", "securityfs", "bpf", "binfmt_misc":
		return true
	}
	return false
}

// labelled says whether a filesystem takes an SELinux context as data; mqueue
// refuses it, and proc and sysfs are labelled by policy.
func labelled(fstype string) bool {
	switch fstype {
	case "mqueue", "proc", "sysfs":
		return false
	}
	return true
}

// copyUp has the parent fill a tmpfs with what it is about to cover.
func (s *setup) copyUp(i int, dest string, mnt program.Reg) {
	skip := s.b.NewLabel()
	dir, on := s.b.Openat2(s.root.FD(), dest, unix.O_RDONLY|unix.O_DIRECTORY, 0, program.InRoot)
	on.Jump(skip, unix.ENOENT)
	s.b.Sync(SyncCopyFrom, program.I(i), dir.FD())
	s.b.Close(dir)
	s.b.Sync(SyncCopyTo, program.I(i), mnt.FD())
	s.b.Bind(skip)
}

// remount changes a mount that is there. With bind only the mount changes,
// without it the filesystem does too, as with mount(8).
func (s *setup) remount(dest string, f *mountFlags, _ program.Cause) error {
	at, _ := s.b.Openat2(s.root.FD(), dest, unix.O_PATH, 0, program.InRoot)
	if !f.bind && (len(f.sb) > 0 || len(f.sbOff) > 0 || len(f.data) > 0) {
		fs := s.b.Alloc()
		s.b.Call(unix.SYS_FSPICK, at.V(), s.b.Str("").V(), program.I(unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC)).Into(fs)
		for _, flag := range append(append([]string{}, f.sb...), f.sbOff...) {
			s.b.FsconfigFlag(fs, flag)
		}
		for _, d := range f.data {
			if key, value, has := strings.Cut(d, "="); has {
				s.b.FsconfigString(fs, key, value)
			} else {
				s.b.FsconfigFlag(fs, key)
			}
		}
		s.b.Call(unix.SYS_FSCONFIG, fs.V(), program.I(unix.FSCONFIG_CMD_RECONFIGURE), program.Null, program.Null, program.I(0)).Report()
		s.b.Close(fs)
	}
	s.applyAttributes(tree{slot: true, reg: at, fd: at.FD()}, f)
	s.b.Close(at)
	return nil
}

// attach puts a detached mount onto its target, which is made if it is missing.
func (s *setup) attach(i int, dest string, t tree, fstype ...string) {
	resolve := uint64(program.InRoot)
	flags := uint64(unix.O_PATH)
	if len(fstype) > 0 {
		flags |= unix.O_DIRECTORY
		if fstype[0] == "proc" || fstype[0] == "sysfs" {
			// Labels and sysctls are written below: the way there must not be a link (CVE-2019-19921).
			resolve |= unix.RESOLVE_NO_SYMLINKS
		}
	}
	missing, there := s.b.NewLabel(), s.b.NewLabel()
	at, on := s.b.Openat2(s.root.FD(), dest, flags, 0, resolve)
	if s.LXC.extra(i).NoCreate {
		s.b.MoveMount(t.fd, at.FD())
		s.b.Close(at)
		return
	}
	on.Jump(missing, unix.ENOENT)
	s.b.Jump(there)
	s.b.Bind(missing)
	s.makeTarget(i, dest, t, len(fstype) > 0, at, flags, resolve)
	s.b.Bind(there)
	s.notInProc(dest, at)
	s.b.MoveMount(t.fd, at.FD())
	s.b.Close(at)
}

// notInProc refuses a target that a link of the image has led into procfs. What
// may be mounted there by name is a short list, which package spec checks.
func (s *setup) notInProc(dest string, at program.Reg) {
	if dest == "/proc" || strings.HasPrefix(dest, "/proc/") {
		return
	}
	if s.statfs == 0 {
		s.statfs = s.b.Zero(128)
	}
	fine := s.b.NewLabel()
	s.b.Call(unix.SYS_FSTATFS, at.V(), s.statfs.V())
	s.b.Check(s.statfs, 0xffffffff, unix.PROC_SUPER_MAGIC, unix.EXDEV).Jump(fine, unix.EXDEV)
	s.b.Check(s.statfs, 0, 1, unix.EXDEV) // never true
	s.b.Bind(fine)
}

// makeTarget makes what is missing of a mount's target: directories, and for
// a source that is a file an empty file. A component that exists but cannot
// be entered is a link into the void; the parent then makes what it points to.
func (s *setup) makeTarget(i int, dest string, t tree, dir bool, at program.Reg, flags, resolve uint64) {
	parent, name := filepath.Split(dest)
	parent = filepath.Clean(parent)
	dangling, opened := s.b.NewLabel(), s.b.NewLabel()
	if parent != "/" {
		s.mkdirAll(parent, 0o755, dangling)
	}
	up := s.root
	if parent != "/" {
		var on program.On
		up, on = s.b.Openat2(s.root.FD(), parent, unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
		on.Jump(dangling, unix.ENOENT)
	}
	made := s.b.NewLabel()
	if !dir {
		file := s.b.NewLabel()
		s.b.Statx(t.fd)
		s.b.CheckType(unix.S_IFDIR, unix.ENOTDIR).Jump(file, unix.ENOTDIR)
		s.b.Mkdirat(up.FD(), name, 0o755).Ignore(unix.EEXIST)
		s.b.Jump(made)
		s.b.Bind(file)
		s.b.Mknodat(up.FD(), name, unix.S_IFREG|0o644, 0).Ignore(unix.EEXIST)
	} else {
		s.b.Mkdirat(up.FD(), name, 0o755).Ignore(unix.EEXIST)
	}
	s.b.Bind(made)
	if parent != "/" {
		s.b.Close(up)
	}
	how := s.b.How(flags, 0, resolve)
	s.b.Call(unix.SYS_OPENAT2, s.root.V(), s.b.Str(dest).V(), how.V(), program.I(unix.SizeofOpenHow)).Into(at).Jump(dangling, unix.ENOENT)
	s.b.Jump(opened)
	s.b.Bind(dangling)
	s.b.Sync(SyncMkdir, program.I(i), s.root.FD())
	s.b.Call(unix.SYS_OPENAT2, s.root.V(), s.b.Str(dest).V(), how.V(), program.I(unix.SizeofOpenHow)).Into(at)
	s.b.Bind(opened)
}

// notifyMount binds the directory of the notify socket at /run/notify.
func (s *setup) notifyMount() {
	r, _ := s.b.OpenTree(program.Cwd, s.NotifyDir, false)
	s.b.MountSetattr(r.FD(), false, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, 0, 0)
	s.attach(MkdirNotify, NotifyTarget, tree{slot: true, reg: r, fd: r.FD()}, "notify")
	s.b.Close(r)
}

// NotifyTarget is where a container finds the directory of its notify socket.
const NotifyTarget = "/run/notify"
