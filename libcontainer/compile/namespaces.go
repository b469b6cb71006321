// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// CloneFlag gives the clone flag of a namespace type, 0 for an unknown one.
func CloneFlag(t specs.LinuxNamespaceType) uint64 {
	switch t {
	case specs.PIDNamespace:
		return unix.CLONE_NEWPID
	case specs.NetworkNamespace:
		return unix.CLONE_NEWNET
	case specs.MountNamespace:
		return unix.CLONE_NEWNS
	case specs.IPCNamespace:
		return unix.CLONE_NEWIPC
	case specs.UTSNamespace:
		return unix.CLONE_NEWUTS
	case specs.UserNamespace:
		return unix.CLONE_NEWUSER
	case specs.CgroupNamespace:
		return unix.CLONE_NEWCGROUP
	case specs.TimeNamespace:
		return unix.CLONE_NEWTIME
	}
	return 0
}

// NamespaceNames lists the types, for `kist features`.
func NamespaceNames() []string {
	return []string{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}
}

type joined struct {
	index int
	flag  uint64
	fd    program.Reg
}

// namespaces makes and joins namespaces.
//
// The common case is cheap: the pid namespace comes with the clone that starts
// nsexec, the others are unshared here while the parent sees to the cgroup. The order matters where namespaces own each other: a new user
// namespace comes first, so that it owns the rest; joined ones come before it,
// while the privilege to join them is there. A pid or time namespace that is
// joined, or made below a late user namespace, takes effect for children only:
// then nsexec forks, and the child goes on.
func (s *setup) namespaces() error {
	var joins []joined
	for i, ns := range s.linux.Namespaces {
		flag := CloneFlag(ns.Type)
		c := program.Cause{Pointer: "/linux/namespaces", Index: i}
		if flag == 0 {
			return errorf(c, "unknown namespace type %q", ns.Type)
		}
		if ns.Path == "" {
			s.newNS |= flag
			continue
		}
		joins = append(joins, joined{index: i, flag: flag})
	}
	// A user namespace cannot come with the first clone: until its ids are
	// mapped nsexec is nobody there, and execve would take its capabilities.
	late := s.newNS&(unix.CLONE_NEWTIME|unix.CLONE_NEWUSER) != 0
	for _, j := range joins {
		late = late || j.flag&(unix.CLONE_NEWPID|unix.CLONE_NEWUSER|unix.CLONE_NEWTIME) != 0
	}
	if !late {
		s.spawn.Cloneflags = uintptr(s.newNS & unix.CLONE_NEWPID)
	}
	if s.Cgroup.Early || s.userNS() && len(s.Cgroup.Tasks) > 0 {
		s.waitCgroup() // the privilege to do so ends with the user namespace
	}
	if err := s.openJoins(joins); err != nil {
		return err
	}
	// Not before the maps of a new user namespace are written, where they are
	// written by a user: the files then belong to root.
	byUser := s.newNS&unix.CLONE_NEWUSER != 0 && !s.Facts.Privileged()
	if !byUser {
		s.noPtrace()
	}
	s.join(joins)
	if late {
		s.forkInto(joins)
	}
	rest := s.newNS &^ (unix.CLONE_NEWPID | unix.CLONE_NEWUSER | unix.CLONE_NEWTIME | unix.CLONE_NEWCGROUP)
	s.cgroupN = s.newNS&unix.CLONE_NEWCGROUP != 0
	if rest != 0 {
		s.b.At("/linux/namespaces")
		s.b.Unshare(rest)
	}
	if s.newNS&unix.CLONE_NEWNET != 0 {
		s.loopback()
	}
	if len(s.linux.NetDevices) > 0 {
		s.b.At("/linux/netDevices")
		s.b.Sync(SyncNetwork, program.I(0), program.None)
	}
	return nil
}

// openJoins opens every namespace before the first is joined: afterwards the
// paths might mean something else; and the offsets of a new time namespace.
func (s *setup) openJoins(joins []joined) error {
	for k := range joins {
		j := &joins[k]
		s.b.For(program.Cause{Pointer: "/linux/namespaces", Index: j.index, Field: "path"})
		fd, _ := s.b.Openat2(program.Cwd, s.linux.Namespaces[j.index].Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0, 0)
		// Checked to be a namespace at all; its kind is checked by setns.
		s.b.CheckFS(fd.FD(), unix.NSFS_MAGIC, unix.EINVAL)
		j.fd = fd
	}
	if s.newNS&unix.CLONE_NEWTIME != 0 && len(s.linux.TimeOffsets) > 0 {
		// Once nsexec cannot be traced its files below /proc are those of the host's root. The kernel asks whether who
		// has opened the file, not who writes it, has power over the time namespace.
		s.b.At("/linux/timeOffsets")
		s.offsets, _ = s.b.Openat2(program.Cwd, "/proc/self/timens_offsets", unix.O_WRONLY|unix.O_NOCTTY, 0, 0)
	}
	return nil
}

// join joins what is to be joined. Root of the initial user namespace may
// join any namespace, and loses that by joining a user namespace, so that one
// comes last; anybody else has the privilege only inside it, so it comes first.
func (s *setup) join(joins []joined) {
	order := func(user bool) {
		for _, j := range joins {
			if (j.flag == unix.CLONE_NEWUSER) != user {
				continue
			}
			s.b.For(program.Cause{Pointer: "/linux/namespaces", Index: j.index})
			s.b.Setns(j.fd.FD(), j.flag)
			s.b.Close(j.fd)
			if user {
				s.becomeRoot()
				s.noPtrace() // taking other ids has made it traceable again
			}
		}
	}
	newUser := func() {
		if s.newNS&unix.CLONE_NEWUSER != 0 {
			s.b.At("/linux/namespaces")
			s.b.Unshare(unix.CLONE_NEWUSER)
			s.enterUserNS()
			s.noPtrace()
		}
	}
	if s.Facts.Privileged() {
		order(false)
		order(true)
		newUser()
	} else {
		newUser()
		order(true)
		order(false)
	}
}

// noPtrace keeps processes of the container from tracing nsexec, and from
// looking at its descriptors.
func (s *setup) noPtrace() {
	s.b.Note("no ptrace from inside")
	s.b.Prctl(unix.PR_SET_DUMPABLE, program.I(0))
}

// enterUserNS waits for the id maps of a new user namespace.
func (s *setup) enterUserNS() {
	s.b.At("/linux/uidMappings")
	s.b.Sync(SyncMaps, program.I(0), program.None)
	s.becomeRoot()
}

// becomeRoot takes the ids of the user namespace's root, so that what is made
// from here on belongs to it.
func (s *setup) becomeRoot() {
	s.b.Note("root of the user namespace")
	s.b.Call(unix.SYS_SETGROUPS, program.I(0), program.Null).Ignore(unix.EPERM) // denied for single mappings
	s.b.Call(unix.SYS_SETRESGID, program.I(0), program.I(0), program.I(0))
	s.b.Call(unix.SYS_SETRESUID, program.I(0), program.I(0), program.I(0))
}

// forkInto makes the namespaces that only children enter, and forks.
func (s *setup) forkInto(joins []joined) {
	flags := s.newNS & (unix.CLONE_NEWPID | unix.CLONE_NEWTIME)
	forks := flags != 0
	for _, j := range joins {
		forks = forks || j.flag&(unix.CLONE_NEWPID|unix.CLONE_NEWTIME) != 0
	}
	if !forks {
		return
	}
	if flags != 0 {
		s.b.At("/linux/namespaces")
		s.b.Unshare(flags)
	}
	if s.newNS&unix.CLONE_NEWTIME != 0 && len(s.linux.TimeOffsets) > 0 {
		s.timeOffsets()
	}
	s.spawn.Forks = true
	forkTo(s.b)
}

// forkTo emits the fork: the parent half says the child's pid and leaves, the
// child goes on with the program.
func forkTo(b *program.Builder) {
	b.Note("enter the pid namespace")
	pid := b.Fork()
	parent, child := b.NewLabel(), b.NewLabel()
	b.JumpIf(pid, parent)
	b.Jump(child)
	b.Bind(parent)
	b.Tell(SyncChild, pid.V())
	b.Exit(0)
	b.Bind(child)
	b.Free(pid)
	b.Call(unix.SYS_SETSID).Ignore(unix.EPERM)
}

// timeOffsets sets the clocks of a new time namespace, which must happen
// before the first process enters it.
func (s *setup) timeOffsets() {
	s.b.At("/linux/timeOffsets")
	text := ""
	for _, clock := range []string{"monotonic", "boottime"} { // in a fixed order: a plan is reproducible
		if o, ok := s.linux.TimeOffsets[clock]; ok {
			text += clock + " " + strconv.FormatInt(o.Secs, 10) + " " + strconv.FormatUint(uint64(o.Nanosecs), 10) + "\n"
		}
	}
	s.b.Write(s.offsets.FD(), text)
	s.b.Close(s.offsets)
}

// loopback brings lo up, which the kernel leaves down in a new namespace.
func (s *setup) loopback() {
	s.b.Note("loopback up")
	sock := s.b.Alloc()
	s.b.Call(unix.SYS_SOCKET, program.I(unix.AF_INET), program.I(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), program.I(0)).Into(sock)
	ifreq := make([]byte, 40)
	copy(ifreq, "lo")
	up := unix.IFF_UP | unix.IFF_RUNNING
	ifreq[16], ifreq[17] = byte(up), byte(up>>8)
	s.b.Call(unix.SYS_IOCTL, sock.V(), program.I(unix.SIOCSIFFLAGS), s.b.Bytes(ifreq).V())
	s.b.Close(sock)
}

// waitCgroup sees to it that nsexec is in its cgroup. It is put as late as
// possible: until here both sides worked at the same time.
func (s *setup) waitCgroup() {
	if s.inGroup || s.Cgroup.Born || s.Cgroup.None {
		s.inGroup = true
		return
	}
	s.inGroup = true
	old := s.b.For(program.Cause{Pointer: "/linux/cgroupsPath", Index: -1})
	defer s.b.For(old)
	if len(s.Cgroup.Tasks) == 0 {
		s.b.Sync(SyncCgroup, program.I(CgroupJoined), program.None)
		return
	}
	s.inGroup = false
	s.waitCgroupDirs()
	s.inGroup = true
	for _, file := range s.Cgroup.Tasks {
		gone := s.b.NewLabel()
		fd, on := s.b.Openat2(program.Cwd, file, unix.O_WRONLY|unix.O_NOCTTY, 0, 0)
		on.Jump(gone, unix.ENOENT) // a hierarchy that only keeps books and could not be had
		s.b.Write(fd.FD(), "0")
		s.b.Close(fd)
		s.b.Bind(gone)
	}
}

// enterCgroup does so where nothing else has asked for it, while the host's
// cgroup mounts can still be reached.
func (s *setup) enterCgroup() error {
	if len(s.Cgroup.Tasks) > 0 {
		s.waitCgroup()
	}
	return nil
}

// waitCgroupDirs lets the parent make the cgroup's directories, which is all
// that a bind mount of them needs.
func (s *setup) waitCgroupDirs() {
	if s.made || s.inGroup || s.Cgroup.Born || s.Cgroup.None {
		return
	}
	s.made = true
	s.b.Sync(SyncCgroup, program.I(CgroupMade), program.None)
}

// unshareCgroup makes the cgroup namespace, whose root is the cgroup that the
// process is in at that moment.
func (s *setup) unshareCgroup() {
	if !s.cgroupN {
		return
	}
	s.waitCgroup()
	s.cgroupN = false
	old := s.b.For(program.Cause{Pointer: "/linux/namespaces", Index: -1})
	s.b.Unshare(unix.CLONE_NEWCGROUP)
	s.b.For(old)
}

// hostname names the host inside its UTS namespace.
func (s *setup) hostname() error {
	if h := s.Spec.Hostname; h != "" {
		s.b.At("/hostname")
		s.b.Call(unix.SYS_SETHOSTNAME, s.b.Str(h).V(), program.I(len(h)))
	}
	if d := s.Spec.Domainname; d != "" {
		s.b.At("/domainname")
		s.b.Call(unix.SYS_SETDOMAINNAME, s.b.Str(d).V(), program.I(len(d)))
	}
	return nil
}
