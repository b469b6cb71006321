// SPDX-License-Identifier: Apache-2.0

// Package compile turns a container's description and facts about the host
// into the programs that nsexec executes.
//
// It is a pure function: it makes no system call, reads no file and asks no
// clock, so the same input always gives the same program, and golden tests
// need no privilege. There is one file per part of the specification. Two
// programs make a container: Setup builds its surroundings, Process (the same
// for create and exec, so that there is one place that orders credentials)
// turns nsexec into the container's process. What needs data that only exists
// in between (the HOME of a user, the compiled seccomp filter) is why they are
// two: the parent sends the second at the sync point SyncReady.
package compile

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/host"
	"kist/libcontainer/program"
)

// The sync points: what nsexec tells the parent, and what the parent then does.
const (
	SyncChild    = iota + 1 // value: pid of the process that goes on; not waited for
	SyncMaps                // the user namespace is there: write the id maps
	SyncCgroup              // value: CgroupMade or CgroupJoined, what the cgroup must be now
	SyncNetwork             // the network namespace is there: move devices into it
	SyncMkdir               // value: mount index; make its target, which lies behind a dangling link
	SyncCopyFrom            // value: mount index, descriptor: directory that a tmpfs is about to cover
	SyncCopyTo              // value: mount index, descriptor: the tmpfs, to be filled
	SyncHooks               // mounts are done, the root is not yet entered: prestart, createRuntime, createContainer
	SyncConsole             // descriptor: the terminal's master
	SyncReady               // the surroundings are done; descriptor: /etc/passwd or -1. Answer: the process program
	SyncCreated             // the process is complete but for start: record it
	SyncStart               // on the connection of `kist start`: run startContainer hooks
	SyncListener            // descriptor: seccomp listener
	SyncPreMount            // the namespaces are there, the root filesystem is not: LXC's pre-mount hooks
	SyncRootfs              // mount the root filesystem of an LXC container; answer: a descriptor of it
	SyncTTY                 // value: number of an LXC terminal, descriptor: its master
	SyncSource              // value: mount index or SourceRootfs; answer: O_PATH descriptor of what is bound
	SyncIDMap               // value: mount index, descriptor: the detached mount, to get its id maps
	SyncExec                // to `kist start`: what is left is the filter and execve; not waited for
)

// The values of SyncCgroup.
const (
	CgroupJoined = iota // complete, with nsexec in it
	CgroupMade          // its directories are there
)

// SyncName names a sync point for plans and traces.
func SyncName(code int) string {
	switch code {
	case SyncChild:
		return "child"
	case SyncMaps:
		return "maps"
	case SyncCgroup:
		return "cgroup"
	case SyncNetwork:
		return "network"
	case SyncMkdir:
		return "mkdir"
	case SyncCopyFrom:
		return "copy-from"
	case SyncCopyTo:
		return "copy-to"
	case SyncHooks:
		return "hooks"
	case SyncConsole:
		return "console"
	case SyncReady:
		return "ready"
	case SyncCreated:
		return "created"
	case SyncStart:
		return "start"
	case SyncListener:
		return "listener"
	case SyncPreMount:
		return "pre-mount"
	case SyncRootfs:
		return "rootfs"
	case SyncTTY:
		return "tty"
	case SyncSource:
		return "source"
	case SyncIDMap:
		return "id map"
	case SyncExec:
		return "exec"
	}
	return fmt.Sprintf("sync-%d", code)
}

// Slots that outlive the setup program.
const (
	slotLabel    = program.Reg(1) // the open attr file an LSM label is written to
	slotKeyLabel = program.Reg(2) // the same for a keyring's; only where one is asked for
)

// Input is all that a program depends on.
type Input struct {
	Spec   *specs.Spec
	ID     string
	Bundle string // absolute path
	Rootfs string // absolute path, links resolved
	// RootMount is a directory of the runtime's own that the root filesystem is
	// put on where the container has no mount namespace of its own: what is
	// mounted stays until somebody takes it away, and must not be in the way.
	RootMount string
	Facts     *host.Facts
	Cgroup    CgroupView
	NoPivot   bool
	// NoNewKeyring leaves the process in the caller's session keyring.
	NoNewKeyring bool
	// FirstFD is the first descriptor that nsexec may use for itself: stdin,
	// stdout, stderr and those preserved for the payload lie below.
	FirstFD int
	// Detached means that the process waits for `kist start`.
	Detached bool
	// NotifyDir is a host directory with a notify socket, to be bound at
	// /run/notify; empty for none.
	NotifyDir string
	// LXC is what the annotations of an imported container ask for, nil for none.
	LXC *LXC
	// KeyringLabel and the like are computed by the parent.
	MountLabel string
}

// CgroupView says where the container's cgroup is, for mounts of type cgroup
// and for the moment it is entered.
type CgroupView struct {
	// Born means that nsexec is cloned into its cgroup.
	Born bool
	// Tasks are the files of cgroup v1 by which nsexec enters its cgroup itself,
	// once the parent has made it. With neither, it waits at SyncCgroup until
	// the parent has put it there.
	Tasks []string
	// Early means that it must be there before it takes the ids of a user
	// namespace.
	Early bool
	// None means that the container has no cgroup of its own.
	None bool
	// Path is the container's directory on cgroup v2.
	Path string
	// Dirs are the container's directories on cgroup v1, as Facts.Hierarchy.
	Dirs []string
}

// Spawn says how nsexec is to be started for a program.
type Spawn struct {
	Cloneflags uintptr // namespaces made with the first clone
	Forks      bool    // the process that goes on is told by SyncChild
}

// Setup compiles the program that builds the container's surroundings.
func Setup(in *Input) (*program.Program, Spawn, error) {
	s := &setup{Input: in, b: program.NewBuilder("setup", 0, in.FirstFD+2)}
	if s.Spec.Linux != nil {
		s.linux = s.Spec.Linux
	} else {
		s.linux = &specs.Linux{}
	}
	s.b.Reserve(slotLabel)
	if s.keyringLabel() != "" {
		s.b.Reserve(slotKeyLabel)
	}
	for _, step := range []func() error{
		s.begin,
		s.namespaces,
		s.hostname,
		s.rootfs,
		s.mounts,
		s.devices,
		s.lxcDevices,
		s.workdir,
		s.hooks,
		s.enterCgroup,
		s.sysctl,
		s.maskedPaths,
		s.readonlyPaths,
		s.label,
		s.pivot,
		s.console,
		s.lxcLast,
		s.lateReadonly,
		s.finish,
	} {
		if err := step(); err != nil {
			return nil, Spawn{}, err
		}
	}
	p, err := s.b.Finish()
	return p, s.spawn, err
}

// setup is the state of one compilation.
type setup struct {
	*Input
	b       *program.Builder
	linux   *specs.Linux
	spawn   Spawn
	newNS   uint64      // namespaces to be made
	root    program.Reg // the root filesystem's mount
	proc    program.Reg // the host's procfs
	hasProc bool
	inGroup bool          // the cgroup has been waited for, and joined
	made    bool          // its directories have been waited for
	cgroupN bool          // the cgroup namespace is still to be made
	offsets program.Reg   // the file of a new time namespace's offsets
	shared  []program.Reg // by mount: a clone that shares mounts with the host, 0 for none
	late    []lateMount
	statfs  program.Ref // room for notInProc
}

// userNS says whether the container has a user namespace, new or joined.
func (s *setup) userNS() bool { return hasNamespace(s.linux.Namespaces, specs.UserNamespace) }

// begin is what every nsexec does first.
func (s *setup) begin() error {
	s.b.Note("start clean")
	s.b.SetName(InitName)
	s.b.CloseOnExec(s.FirstFD)
	// A session of its own: no terminal of the caller can be reached (TIOCSTI).
	s.b.Call(unix.SYS_SETSID).Ignore(unix.EPERM) // EPERM: it leads one already
	s.b.Call(unix.SYS_UMASK, program.I(0))
	return nil
}

// InitName is what ps(1) shows of a container that waits for `kist start`.
const InitName = "kist:init"

// finish reports that all is built.
func (s *setup) finish() error {
	s.unshareCgroup() // else the parent has until SyncReady
	if s.Detached {
		// Used by the process program, by its number.
		s.b.Note("the socket that start connects to")
		s.b.Need(program.Need{Kind: program.NeedListen})
	}
	s.b.Note("ready")
	if lookupHome(s.Spec.Process) && s.LXC == nil { // LXC adds no HOME
		s.b.At("/process/user/uid")
		noPasswd := s.b.NewLabel()
		r, on := s.b.Openat2(s.root.FD(), "/etc/passwd", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0, program.InRoot)
		on.Any(noPasswd)
		s.b.Call(unix.SYS_CLOSE, s.root.V())
		s.b.Sync(SyncReady, program.I(0), r.FD())
		s.b.Exit(1)
		s.b.Bind(noPasswd)
	}
	s.b.Close(s.root) // a working directory must not be found through it
	s.b.Sync(SyncReady, program.I(0), program.None)
	// The answer is another program; this is never reached.
	s.b.Exit(1)
	return nil
}

// lookupHome says whether HOME must be looked up in the container's passwd.
func lookupHome(p *specs.Process) bool {
	if p == nil {
		return false
	}
	for _, e := range p.Env {
		if len(e) >= 5 && e[:5] == "HOME=" {
			return false
		}
	}
	return true
}

func hasNamespace(ns []specs.LinuxNamespace, t specs.LinuxNamespaceType) bool {
	for i := range ns {
		if ns[i].Type == t {
			return true
		}
	}
	return false
}

// Error is a part of config.json that cannot be compiled.
type Error struct {
	Pointer string
	Msg     string
}

func (e *Error) Error() string { return "config.json: " + e.Pointer + ": " + e.Msg }

func errorf(c program.Cause, format string, args ...any) error {
	return &Error{c.String(), fmt.Sprintf(format, args...)}
}
