// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/apparmor"
	"kist/libcontainer/cgroups"
	"kist/libcontainer/compile"
	"kist/libcontainer/console"
	"kist/libcontainer/host"
	"kist/libcontainer/launch"
	"kist/libcontainer/notify"
	"kist/libcontainer/program"
	"kist/libcontainer/spec"
	"kist/libcontainer/state"
)

// CreateOptions are the flags of create and run.
type CreateOptions struct {
	ID            string
	Bundle        string
	ConfigFile    string // another name for config.json
	ConsoleSocket string
	PidfdSocket   string
	PidFile       string
	NoPivot       bool
	NoNewKeyring  bool
	PreserveFDs   int
	// Run starts the process at once instead of leaving it to Start.
	Run bool
	// Console takes the terminal's master where there is no console socket.
	Console func(master int) error
	// Detach means that nobody stays to serve a terminal.
	Detach bool
	// Meanwhile, if set, is called once while nsexec is at work.
	Meanwhile func()
	// Context, if set, calls the create off: it fails with the context's cause,
	// and nothing is left.
	Context context.Context
}

// creation is one create under way.
type creation struct {
	*CreateOptions
	rt      *Runtime
	config  *spec.Config
	spec    *specs.Spec
	facts   *host.Facts
	root    *state.Root
	dir     *state.Dir
	state   *state.State
	cgroup  *cgroups.Cgroup
	inGroup bool
	session *launch.Session
	plan    *program.Program
	fds     descriptors
	console int // connection that takes the terminal's master, -1 for none
	pidfds  int // connection that takes the pidfd, -1 for none
	notify  *notify.Socket
	copied  int // directory that a tmpfs is about to cover, -1 for none
	filter  *compile.Filter
	vacant  bool // config.json has no process
	agent   listener
	hooked  bool               // creation has come as far as running hooks
	lxc     *compile.LXC       // what an imported LXC container asks for, nil for others
	profile apparmor.Generated // the AppArmor profile that is made for it
	ttys    []int              // masters of its terminals
	master  int                // that of its console, where the keeper takes it, else -1
	shared  []int              // namespaces of other containers
}

// Create makes a container. With Run its process is started before Create
// returns. If it fails nothing is left behind.
func (rt *Runtime) Create(o *CreateOptions) (_ *Container, err error) {
	c := &creation{CreateOptions: o, rt: rt, copied: -1, console: -1, pidfds: -1, master: -1}
	defer c.hangUp()
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if err := c.beginLXC(); err != nil {
		return nil, err
	}
	if err := c.record(); err != nil {
		return nil, err
	}
	stop := nothing
	defer func() {
		stop()
		if err != nil {
			err = c.orReason(c.explain(err))
			c.undo()
		}
	}()
	if err := c.start(); err != nil {
		return nil, err
	}
	stop = c.whenCalledOff(c.session.Interrupt)
	if c.Meanwhile != nil {
		c.Meanwhile()
	}
	if err := c.loadFilter(); err != nil { // while nsexec is at work
		return nil, err
	}
	if err := c.serve(); err != nil {
		return nil, err
	}
	if c.Run {
		if err := c.running(); err != nil {
			return nil, err
		}
	}
	stop()
	if err := c.calledOff(); err != nil {
		return nil, err
	}
	rt.Trace.session(c.session)
	c.session.Release()
	c.dir.Unlock()
	return &Container{rt: rt, root: c.root, State: c.state}, nil
}

// prepare reads and checks everything that can be checked before the first
// side effect.
func (c *creation) prepare() error {
	done := c.rt.Trace.phase("decode")
	if err := spec.ValidateID(c.ID); err != nil {
		return err
	}
	if err := c.load(); err != nil {
		return err
	}
	done()

	var err error
	done = c.rt.Trace.phase("host facts")
	if c.facts, err = host.Gather(); err != nil {
		return err
	}
	if err := c.checkTerminal(); err != nil {
		return err
	}
	if err := c.checkLabels(); err != nil {
		return err
	}
	if err := c.checkSysctl(); err != nil {
		return err
	}
	done()
	for _, w := range c.config.Warnings() {
		c.rt.Log.Warn(w)
	}
	warnWithheld(c.rt.Log, c.spec.Process, withheld(c.facts, c.entersUserNS()))
	for _, p := range c.config.Unknown {
		c.rt.Log.Debug("config.json: unknown property, ignored", "pointer", p)
	}

	done = c.rt.Trace.phase("connect")
	defer done()
	if err := c.fds.collect(c.PreserveFDs, c.spec.Process); err != nil {
		return err
	}
	// Connected before anything is made, so that a bad path fails early.
	if c.ConsoleSocket != "" {
		if c.console, err = console.Dial("--console-socket", c.ConsoleSocket); err != nil {
			return err
		}
	}
	if c.PidfdSocket != "" {
		if c.pidfds, err = console.Dial("--pidfd-socket", c.PidfdSocket); err != nil {
			return err
		}
	}
	return nil
}

// load reads config.json and checks what can be checked without the host.
func (c *creation) load() error {
	bundle, err := filepath.Abs(c.Bundle)
	if err != nil {
		return fmt.Errorf("bundle %s: %w", c.Bundle, err)
	}
	c.Bundle = bundle
	c.config, err = spec.Load(bundle, c.ConfigFile)
	if err != nil {
		return err
	}
	if err := c.config.Validate(); err != nil {
		return err
	}
	return c.take()
}

// take completes what config.json may leave out. A process is "REQUIRED when
// start is called" only (config.md): without one the container is built, and
// waits for nothing but its end.
func (c *creation) take() error {
	s := *c.config.Spec
	c.spec = &s
	if c.spec.Linux == nil {
		c.spec.Linux = &specs.Linux{}
	}
	if c.spec.Process == nil {
		if c.Run {
			return errNoProcess
		}
		c.vacant = true
		c.spec.Process = &specs.Process{Cwd: "/", Env: []string{"HOME=/"}}
	}
	return c.loadLXC()
}

// errNoProcess refuses to start what has nothing to run.
var errNoProcess = errors.New("config.json: /process: required to start a container")

// checkTerminal compares process.terminal with the flags.
func (c *creation) checkTerminal() error {
	terminal := c.spec.Process.Terminal
	switch {
	case terminal && c.keepsConsole() && c.ConsoleSocket == "":
		c.Console = c.takeConsole
	case terminal && c.ConsoleSocket == "" && c.Console == nil:
		return errors.New("cannot allocate tty if kist will detach without setting console socket")
	case !terminal && c.ConsoleSocket != "":
		return errors.New("cannot use console socket if kist will not detach or allocate tty")
	}
	return nil
}

// record writes what is about to exist before it does: from here on `kist
// delete` finds everything, whenever this process dies.
func (c *creation) record() error {
	defer c.rt.Trace.phase("state")()
	rootfs, err := c.rootfs()
	if err != nil {
		return err
	}
	if c.cgroup, err = c.newCgroup(); err != nil {
		return err
	}
	c.state = &state.State{
		ID:           c.ID,
		OCIVersion:   c.spec.Version,
		Bundle:       c.Bundle,
		Rootfs:       rootfs,
		Annotations:  c.spec.Annotations,
		CgroupPaths:  c.cgroup.Paths(),
		CgroupFresh:  !c.cgroup.Absent() && !c.cgroup.Exists(),
		Systemd:      c.rt.SystemdCgroup,
		SystemdUnit:  c.cgroup.Unit(),
		Rootless:     c.rt.Rootless,
		Namespaces:   namespaceTypes(c.spec.Linux.Namespaces),
		PrivatePID:   createsNamespace(c.spec.Linux.Namespaces, specs.PIDNamespace),
		Hooks:        hookKinds(c.spec.Hooks),
		NoNewKeyring: c.NoNewKeyring,
		NoPivot:      c.NoPivot,
		Terminal:     c.spec.Process.Terminal,
		NetDevices:   netDeviceNames(c.spec.Linux.NetDevices),
		NoProcess:    c.vacant,
		PreservedFDs: len(c.fds.preserve),
		Withheld:     withheld(c.facts, c.entersUserNS()),

		AppArmorProfile:   c.profile.Profile,
		AppArmorNamespace: c.profile.Namespace,
	}
	if !c.state.Terminal {
		c.state.Descriptors = stdio()
	}
	if err := c.planIntelRdt(); err != nil {
		return err
	}
	if c.root, err = state.Make(c.rt.Root, c.rt.RootSticky); err != nil {
		return err
	}
	if c.dir, err = c.root.Create(c.state, c.config.Raw); err != nil {
		c.root.Close()
		return err
	}
	return nil
}

// undo takes back what was made, in reverse order.
func (c *creation) undo() {
	if c.cgroup != nil {
		c.cgroup.Settle()
	}
	if !c.relock() {
		c.session.Release()
		c.session.Kill()
		c.session.Close()
		c.root.Close()
		return
	}
	if c.session != nil {
		c.rt.Trace.session(c.session)
		c.session.Release()
		if !c.state.PrivatePID && !c.cgroup.Absent() && c.cgroup.Exists() {
			// Init may have begun, and its death does not take its children along.
			if err := c.cgroup.Kill(); err != nil && !isForeign(err) {
				c.rt.Log.Warn("processes of a failed create", "error", err.Error())
			}
		}
		c.session.Kill()
		c.session.Close()
	}
	if c.cgroup != nil {
		if err := c.cgroup.Destroy(); err != nil {
			c.rt.Log.Warn("cgroup of a failed create", "error", err.Error())
		}
	}
	c.leaveIntelRdt()
	if err := c.rt.dropRootMount(c.ID); err != nil {
		c.rt.Log.Warn("root filesystem of a failed create", "error", err.Error())
	}
	if err := takeProfile(c.state); err != nil {
		c.rt.Log.Warn("profile of a failed create", "error", err.Error())
	}
	if c.dir != nil {
		if err := c.dir.Remove(); err != nil {
			c.rt.Log.Warn("state of a failed create", "error", err.Error())
		}
	}
	if c.hooked {
		// Creation had begun: what the first hooks made, the last ones may take away.
		c.rt.poststop(c.state, c.spec.Hooks)
	}
	c.root.Close()
}

// hangUp closes what was connected to the engine.
func (c *creation) hangUp() {
	for _, fd := range append(append([]int{c.console, c.pidfds, c.copied, c.master}, c.ttys...), c.shared...) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// start compiles the setup program and starts nsexec on it. On cgroup v2 the
// cgroup is complete before, and nsexec is born in it; on v1 it is made while
// nsexec is at work. On a hybrid host both: it is born in the shadow cgroup of
// the unified hierarchy, and enters the others once they are complete.
func (c *creation) start() error {
	if err := c.makeProfile(); err != nil {
		return err
	}
	done := c.rt.Trace.phase("compile")
	if err := c.prepareNotify(); err != nil {
		return err
	}
	if err := c.makeRootMount(); err != nil {
		return err
	}
	made := c.rt.Rootless
	if made {
		// Whether a user may have one shows only now, and the program depends on it.
		if err := c.makeCgroup(); err != nil {
			return err
		}
	}
	plan, spawn, err := c.compileSetup()
	if err != nil {
		return err
	}
	c.plan = plan
	done()

	if !made && c.cgroup.Unified() {
		if made, err = c.beginCgroup(); err != nil {
			return err
		}
	}
	group := -1
	if c.cgroup.Unified() {
		if group, err = c.openGroup(); err != nil {
			return err
		}
		defer unix.Close(group)
	}
	extra, err := c.supply(plan)
	if err != nil {
		return err
	}
	defer extra.close()
	defer passOOMScore(c.spec.Process, c.facts.Privileged())()
	done = c.rt.Trace.phase("clone")
	c.session, err = launch.Start(&launch.Config{
		Program:    plan,
		Cloneflags: spawn.Cloneflags,
		Forks:      spawn.Forks,
		ChildCode:  compile.SyncChild,
		Adopted:    c.adopted,
		Stdio:      [3]int{0, 1, 2},
		Preserve:   c.fds.preserve,
		Extra:      extra.fds,
		CgroupFD:   group,
		Trace:      c.rt.Trace.on(),
	})
	if err != nil {
		return spawnHint(err, spawn.Cloneflags)
	}
	done()
	// On v1 nsexec enters it itself.
	c.inGroup = group >= 0 || len(c.cgroup.TaskFiles()) > 0
	if !made {
		if err := c.makeCgroup(); err != nil {
			return err
		}
	}
	if spawn.Forks && !c.joinsEarly() {
		return nil // it is the child that belongs there
	}
	return c.askForCgroup(c.session.Pid)
}

func (c *creation) compileSetup() (*program.Program, compile.Spawn, error) {
	return compile.Setup(&compile.Input{
		Spec:         c.spec,
		ID:           c.ID,
		Bundle:       c.Bundle,
		Rootfs:       c.state.Rootfs,
		RootMount:    c.rt.rootMount(c.ID),
		Facts:        c.facts,
		Cgroup:       c.view(),
		NoPivot:      c.NoPivot,
		NoNewKeyring: c.NoNewKeyring,
		FirstFD:      3 + len(c.fds.preserve),
		Detached:     !c.Run,
		NotifyDir:    c.notifyPath(),
		LXC:          c.lxc,
	})
}
