// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// DefaultDevices are the nodes that every container has, listed or not.
// See config-linux.md, "Default Devices".
var DefaultDevices = [...]struct {
	Path         string
	Major, Minor int64
}{
	{"/dev/null", 1, 3},
	{"/dev/zero", 1, 5},
	{"/dev/full", 1, 7},
	{"/dev/random", 1, 8},
	{"/dev/urandom", 1, 9},
	{"/dev/tty", 5, 0},
}

// devices populates /dev. Every name is made relative to a descriptor of its
// parent, which was resolved inside the root: a /dev that is a link to a
// directory of the host changes nothing there (CVE-2026-41579).
func (s *setup) devices() error {
	if s.bindsDev() || s.LXC != nil && s.LXC.NoDev {
		return nil
	}
	s.b.At("/linux/devices")
	dev, ok := s.openDev()
	for _, d := range DefaultDevices {
		if s.listed(d.Path) || s.mounted(d.Path) {
			continue
		}
		s.b.Note("default device")
		s.node(dev, filepath.Base(d.Path), d.Path, unix.S_IFCHR|0o666, d.Major, d.Minor, nil, nil)
	}
	for i := range s.linux.Devices {
		s.b.AtItem("/linux/devices", i)
		if err := s.device(dev, i, &s.linux.Devices[i]); err != nil {
			return err
		}
	}
	if ok {
		s.devLinks(dev)
		s.b.Close(dev)
	}
	return nil
}

// bindsDev says whether the configuration brings a /dev of its own, which is
// then not touched.
func (s *setup) bindsDev() bool {
	for i := range s.Spec.Mounts {
		m := &s.Spec.Mounts[i]
		if filepath.Clean("/"+m.Destination) != "/dev" {
			continue
		}
		if m.Type == "devtmpfs" {
			return true // there is one for the whole machine: what is made in it is made on the host
		}
		for _, o := range m.Options {
			if o == "bind" || o == "rbind" {
				return true
			}
		}
	}
	return false
}

// mounted says whether the configuration mounts something on a path. That is
// what the container gets to see there, whatever is usual.
func (s *setup) mounted(path string) bool {
	for i := range s.Spec.Mounts {
		if filepath.Clean("/"+s.Spec.Mounts[i].Destination) == path {
			return true
		}
	}
	return false
}

func (s *setup) listed(path string) bool {
	for i := range s.linux.Devices {
		if s.linux.Devices[i].Path == path {
			return true
		}
	}
	return false
}

// openDev opens /dev inside the root and makes it if the image has none.
func (s *setup) openDev() (program.Reg, bool) {
	missing, there := s.b.NewLabel(), s.b.NewLabel()
	dev, on := s.b.Openat2(s.root.FD(), "/dev", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	on.Jump(missing, unix.ENOENT)
	s.b.Jump(there)
	s.b.Bind(missing)
	s.b.Mkdirat(s.root.FD(), "dev", 0o755)
	s.b.Call(unix.SYS_OPENAT2, s.root.V(), s.b.Str("/dev").V(), s.b.How(unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot).V(),
		program.I(unix.SizeofOpenHow)).Into(dev)
	s.b.Bind(there)
	return dev, true
}

// device makes one listed device.
func (s *setup) device(dev program.Reg, i int, d *specs.LinuxDevice) error {
	var mode uint32
	switch d.Type {
	case "c", "u":
		mode = unix.S_IFCHR
	case "b":
		mode = unix.S_IFBLK
	case "p":
		mode = unix.S_IFIFO
	default:
		return errorf(program.Cause{Pointer: "/linux/devices", Index: i, Field: "type"}, "unknown device type %q (want c, u, b or p)", d.Type)
	}
	perm := uint32(0o666)
	if d.FileMode != nil {
		perm = uint32(*d.FileMode) & 0o7777
	}
	dir, name := filepath.Split(filepath.Clean(d.Path))
	dir = filepath.Clean(dir)
	at := dev
	if dir != "/dev" {
		s.openParent(dir, i)
		at, _ = s.b.Openat2(s.root.FD(), dir, unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	}
	s.node(at, name, d.Path, mode|perm, d.Major, d.Minor, d.UID, d.GID)
	if dir != "/dev" {
		s.b.Close(at)
	}
	return nil
}

// openParent makes the directories above a device.
func (s *setup) openParent(dir string, i int) {
	missing, done := s.b.NewLabel(), s.b.NewLabel()
	r, on := s.b.Openat2(s.root.FD(), dir, unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	on.Jump(missing, unix.ENOENT)
	s.b.Close(r)
	s.b.Jump(done)
	s.b.Bind(missing)
	void := s.b.NewLabel()
	s.mkdirAll(dir, 0o755, void)
	s.b.Jump(done)
	s.b.Bind(void)
	s.b.Sync(SyncMkdir, program.I(MkdirDevice-i), s.root.FD())
	s.b.Bind(done)
}

// MkdirDevice, minus the index of a device, is the value of SyncMkdir that
// means the directory of that device.
const MkdirDevice = -2

// node makes one node. In a user namespace the kernel refuses mknod, and the
// host's node is bound instead. One that exists must be the one that is wanted.
func (s *setup) node(dir program.Reg, name, path string, mode uint32, major, minor int64, uid, gid *uint32) {
	exists, done := s.b.NewLabel(), s.b.NewLabel()
	bind := false
	rdev := uint64(0)
	if mode&unix.S_IFMT != unix.S_IFIFO {
		rdev = unix.Mkdev(uint32(major), uint32(minor))
		if s.userNS() || s.Facts.UserNS {
			bind = true
		}
	}
	on := s.b.Mknodat(dir.FD(), name, mode, rdev)
	own := func() {
		if uid != nil || gid != nil {
			u, g := -1, -1
			if uid != nil {
				u = int(*uid)
			}
			if gid != nil {
				g = int(*gid)
			}
			s.b.Call(unix.SYS_FCHOWNAT, dir.V(), s.b.Str(name).V(), program.I(u), program.I(g), program.I(unix.AT_SYMLINK_NOFOLLOW))
		}
	}
	if bind {
		s.bindNode(on, dir, name, path, mode, major, minor)
		return
	}
	on.Jump(exists, unix.EEXIST)
	own()
	s.b.Jump(done)
	s.b.Bind(exists)
	s.checkNode(dir, name, mode, major, minor)
	own()
	s.b.Bind(done)
}

// checkNode compares an existing node with what the configuration wants.
func (s *setup) checkNode(dir program.Reg, name string, mode uint32, major, minor int64) {
	r, _ := s.b.Openat2(dir.FD(), name, unix.O_PATH|unix.O_NOFOLLOW, 0, program.InRoot)
	s.b.Statx(r.FD())
	s.b.CheckType(mode&unix.S_IFMT, unix.EEXIST)
	if mode&unix.S_IFMT != unix.S_IFIFO {
		s.b.CheckRdev(uint32(major), uint32(minor), unix.EEXIST)
	}
	s.b.Close(r)
}

// bindNode binds the host's node onto a file of the container, both sides
// checked: the host's must be the device asked for.
func (s *setup) bindNode(on program.On, dir program.Reg, name, path string, mode uint32, major, minor int64) {
	fallback, done := s.b.NewLabel(), s.b.NewLabel()
	on.Jump(fallback, unix.EPERM, unix.EEXIST)
	s.b.Jump(done)
	s.b.Bind(fallback)
	src, _ := s.b.OpenTree(program.Cwd, path, false)
	s.b.Statx(src.FD())
	s.b.CheckType(mode&unix.S_IFMT, unix.ENODEV)
	s.b.CheckRdev(uint32(major), uint32(minor), unix.ENODEV)
	s.b.Mknodat(dir.FD(), name, unix.S_IFREG|0o644, 0).Ignore(unix.EEXIST)
	at, _ := s.b.Openat2(dir.FD(), name, unix.O_PATH, 0, program.InRoot|unix.RESOLVE_NO_SYMLINKS)
	s.b.MoveMount(src.FD(), at.FD())
	s.b.Close(at)
	s.b.Close(src)
	s.b.Bind(done)
}

// devLinks makes the links of config-linux.md, "Default Devices", and
// /dev/ptmx, which leads to the container's own terminals.
func (s *setup) devLinks(dev program.Reg) {
	s.b.Note("default links")
	for _, l := range [...][2]string{
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
	} {
		s.b.Symlinkat(l[0], dev.FD(), l[1]).Ignore(unix.EEXIST)
	}
	if s.Facts.KCore {
		s.b.Symlinkat("/proc/kcore", dev.FD(), "core").Ignore(unix.EEXIST)
	}
	if s.listed("/dev/ptmx") || s.mounted("/dev/ptmx") {
		return
	}
	// An image's own ptmx would open terminals of another instance.
	s.b.Call(unix.SYS_UNLINKAT, dev.V(), s.b.Str("ptmx").V(), program.I(0)).Ignore(unix.ENOENT)
	s.b.Symlinkat("pts/ptmx", dev.FD(), "ptmx")
}
