// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"encoding/binary"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// ProcessInput is what the last program of a session depends on.
type ProcessInput struct {
	Process *specs.Process
	Linux   *specs.Linux // personality and memory policy, of every process; may be nil
	LastCap int
	// Withheld are capabilities that nsexec does not have and cannot grant, a
	// bit for each.
	Withheld uint64
	FirstFD  int // stdio and preserved descriptors lie below

	// Env is the environment that the parent worked out: the process's own,
	// without duplicates, with HOME.
	Env []string
	// Filter is the compiled seccomp filter, nil for none.
	Filter *Filter
	// Keyring is the name of the session keyring to make or join, "" to keep
	// the caller's.
	Keyring string
	// KeyringLabel is the SELinux context of a new session keyring, "" for the
	// default; its file is open in slotKeyLabel.
	KeyringLabel string
	// Pointer is the JSON pointer of Process: /process, or empty for a file of
	// its own.
	Pointer string
	// DenySetgroups means that setgroups is denied in the user namespace.
	DenySetgroups bool
	// Listen is the descriptor of the socket that `kist start` connects to;
	// nil if the process is not to wait.
	Listen *program.FD
	// StartHooks means that hooks run between start and exec.
	StartHooks bool
	// Reveal says that these are to be let in: see Reveals.
	Reveal bool
	// Init marks the container's first process.
	Init bool
	// Vacant means that there is nothing to execute: a container without a
	// process can be created, but not started.
	Vacant bool
	// Reaper is the descriptor of the image that is pid 1 in front of the
	// process (LXC's execute mode); nil if the process itself is.
	Reaper *program.FD
}

// Filter is a seccomp filter, as package seccomp compiles it.
type Filter struct {
	BPF    []byte
	Flags  uint
	Notify bool
}

// process is the state of one compilation.
type process struct {
	*ProcessInput
	b    *program.Builder
	argv program.Ref
	envp program.Ref
	cwd  program.Ref // eight bytes: whether the first chdir succeeded
}

// Process compiles the program that turns nsexec into the process. It is the
// one place that orders label, groups, ids, capabilities, no_new_privs,
// seccomp and execve, for the first process and for every later one.
func Process(in *ProcessInput) (*program.Program, error) {
	p := &process{ProcessInput: in, b: program.NewBuilder("process", 1, 0)}
	p.b.Reserve(slotLabel)
	if in.KeyringLabel != "" {
		p.b.Reserve(slotKeyLabel)
	}
	if len(in.Process.Args) == 0 && !in.Vacant {
		return nil, errorf(p.cause("args"), "must not be empty")
	}
	p.argv = p.b.Strings(in.Process.Args)
	p.envp = p.b.Strings(in.Env)
	for _, step := range []func() error{
		p.keyring,
		p.scheduling,
		p.enterCwd,
		p.lookup,
		p.created,
		p.label,
		p.stdio,
		p.credentials,
		p.become,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p.b.Finish()
}

func (p *process) cause(field string) program.Cause {
	return program.Cause{Pointer: p.Pointer + "/" + field, Index: -1}
}

func (p *process) at(field string) { p.b.For(p.cause(field)) }

// sessionPerm lets the owner search the keyring, so that exec can join it by
// name; the rest is what the kernel gives a session keyring.
const sessionPerm = 0x3f1b0000

// keyring leaves the caller's session keyring (and the
// keys of the host must not be searchable inside).
func (p *process) keyring() error {
	if p.Keyring == "" {
		return nil
	}
	p.keyringLabel()
	p.b.Note("session keyring")
	done := p.b.NewLabel()
	r := p.b.Alloc()
	// ENOSYS: a kernel without keyrings has none to share.
	p.b.Call(unix.SYS_KEYCTL, program.I(unix.KEYCTL_JOIN_SESSION_KEYRING), p.b.Str(p.Keyring).V()).Into(r).Jump(done, unix.ENOSYS)
	if p.Init {
		p.b.Call(unix.SYS_KEYCTL, program.I(unix.KEYCTL_SETPERM), r.V(), program.I(sessionPerm))
	}
	p.b.Bind(done)
	p.b.Free(r)
	return nil
}

// enterCwd changes to the working directory while root's privileges last: it
// may lie behind directories that the user cannot search. Where root itself is
// refused (a squashed NFS root), it is tried again as the user.
func (p *process) enterCwd() error {
	p.at("cwd")
	p.cwd = p.b.Zero(8)
	later := p.b.NewLabel()
	p.b.Call(unix.SYS_CHDIR, p.b.Str(p.Process.Cwd).V()).Jump(later, unix.EACCES)
	p.b.Store(p.cwd, program.I(1), 8)
	p.b.Bind(later)
	return nil
}

// checkCwd enters the working directory as the user if it must, and proves
// that it lies in the container: a directory of the host, reached through a
// leaked descriptor, has no path here (CVE-2024-21626).
func (p *process) checkCwd() {
	p.at("cwd")
	inside := p.b.NewLabel()
	entered := p.b.Load(p.cwd, 8)
	p.b.JumpIf(entered, inside)
	p.b.Call(unix.SYS_CHDIR, p.b.Str(p.Process.Cwd).V())
	p.b.Bind(inside)
	p.b.Free(entered)
	buf := p.b.Zero(4096)
	p.b.Call(unix.SYS_GETCWD, buf.V(), program.I(4096))
	p.b.Check(buf, 0xff, '/', unix.ENOENT) // "(unreachable)/…" is outside
}

// candidates are the files that args[0] may mean.
func (p *process) candidates() []string {
	name := p.Process.Args[0]
	if strings.Contains(name, "/") {
		return []string{name}
	}
	var list []string
	for _, e := range p.Env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			for _, dir := range strings.Split(v, ":") {
				if dir == "" {
					dir = "."
				}
				list = append(list, dir+"/"+name)
			}
		}
	}
	return list
}

// lookup finds the program at create, since that is when engines expect to
// hear that it is missing.
func (p *process) lookup() error {
	if p.Vacant {
		return nil
	}
	p.b.For(program.Cause{Pointer: p.Pointer + "/args", Index: 0})
	list := p.candidates()
	found := p.b.NewLabel()
	if len(list) == 1 && strings.Contains(p.Process.Args[0], "/") {
		p.b.StatxPath(program.Cwd, list[0])
		p.b.CheckType(unix.S_IFREG, unix.EISDIR)
		p.b.Call(unix.SYS_FACCESSAT2, program.Cwd.V(), p.b.Str(list[0]).V(), program.I(unix.X_OK), program.I(unix.AT_EACCESS))
		return nil
	}
	for _, path := range list {
		next := p.b.NewLabel()
		p.b.StatxPath(program.Cwd, path).Any(next)
		p.b.CheckType(unix.S_IFREG, unix.EISDIR).Any(next)
		p.b.Call(unix.SYS_FACCESSAT2, program.Cwd.V(), p.b.Str(path).V(), program.I(unix.X_OK), program.I(unix.AT_EACCESS)).Any(next)
		p.b.Jump(found)
		p.b.Bind(next)
	}
	p.b.Check(p.cwd, 0, 1, unix.ENOENT) // never true: not found in any of them
	p.b.Bind(found)
	return nil
}

// created reports that all but the last step is done, and waits for start.
func (p *process) created() error {
	if !p.Init {
		return nil
	}
	p.b.Note("created")
	p.b.Sync(SyncCreated, program.I(0), program.None)
	if p.Listen != nil {
		p.b.Note("wait for start")
		// From here on `kist start` is the parent.
		p.b.Call(unix.SYS_ACCEPT4, p.Listen.V(), program.Null, program.Null, program.I(unix.SOCK_CLOEXEC)).Into(program.SyncSlot)
	}
	if p.StartHooks {
		p.b.At("/hooks/startContainer")
		syncHooks(p.b, SyncStart, p.Reveal)
	}
	return nil
}

// stdio gives pipes and terminals to the user, so that it can reopen
// /dev/stdout. Files and the null device of the host keep their owner.
func (p *process) stdio() error {
	if p.Process.User.UID == 0 {
		return nil
	}
	p.b.Note("stdio owner")
	for fd := 0; fd < 3; fd++ {
		next := p.b.NewLabel()
		p.b.Statx(program.Number(fd)).Any(next)
		p.b.CheckType(unix.S_IFIFO, unix.ENOTTY).Any(next)
		p.b.Fchownat(program.Number(fd), int(p.Process.User.UID), -1).IgnoreAny()
		p.b.Bind(next)
	}
	return nil
}

// become is the end: nothing but execve follows the filter.
func (p *process) become() error {
	if !p.filterEarly() {
		p.sweep()
		p.leaving()
	}
	if err := p.lastFilter(); err != nil {
		return err
	}
	if p.Vacant {
		p.b.Note("nothing to execute")
		p.b.Exit(1)
		return nil
	}
	p.b.For(program.Cause{Pointer: p.Pointer + "/args", Index: 0})
	if p.Reaper != nil {
		// It looks the program up again, in the same way.
		p.b.ExecImage(*p.Reaper, p.b.Strings(append([]string{"init"}, p.Process.Args...)), p.envp)
		return nil
	}
	list := p.candidates()
	for i, path := range list {
		on := p.b.Execve(path, p.argv, p.envp)
		if i < len(list)-1 {
			next := p.b.NewLabel()
			on.Jump(next, unix.ENOENT, unix.ENOTDIR, unix.EACCES)
			p.b.Bind(next)
		}
	}
	if len(list) == 0 {
		p.b.Exit(127)
	}
	return nil
}

// leaving tells `kist start` that from here on the end of the connection means
// execve: it is not nsexec's parent, and could not tell that end from a death.
// It comes before any filter, which may refuse it.
func (p *process) leaving() {
	if p.Listen == nil {
		return
	}
	p.b.Note("the rest is execve")
	p.b.Tell(SyncExec, program.I(0))
}

// sweep marks all descriptors that the process is not to have. It comes before
// any filter: close_range (Linux 5.9) is younger than many profiles.
func (p *process) sweep() {
	p.b.Note("no descriptor survives")
	p.b.CloseOnExec(p.FirstFD)
}

// scheduling sets what belongs to the task rather than to its credentials.
func (p *process) scheduling() error {
	a := p.Process.ExecCPUAffinity
	if a == nil || p.Init { // it is about exec only
		a = &specs.CPUAffinity{}
	}
	// The caller's pinning is not the container's; the cpuset still limits. With initial CPUs, and no final ones, what
	// the kernel has made of these when the cgroup was joined is what the specification wants to stay.
	if a.Initial == "" {
		p.b.Note("all cpus of the cgroup")
		mask := make([]byte, MaxCPUs/8)
		for i := range mask {
			mask[i] = 0xff
		}
		p.b.Call(unix.SYS_SCHED_SETAFFINITY, program.I(0), program.I(len(mask)), p.b.Bytes(mask).V()).Ignore(unix.EPERM, unix.EINVAL)
	}
	if a.Final != "" {
		p.b.For(p.cause("execCPUAffinity/final"))
		m, err := cpuMask(a.Final)
		if err != nil {
			return errorf(p.cause("execCPUAffinity/final"), "%v", err)
		}
		p.b.Call(unix.SYS_SCHED_SETAFFINITY, program.I(0), program.I(len(m)), p.b.Bytes(m).V())
	}
	if s := p.Process.Scheduler; s != nil {
		p.at("scheduler")
		attr, err := schedAttr(s)
		if err != nil {
			return errorf(p.cause("scheduler"), "%v", err)
		}
		p.b.Call(unix.SYS_SCHED_SETATTR, program.I(0), p.b.Bytes(attr).V(), program.I(0))
	}
	if io := p.Process.IOPriority; io != nil {
		p.at("ioPriority")
		class, err := ioClass(io.Class)
		if err != nil {
			return errorf(p.cause("ioPriority/class"), "%v", err)
		}
		const whoProcess = 1
		p.b.Call(unix.SYS_IOPRIO_SET, program.I(whoProcess), program.I(0), program.I(class<<13|io.Priority))
	}
	if p.Linux != nil {
		return p.personality()
	}
	return nil
}

func (p *process) personality() error {
	if per := p.Linux.Personality; per != nil {
		p.b.At("/linux/personality")
		if len(per.Flags) > 0 {
			return errorf(program.Cause{Pointer: "/linux/personality/flags", Index: -1}, "no flags are defined by the specification")
		}
		domain := 0
		switch per.Domain {
		case specs.PerLinux:
		case specs.PerLinux32:
			domain = 8
		default:
			return errorf(program.Cause{Pointer: "/linux/personality/domain", Index: -1}, "unknown domain %q (want LINUX or LINUX32)", per.Domain)
		}
		p.b.Call(unix.SYS_PERSONALITY, program.I(domain))
	}
	if mp := p.Linux.MemoryPolicy; mp != nil {
		p.b.At("/linux/memoryPolicy")
		mode, mask, err := memoryPolicy(mp)
		if err != nil {
			return err
		}
		nodes, max := program.Null, program.I(0)
		if len(mask) > 0 {
			nodes, max = p.b.Bytes(mask).V(), program.I(len(mask)*8+1)
		}
		p.b.Call(unix.SYS_SET_MEMPOLICY, program.I(mode), nodes, max)
	}
	return nil
}

// schedAttr encodes struct sched_attr. See sched_setattr(2).
func schedAttr(s *specs.Scheduler) ([]byte, error) {
	policy, err := schedPolicy(s.Policy)
	if err != nil {
		return nil, err
	}
	var flags uint64
	for _, f := range s.Flags {
		bit, err := schedFlag(f)
		if err != nil {
			return nil, err
		}
		flags |= bit
	}
	a := make([]byte, 48)
	le := binary.LittleEndian
	le.PutUint32(a[0:], uint32(len(a)))
	le.PutUint32(a[4:], policy)
	le.PutUint64(a[8:], flags)
	le.PutUint32(a[16:], uint32(s.Nice))
	le.PutUint32(a[20:], uint32(s.Priority))
	le.PutUint64(a[24:], s.Runtime)
	le.PutUint64(a[32:], s.Deadline)
	le.PutUint64(a[40:], s.Period)
	return a, nil
}
