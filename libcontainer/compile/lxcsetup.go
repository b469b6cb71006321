// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strconv"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
	"kist/lxc"
)

// What an imported LXC container has that config.json cannot say. Each step
// stands where LXC does the same; without annotations none emits anything.

func (s *setup) forAnnotation(key string) {
	s.b.At("/annotations/" + escape(key))
}

// lxcRoot lets the hooks run that LXC has before the root filesystem, and then
// takes the root filesystem that the parent has mounted in this mount
// namespace. It says whether it did: else root.path is the root filesystem.
func (s *setup) lxcRoot() (bool, error) {
	if s.LXC == nil || len(s.LXC.PreMount) == 0 && s.LXC.Rootfs == nil {
		return false, nil
	}
	if len(s.LXC.PreMount) > 0 {
		s.waitCgroup()
		s.forAnnotation(lxc.AnnotationHooks)
		syncHooks(s.b, SyncPreMount, Reveals(s.linux.Namespaces, s.Facts))
	}
	if s.LXC.Rootfs == nil {
		return false, nil
	}
	if s.newNS&unix.CLONE_NEWNS == 0 {
		return false, &AnnotationError{lxc.AnnotationRootfs, "needs a mount namespace of the container's own, or the root filesystem would be mounted on the host"}
	}
	if !s.Facts.Privileged() {
		return false, &AnnotationError{lxc.AnnotationRootfs, "mounting the root filesystem needs root in the initial user namespace; name a plain directory as lxc.rootfs.path"}
	}
	s.forAnnotation(lxc.AnnotationRootfs)
	s.root = s.b.Alloc()
	s.b.Sync(SyncRootfs, program.I(0), program.None).Into(s.root)
	return true, nil
}

// lxcMounted finishes a mount of the list: begin is where its instructions
// start.
func (s *setup) lxcMounted(i, begin int) {
	if s.LXC == nil {
		return
	}
	if s.LXC.Optional(i) {
		end := s.b.NewLabel()
		s.b.Tolerate(begin, end)
		s.b.Bind(end)
	}
	if m := &s.Spec.Mounts[i]; s.LXC.SysMixed && m.Destination == "/sys" && m.Type == "sysfs" {
		s.sysMixed()
	}
}

// sysMixed puts a writable view of the network devices onto a read-only /sys.
func (s *setup) sysMixed() {
	old := s.b.For(program.Cause{Pointer: "/annotations/" + escape(lxc.AnnotationSysMixed), Index: -1})
	begin, end := s.b.Len(), s.b.NewLabel()
	at, _ := s.b.Openat2(s.root.FD(), "/sys/devices/virtual/net", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot|unix.RESOLVE_NO_SYMLINKS)
	m, _ := s.b.OpenTree(at.FD(), "", false)
	s.b.MountSetattr(m.FD(), false, 0, unix.MOUNT_ATTR_RDONLY, 0)
	s.b.MoveMount(m.FD(), at.FD())
	s.b.Close(m)
	s.b.Close(at)
	s.b.Tolerate(begin, end) // a kernel without network devices in sysfs: LXC goes on too
	s.b.Bind(end)
	s.b.For(old)
}

// inside opens the source of a mount with the option relative: a path of the
// container, as it is at this point of the order.
func (s *setup) inside(i int, x lxc.MountExtra, f *mountFlags) (tree, error) {
	if f.idmap {
		return tree{}, errorf(program.Cause{Pointer: "/mounts", Index: i, Field: "options"}, "a mount with a source in the container cannot be id-mapped")
	}
	at, _ := s.b.Openat2(s.root.FD(), x.Relative, unix.O_PATH, 0, program.InRoot)
	r, _ := s.b.OpenTree(at.FD(), "", f.rec)
	s.b.Close(at)
	return tree{slot: true, reg: r, fd: r.FD()}, nil
}

// lxcDevices gives the container the terminals of its own devpts: LXC does so
// whatever else is in /dev, by a mount and not by a link.
func (s *setup) lxcDevices() error {
	if s.LXC == nil || !s.hasPts() {
		return nil
	}
	s.b.Note("LXC's /dev/ptmx")
	covered := s.b.NewLabel()
	dev, _ := s.b.Openat2(s.root.FD(), "/dev", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	s.b.Mknodat(dev.FD(), "ptmx", unix.S_IFREG|0o666, 0).Ignore(unix.EEXIST)
	s.b.Call(unix.SYS_UNLINKAT, dev.V(), s.b.Str("ptmx").V(), program.I(0)).Jump(covered, unix.EBUSY) // a mount of the configuration's own
	s.b.Mknodat(dev.FD(), "ptmx", unix.S_IFREG|0o666, 0)
	s.bindInto(dev, "ptmx", "/dev/pts/ptmx", 0)
	s.b.Bind(covered)
	s.b.Close(dev)
	return nil
}

func (s *setup) hasPts() bool {
	for i := range s.Spec.Mounts {
		if m := &s.Spec.Mounts[i]; m.Type == "devpts" && m.Destination == "/dev/pts" {
			return true
		}
	}
	return false
}

// bindInto binds a file of the container onto the file name in dir.
func (s *setup) bindInto(dir program.Reg, name, source string, set uint64) {
	src, _ := s.b.Openat2(s.root.FD(), source, unix.O_PATH, 0, program.InRoot)
	m, _ := s.b.OpenTree(src.FD(), "", false)
	s.b.Close(src)
	if set != 0 {
		s.b.MountSetattr(m.FD(), false, set, 0, 0)
	}
	s.mountOnto(m, dir, name)
}

// mountOnto attaches a mount to the file name in dir, never through a link.
func (s *setup) mountOnto(m, dir program.Reg, name string) {
	at, _ := s.b.Openat2(dir.FD(), name, unix.O_PATH, 0, program.InRoot|unix.RESOLVE_NO_SYMLINKS)
	s.b.MoveMount(m.FD(), at.FD())
	s.b.Close(at)
	s.b.Close(m)
}

// lxcConsole is console for an imported container: the terminal may have a
// directory of its own below /dev.
func (s *setup) lxcConsole() error {
	s.b.At("/process/terminal")
	peer := openTerminal(s.b, s.root.FD(), s.Spec.Process)
	s.placeTerminal(peer, "console")
	useTerminal(s.b, peer)
	return nil
}

// placeTerminal binds a terminal at /dev/NAME, or at /dev/TTYDIR/NAME with a
// link to it.
func (s *setup) placeTerminal(peer program.Reg, name string) {
	dev, _ := s.b.Openat2(s.root.FD(), "/dev", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	at := dev
	if s.LXC.TTYDir != "" {
		at = s.ttyDir(dev, name)
	}
	s.b.Mknodat(at.FD(), name, unix.S_IFREG|0o600, 0).Ignore(unix.EEXIST)
	m, _ := s.b.OpenTree(peer.FD(), "", false)
	if name == "console" && s.LXC.TTYDir != "" {
		// The console, unlike the terminals, is in both places.
		again, _ := s.b.OpenTree(peer.FD(), "", false)
		s.mountOnto(again, dev, name)
	}
	s.mountOnto(m, at, name)
	if name == "console" && !s.LXC.NoDev {
		s.b.Fchmod(peer.FD(), 0o700) // what LXC gives a console that it has made; getty sets its own
	}
	if at != dev {
		s.b.Close(at)
	}
	s.b.Close(dev)
}

// ttyDir makes the directory of lxc.tty.dir, and the link from where the
// terminal is looked for.
func (s *setup) ttyDir(dev program.Reg, name string) program.Reg {
	s.forAnnotation(lxc.AnnotationTTYDir)
	void := s.b.NewLabel()
	s.mkdirAll("/dev/"+s.LXC.TTYDir, 0o755, void)
	s.b.Bind(void)
	at, _ := s.b.Openat2(s.root.FD(), "/dev/"+s.LXC.TTYDir, unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	s.b.Call(unix.SYS_UNLINKAT, dev.V(), s.b.Str(name).V(), program.I(0)).Ignore(unix.ENOENT)
	if name == "console" {
		s.b.Mknodat(dev.FD(), name, unix.S_IFREG|0o600, 0)
	} else {
		s.b.Symlinkat(s.LXC.TTYDir+"/"+name, dev.FD(), name)
	}
	return at
}

// lxcLast is what comes when the root is entered: terminals, the boot id, and
// mounts that container and its own containers may share.
func (s *setup) lxcLast() error {
	if s.LXC == nil {
		return nil
	}
	for i := range s.LXC.TTYMax {
		s.forAnnotation(lxc.AnnotationTTYMax)
		master, peer := ptyPair(s.b, s.root.FD())
		s.placeTerminal(peer, "tty"+strconv.Itoa(i+1))
		s.b.Close(peer)
		s.b.Sync(SyncTTY, program.I(i+1), master.FD())
		s.b.Close(master)
	}
	if s.LXC.Kmsg {
		s.forAnnotation(lxc.AnnotationKmsg)
		dev, _ := s.b.Openat2(s.root.FD(), "/dev", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
		s.b.Call(unix.SYS_UNLINKAT, dev.V(), s.b.Str("kmsg").V(), program.I(0)).Ignore(unix.ENOENT)
		s.b.Symlinkat("console", dev.FD(), "kmsg")
		s.b.Close(dev)
	}
	if s.LXC.BootID != "" {
		s.bootID()
	}
	if s.LXC.Major >= 4 && s.newNS&unix.CLONE_NEWNS != 0 && s.linux.RootfsPropagation == "" {
		s.b.Note("LXC's shared mounts")
		s.b.MountSetattr(s.root.FD(), true, 0, 0, unix.MS_SHARED)
	}
	if s.LXC.Execute {
		s.forAnnotation(lxc.AnnotationExecute)
		s.b.Need(program.Need{Kind: program.NeedInit})
	}
	return nil
}

// bootID binds a file with another boot id over the kernel's, so that two
// containers of one host do not take each other's files for their own.
func (s *setup) bootID() {
	const file = ".lxc-boot-id"
	const set = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	s.forAnnotation(lxc.AnnotationBootID)
	begin, end := s.b.Len(), s.b.NewLabel()
	at, _ := s.b.Openat2(s.root.FD(), "/proc/sys/kernel/random/boot_id", unix.O_PATH, 0, program.InRoot|unix.RESOLVE_NO_SYMLINKS)
	fd, _ := s.b.Openat2(s.root.FD(), "/dev/"+file, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o444, program.InRoot)
	s.b.Write(fd.FD(), s.LXC.BootID+"\n")
	m, _ := s.b.OpenTree(fd.FD(), "", false)
	s.b.MountSetattr(m.FD(), false, set, 0, 0)
	s.b.MoveMount(m.FD(), at.FD())
	s.b.Close(m)
	s.b.Close(fd)
	s.b.Close(at)
	s.b.Tolerate(begin, end) // no /proc in the container: LXC goes on too
	s.b.Bind(end)
}

// ptyPair makes a pseudo terminal in the devpts below root.
func ptyPair(b *program.Builder, root program.FD) (master, peer program.Reg) {
	master, _ = b.Openat2(root, "/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0, program.InRoot)
	b.Statx(master.FD())
	b.CheckType(unix.S_IFCHR, unix.ENOTTY)
	b.CheckRdev(5, 2, unix.ENOTTY)
	b.Call(unix.SYS_IOCTL, master.V(), program.I(unix.TIOCSPTLCK), b.Words(0).V())
	peer = b.Alloc()
	b.Call(unix.SYS_IOCTL, master.V(), program.I(unix.TIOCGPTPEER), program.I(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).Into(peer)
	return master, peer
}
