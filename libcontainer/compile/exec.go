// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/host"
	"kist/libcontainer/program"
)

// JoinInput is what the first program of an exec depends on.
type JoinInput struct {
	Process    *specs.Process
	Facts      *host.Facts
	FirstFD    int
	Namespaces uint64 // clone flags of the namespaces that differ from the caller's
	// Chroot means that the container's root is not that of its mount
	// namespace, and must be entered by descriptor.
	Chroot bool
	// Passwd asks for the container's passwd file.
	Passwd bool
	// Tasks is in how many cgroup v1 hierarchies nsexec enters the cgroup.
	Tasks int
	// Waits means that nsexec waits until it is put into the cgroup.
	Waits bool
}

// Join compiles the program that enters a running container. Everything that
// is opened is opened before the first namespace is joined: afterwards /proc,
// /dev and every path belong to the container.
func Join(in *JoinInput) (*program.Program, Spawn, error) {
	b := program.NewBuilder("join", 0, in.FirstFD+2)
	b.Reserve(slotLabel)
	var spawn Spawn
	b.Note("start clean")
	b.SetName(InitName)
	b.CloseOnExec(in.FirstFD)
	b.Call(unix.SYS_SETSID).Ignore(unix.EPERM)
	b.Call(unix.SYS_UMASK, program.I(0))
	b.Note("no ptrace from inside")
	b.Prctl(unix.PR_SET_DUMPABLE, program.I(0))

	b.Note("enter the cgroup")
	for range in.Tasks {
		fd := b.Need(program.Need{Kind: program.NeedTasks})
		b.Write(fd, "0")
		b.Call(unix.SYS_CLOSE, fd.V())
	}
	if in.Waits {
		b.Sync(SyncCgroup, program.I(CgroupJoined), program.None)
	}
	joinAll(b, in.Namespaces, in.Chroot)
	if in.Namespaces&(unix.CLONE_NEWPID|unix.CLONE_NEWTIME) != 0 {
		spawn.Forks = true
		forkTo(b)
	}
	if err := joinLabel(b, in); err != nil {
		return nil, spawn, err
	}
	b.Note("the container's root")
	root, _ := b.Openat2(program.Cwd, "/", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	if in.Process.Terminal {
		b.At("/process/terminal")
		useTerminal(b, openTerminal(b, root.FD(), in.Process))
	}
	b.Note("ready")
	if in.Passwd {
		none := b.NewLabel()
		r, on := b.Openat2(root.FD(), "/etc/passwd", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0, program.InRoot)
		on.Any(none)
		b.Call(unix.SYS_CLOSE, root.V())
		b.Sync(SyncReady, program.I(0), r.FD())
		b.Exit(1)
		b.Bind(none)
	}
	b.Close(root) // a working directory must not be found through it
	b.Sync(SyncReady, program.I(0), program.None)
	b.Exit(1)
	p, err := b.Finish()
	return p, spawn, err
}

// joinAll joins the namespaces of a process by its pidfd: one call, all or
// nothing, and no path that could mean another process by now.
func joinAll(b *program.Builder, flags uint64, chroot bool) {
	b.Note("join")
	pidfd := b.Need(program.Need{Kind: program.NeedPidfd})
	var root program.FD
	if chroot {
		root = b.Need(program.Need{Kind: program.NeedRoot})
	}
	if flags != 0 {
		b.Setns(pidfd, flags)
	}
	b.Call(unix.SYS_CLOSE, pidfd.V())
	if flags&unix.CLONE_NEWUSER != 0 {
		b.Note("root of the user namespace")
		b.Call(unix.SYS_SETGROUPS, program.I(0), program.Null).Ignore(unix.EPERM)
		b.Call(unix.SYS_SETRESGID, program.I(0), program.I(0), program.I(0))
		b.Call(unix.SYS_SETRESUID, program.I(0), program.I(0), program.I(0))
		b.Prctl(unix.PR_SET_DUMPABLE, program.I(0))
	}
	if chroot {
		b.Fchdir(root)
		b.Call(unix.SYS_CHROOT, b.Str(".").V())
		b.Call(unix.SYS_CLOSE, root.V())
	}
	b.Call(unix.SYS_CHDIR, b.Str("/").V())
}

// joinLabel opens the label file of the process that goes on, in the
// container's procfs: proven to be procfs, nothing mounted in between.
func joinLabel(b *program.Builder, in *JoinInput) error {
	if !asksLabel(in.Process) {
		return nil
	}
	b.At("/process/selinuxLabel")
	if in.Process.ApparmorProfile != "" {
		b.At("/process/apparmorProfile")
	}
	proc, _ := b.Openat2(program.Cwd, "/proc", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot|unix.RESOLVE_NO_SYMLINKS)
	b.CheckFS(proc.FD(), unix.PROC_SUPER_MAGIC, unix.ENOTSUP)
	err := openLabel(b, proc.FD(), in.Process, in.Facts)
	b.Close(proc)
	return err
}

// HookInput is what the program of a hook inside the container depends on.
type HookInput struct {
	Namespaces uint64
	Chroot     bool
	Path       string
	Args       []string
	Env        []string
}

// Hook compiles the program that runs a hook in the container's namespaces.
func Hook(in *HookInput) (*program.Program, Spawn, error) {
	const firstFD = 3
	b := program.NewBuilder("hook", 0, firstFD+2)
	var spawn Spawn
	b.Note("start clean")
	b.SetName("kist:hook")
	b.CloseOnExec(firstFD)
	b.Call(unix.SYS_SETSID).Ignore(unix.EPERM)
	b.Note("no ptrace from inside")
	b.Prctl(unix.PR_SET_DUMPABLE, program.I(0))
	joinAll(b, in.Namespaces, in.Chroot)
	if in.Namespaces&(unix.CLONE_NEWPID|unix.CLONE_NEWTIME) != 0 {
		spawn.Forks = true
		forkTo(b)
	}
	b.Note("a hook does not outlive kist")
	b.Prctl(unix.PR_SET_PDEATHSIG, program.I(int(unix.SIGKILL)))
	b.Note("hook")
	argv := in.Args
	if len(argv) == 0 {
		argv = []string{in.Path}
	}
	b.CloseOnExec(firstFD)
	b.Execve(in.Path, b.Strings(argv), b.Strings(in.Env))
	p, err := b.Finish()
	return p, spawn, err
}
