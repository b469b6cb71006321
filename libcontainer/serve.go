// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/libcontainer/console"
	"kist/libcontainer/launch"
	"kist/libcontainer/notify"
	"kist/libcontainer/program"
	"kist/seccomp"
)

// serve answers nsexec's sync points until the container is created. Each
// case is one thing that can only be done from outside.
func (c *creation) serve() error {
	for {
		ev, err := c.session.Next()
		if err == io.EOF {
			return fmt.Errorf("nsexec left before the container was created")
		}
		if err != nil {
			return err
		}
		created, err := c.answer(ev)
		if err != nil {
			return err
		}
		if created {
			return nil
		}
	}
}

// answer does what a sync point asks for and lets nsexec go on.
func (c *creation) answer(ev launch.Event) (created bool, err error) {
	kept := false
	defer func() {
		if !kept && ev.FD >= 0 {
			unix.Close(ev.FD)
		}
	}()
	switch ev.Code {
	case compile.SyncMaps:
		err = c.writeMaps()
	case compile.SyncCgroup:
		err = c.joinCgroup()
	case compile.SyncNetwork:
		err = c.moveNetDevices()
	case compile.SyncMkdir:
		err = c.mkdirDangling(int(ev.Value), ev.FD)
	case compile.SyncCopyFrom:
		c.copied, kept = ev.FD, true
	case compile.SyncCopyTo:
		err = c.copyUp(ev.FD)
	case compile.SyncSource:
		return false, c.giveSource(int(ev.Value))
	case compile.SyncIDMap:
		err = c.mapMount(int(ev.Value), ev.FD)
	case compile.SyncHooks:
		err = c.createHooks()
	case compile.SyncConsole:
		kept = true
		err = c.giveConsole(ev.FD)
	case compile.SyncReady:
		return false, c.ready(ev.FD)
	case compile.SyncCreated:
		if err := c.created(); err != nil {
			return false, err
		}
		if c.Run {
			if c.notify, err = listenNotify(c.state, c.dir); err != nil {
				return false, err
			}
		}
		return true, c.session.Go(0)
	case compile.SyncRootfs:
		return false, c.giveRootfs()
	default:
		kept, err = c.answerLXC(ev)
	}
	if err != nil {
		return false, err
	}
	return false, c.session.Go(0)
}

// ready compiles the last program, with what is known by now, and sends it.
func (c *creation) ready(passwd int) error {
	if err := c.joinCgroup(); err != nil {
		return err
	}
	if err := c.joinIntelRdt(); err != nil {
		return err
	}
	p := c.spec.Process
	if err := writeOOMScore(c.session.Pid, p); err != nil {
		return err
	}
	if err := c.readyLXC(); err != nil {
		return err
	}
	if err := raiseRlimits(c.session.Pid, p.Rlimits); err != nil {
		return err
	}
	done := c.rt.Trace.phase("compile")
	tail, err := compile.Process(c.processInput(passwd))
	if err != nil {
		return err
	}
	done()
	return c.session.Load(tail)
}

// processInput gathers what the last program depends on. passwd is a
// descriptor or -1.
func (c *creation) processInput(passwd int) *compile.ProcessInput {
	p := c.spec.Process
	in := &compile.ProcessInput{
		Process:       p,
		Linux:         c.spec.Linux,
		LastCap:       c.facts.LastCap,
		Withheld:      withheld(c.facts, c.entersUserNS()),
		FirstFD:       3 + len(c.fds.preserve),
		Env:           c.processEnv(passwd),
		Filter:        c.filter,
		Pointer:       "/process",
		DenySetgroups: c.session != nil && deniesSetgroups(c.session.Pid),
		StartHooks:    c.spec.Hooks != nil && len(c.spec.Hooks.StartContainer) > 0,
		Init:          true,
		Vacant:        c.vacant,
		Reveal:        compile.Reveals(c.spec.Linux.Namespaces, c.facts),
	}
	if !c.NoNewKeyring {
		in.Keyring = "_ses." + c.ID
		if c.lxc != nil {
			in.KeyringLabel = c.lxc.KeyringLabel
		}
	}
	in.Reaper = c.reaperFD()
	if !c.Run {
		listen := c.plan.Needs[len(c.plan.Needs)-1]
		fd := program.Number(listen.FD)
		in.Listen = &fd
	}
	return in
}

// loadFilter compiles the seccomp profile, or finds it compiled.
func (c *creation) loadFilter() error {
	if c.config.Seccomp == nil {
		return nil
	}
	defer c.rt.Trace.phase("seccomp")()
	f, err := c.rt.filter(c.config.Seccomp)
	if err != nil {
		return err
	}
	if f == nil {
		return nil
	}
	c.filter = &compile.Filter{BPF: f.BPF, Flags: f.Flags, Notify: f.Notify}
	c.agent = listener{path: f.ListenerPath, metadata: f.ListenerMetadata}
	c.state.SeccompNotify = f.Notify
	return checkFilter(f, c.spec.Process, c.lxc != nil && c.lxc.Execute)
}

// created records the finished container: from here on it can be started,
// signalled and deleted by others. The order is that of what engines expect:
// record, then terminal and pidfd, then the pid file.
func (c *creation) created() error {
	done := c.rt.Trace.phase("state")
	if err := c.state.RecordInit(c.session.Pid, c.session.Pidfd); err != nil {
		return err
	}
	c.state.Finish()
	c.hooked = true // whatever fails from here on, poststop hooks are due
	if err := c.dir.Save(c.state); err != nil {
		return err
	}
	done()
	if err := c.startKeeper(); err != nil {
		return err
	}
	if c.pidfds >= 0 {
		if err := console.SendPidfd(c.pidfds, c.session.Pidfd, "standard"); err != nil {
			return err
		}
	}
	if c.PidFile != "" {
		return writePidFile(c.PidFile, c.session.Pid)
	}
	return nil
}

// running sees a process through its start, where create and start are one.
func (c *creation) running() error {
	err := serveStart(c.session, &startup{
		ctx:      c.context(),
		rt:       c.rt,
		state:    c.state,
		hooks:    func() (*specs.Hooks, error) { return c.spec.Hooks, nil },
		listener: c.agent,
		limits:   c.spec.Process.Rlimits,
	})
	if err != nil {
		return err
	}
	if c.Detach {
		c.dir.Unlock() // it may take long, and the container is there for others
		defer c.killWhenCalledOff()()
		err := relayNotify(c.notify, c.session.Pidfd, c.session.Pid)
		if errors.Is(err, notify.ErrExited) {
			return nil // as it would have without anybody to tell
		}
		return err
	}
	c.rt.relayNotifyMeanwhile(c.notify, c.session.Pidfd, c.session.Pid)
	return nil
}

// filter gives the compiled form of a raw profile.
func (rt *Runtime) filter(raw []byte) (*seccomp.Filter, error) {
	if rt.CacheDir != "" {
		// Package seccomp makes the directory itself, but not what is above it.
		if err := unix.Mkdir(filepath.Dir(rt.CacheDir), 0o700); err != nil && err != unix.EEXIST {
			rt.Log.Debug("seccomp cache", "error", err.Error())
		}
	}
	f, _, err := seccomp.Load(raw, decodeSeccomp, rt.CacheDir, seccomp.Options{Build: rt.Build})
	if err != nil {
		return nil, err
	}
	if f == nil || len(f.BPF) == 0 {
		return nil, nil
	}
	for _, w := range f.Warnings {
		rt.Log.Warn(w)
	}
	return f, nil
}
