// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/cgroups"
	"kist/libcontainer/compile"
	"kist/libcontainer/console"
	"kist/libcontainer/host"
	"kist/libcontainer/launch"
	"kist/libcontainer/spec"
	"kist/libcontainer/state"
)

// ExecOptions are the flags of exec.
type ExecOptions struct {
	// Process is what to run. Amend, if set, changes the container's own
	// process, of which it gets a copy, in its place.
	Process       *specs.Process
	Amend         func(*specs.Process) error
	ConsoleSocket string
	PidfdSocket   string
	PidFile       string
	PreserveFDs   int
	Cgroup        []string // [controller,…:]path below the container's cgroup
	IgnorePaused  bool
	Console       func(master int) error
	Meanwhile     func() // if set, called once while nsexec is at work
}

// Process is a process that exec has started.
type Process struct {
	Pid   int
	Pidfd int
}

// entry is one exec under way.
type entry struct {
	*ExecOptions
	c       *Container
	process *specs.Process
	linux   *specs.Linux // the container's
	facts   *host.Facts
	fds     descriptors
	filter  *compile.Filter
	agent   listener
	group   *cgroups.Cgroup
	target  *cgroups.Target
	session *launch.Session
	console int
	pidfds  int
	chroot  bool // the container's root is not that of its mount namespace
	outside bool // nsexec waits to be put into the container's cgroup
}

// Exec runs a further process in the container. The caller waits for it, and
// closes its pidfd.
func (c *Container) Exec(o *ExecOptions) (_ *Process, err error) {
	e := &entry{ExecOptions: o, c: c, console: -1, pidfds: -1}
	defer e.close()
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := e.prepare(); err != nil {
		return nil, err
	}
	if err := e.start(); err != nil {
		return nil, explain(err, e.process)
	}
	if e.Meanwhile != nil {
		e.Meanwhile()
	}
	if err := e.serve(); err != nil {
		c.rt.Trace.session(e.session)
		e.session.Release()
		e.session.Kill()
		e.session.Close()
		return nil, explain(err, e.process)
	}
	c.rt.Trace.session(e.session)
	e.session.Release()
	return &Process{Pid: e.session.Pid, Pidfd: e.session.Pidfd}, nil
}

func (e *entry) close() {
	for _, fd := range []int{e.console, e.pidfds} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	e.target.Close()
	if e.group != nil {
		e.group.Close()
	}
}

// check refuses what the container's status forbids.
func (e *entry) check() error {
	status, err := e.c.Status()
	if err != nil {
		return err
	}
	switch status {
	case state.StatusCreated:
		if os.Geteuid() != 0 && e.c.State.HasNamespace(string(specs.UserNamespace)) {
			return e.c.about(errors.New("an ordinary user cannot exec in a container that is not started: " +
				"until then its init can be entered by nobody who could not trace it"))
		}
	case state.StatusStopped, state.StatusCreating:
		return e.c.about(errors.New("cannot exec in a stopped container"))
	case state.StatusPaused:
		if !e.IgnorePaused {
			return e.c.about(errors.New("cannot exec in a paused container (use --ignore-paused to override)"))
		}
	}
	return nil
}

// prepare works out the process, from the snapshot taken at create: the
// bundle may have changed since.
func (e *entry) prepare() (err error) {
	done := e.c.rt.Trace.phase("decode")
	raw, err := e.c.root.Config(e.c.State.ID)
	if err != nil {
		return err
	}
	config, err := spec.Decode(raw)
	if err != nil {
		return err
	}
	e.chroot, e.linux = hasForeignRoot(config.Spec), config.Spec.Linux
	e.process = e.Process
	if e.process == nil {
		if config.Spec.Process == nil {
			return e.c.about(errors.New("its configuration has no process to take defaults from"))
		}
		own := *config.Spec.Process
		if e.Amend != nil {
			if err := e.Amend(&own); err != nil {
				return err
			}
		}
		e.process = &own
	}
	if err := spec.ValidateProcess(e.process); err != nil {
		return err
	}
	e.process = e.c.inheritLabels(e.process, config.Spec.Process)
	done()
	switch {
	case e.process.Terminal && e.ConsoleSocket == "" && e.Console == nil:
		return errors.New("cannot allocate tty if kist will detach without setting console socket")
	case !e.process.Terminal && e.ConsoleSocket != "":
		return errors.New("cannot use console socket if kist will not detach or allocate tty")
	}
	done = e.c.rt.Trace.phase("host facts")
	if e.facts, err = host.Gather(); err != nil {
		return err
	}
	if err := checkLabels(e.facts, e.process); err != nil {
		return err
	}
	done()
	warnWithheld(e.c.rt.Log, e.process, withheld(e.facts, e.entersUserNS()))
	if err := e.fds.collect(e.PreserveFDs, e.process); err != nil {
		return err
	}
	if e.ConsoleSocket != "" {
		if e.console, err = console.Dial("--console-socket", e.ConsoleSocket); err != nil {
			return err
		}
	}
	if e.PidfdSocket != "" {
		if e.pidfds, err = console.Dial("--pidfd-socket", e.PidfdSocket); err != nil {
			return err
		}
	}
	if config.Seccomp != nil {
		done := e.c.rt.Trace.phase("seccomp")
		f, err := e.c.rt.filter(config.Seccomp)
		if err != nil {
			return err
		}
		if f != nil {
			e.filter = &compile.Filter{BPF: f.BPF, Flags: f.Flags, Notify: f.Notify}
			e.agent = listener{f.ListenerPath, f.ListenerMetadata}
			if err := checkFilter(f, e.process, false); err != nil {
				return err
			}
		}
		done()
	}
	return nil
}

// start starts nsexec on the program that joins the container.
func (e *entry) start() error {
	done := e.c.rt.Trace.phase("cgroup")
	if err := e.openGroup(); err != nil {
		return err
	}
	done()
	pidfd, err := e.c.State.OpenInit()
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)

	done = e.c.rt.Trace.phase("compile")
	in := e.joinInput()
	cfg, err := e.launchConfig(in)
	if err != nil {
		return err
	}
	done()
	cfg.Extra = append(append([]int{}, e.target.Tasks()...), pidfd)
	if in.Chroot {
		root, err := openRoot(e.c.State.InitPid)
		if err != nil {
			return err
		}
		defer unix.Close(root)
		cfg.Extra = append(cfg.Extra, root)
	}
	defer passOOMScore(e.process, e.facts.Privileged())()
	unpin, err := pin(e.process)
	if err != nil {
		return err
	}
	defer unpin()
	done = e.c.rt.Trace.phase("clone")
	if err := e.launch(cfg, in); err != nil {
		return err
	}
	done()
	return nil
}

func (e *entry) launchConfig(in *compile.JoinInput) (*launch.Config, error) {
	plan, spawn, err := compile.Join(in)
	return &launch.Config{
		Program:    plan,
		Cloneflags: spawn.Cloneflags,
		Forks:      spawn.Forks,
		ChildCode:  compile.SyncChild,
		Stdio:      [3]int{0, 1, 2},
		Preserve:   e.fds.preserve,
		CgroupFD:   e.target.Fd(),
		Trace:      e.c.rt.Trace.on(),
	}, err
}

// joinInput gathers what the first program depends on.
func (e *entry) joinInput() *compile.JoinInput {
	in := &compile.JoinInput{
		Process:    e.process,
		Facts:      e.facts,
		FirstFD:    3 + len(e.fds.preserve),
		Namespaces: namespaceFlags(e.c.State.Namespaces),
		Chroot:     e.chroot,
		Passwd:     !hasEnv(e.process.Env, "HOME"),
		Tasks:      len(e.target.Tasks()),
	}
	if !e.entersUserNS() {
		in.Namespaces &^= unix.CLONE_NEWUSER
	}
	return in
}

// processInput gathers what the last program depends on.
func (e *entry) processInput(passwd int, denySetgroups bool) *compile.ProcessInput {
	in := &compile.ProcessInput{
		Process:       e.process,
		Linux:         e.linux,
		LastCap:       e.facts.LastCap,
		Withheld:      withheld(e.facts, e.entersUserNS()),
		FirstFD:       3 + len(e.fds.preserve),
		Env:           environment(e.c.attachEnv(e.process.Env), passwd, e.process.User.UID, e.fds.extra()),
		Filter:        e.filter,
		Pointer:       "/process",
		DenySetgroups: denySetgroups,
	}
	if !e.c.State.NoNewKeyring {
		in.Keyring = "_ses." + e.c.State.ID
	}
	return in
}

// openRoot opens the root directory of a process.
func openRoot(pid int) (int, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("root of init: %w", err)
	}
	return fd, nil
}

// entersUserNS says whether the process goes into another user namespace.
func (e *entry) entersUserNS() bool {
	return e.c.State.HasNamespace(string(specs.UserNamespace)) && !e.sameUserNS()
}

// sameUserNS says whether the container's user namespace is the caller's: the
// kernel refuses to enter that again.
func (e *entry) sameUserNS() bool {
	var own, theirs unix.Stat_t
	return unix.Stat("/proc/self/ns/user", &own) == nil &&
		unix.Stat("/proc/"+strconv.Itoa(e.c.State.InitPid)+"/ns/user", &theirs) == nil &&
		own.Ino == theirs.Ino && own.Dev == theirs.Dev
}

// serve answers nsexec until it has become the process.
func (e *entry) serve() error {
	for {
		ev, err := e.session.Next()
		if err == io.EOF {
			return e.started()
		}
		if err != nil {
			return err
		}
		if err := e.answer(ev); err != nil {
			return err
		}
	}
}

func (e *entry) answer(ev launch.Event) (err error) {
	switch ev.Code {
	case compile.SyncCgroup:
		err = e.joinCgroup()
	case compile.SyncConsole:
		err = giveMaster(e.console, ev.FD, e.Console)
	case compile.SyncListener:
		st := &startup{rt: e.c.rt, state: e.c.State, listener: e.agent}
		if err = st.sendListener(e.session.Pid, ev.FD, specs.StateRunning); err == nil {
			err = limitFiles(e.session.Pid, e.process.Rlimits)
		}
		unix.Close(ev.FD)
	case compile.SyncReady:
		err = e.ready(ev.FD)
		if ev.FD >= 0 {
			unix.Close(ev.FD)
		}
		return err
	default:
		if ev.FD >= 0 {
			unix.Close(ev.FD)
		}
		err = fmt.Errorf("nsexec: sync point %d is not known here", ev.Code)
	}
	if err != nil {
		return err
	}
	return e.session.Go(0)
}

// ready sends the program of the process itself.
func (e *entry) ready(passwd int) error {
	if err := writeOOMScore(e.session.Pid, e.process); err != nil {
		return err
	}
	if err := raiseRlimits(e.session.Pid, e.process.Rlimits); err != nil {
		return err
	}
	done := e.c.rt.Trace.phase("compile")
	p, err := compile.Process(e.processInput(passwd, deniesSetgroups(e.session.Pid)))
	if err != nil {
		return err
	}
	done()
	return e.session.Load(p)
}

// started tells the engine.
func (e *entry) started() error {
	if e.pidfds >= 0 {
		if err := console.SendPidfd(e.pidfds, e.session.Pidfd, "setns"); err != nil {
			return err
		}
	}
	if e.PidFile != "" {
		return writePidFile(e.PidFile, e.session.Pid)
	}
	return nil
}
