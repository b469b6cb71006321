// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"

	"kist/libcontainer/compile"
	"kist/libcontainer/host"
	"kist/libcontainer/launch"
	"kist/libcontainer/program"
	"kist/libcontainer/spec"
	"kist/libcontainer/state"
)

// failure words what went wrong between release and execve as `kist run` does.
// nsexec sends the number of an instruction; the program was compiled by `kist
// create`, and is compiled here once more, from the snapshot and the record,
// to the same. Only a start that fails pays for it.
func (c *Container) failure(err error, s *launch.Session, dir *state.Dir) error {
	var f *launch.Failure
	failed := errors.As(err, &f) && f.Program == nil
	if !failed && !errors.Is(err, errKilled) {
		return err
	}
	again := &creation{
		CreateOptions: &CreateOptions{ID: c.State.ID, Bundle: c.State.Bundle, NoPivot: c.State.NoPivot, NoNewKeyring: c.State.NoNewKeyring},
		rt:            c.rt,
		state:         c.State,
		dir:           dir,
		session:       s,
	}
	p, e := again.compileAgain(c)
	if e != nil {
		c.rt.Log.Debug("the failing program is not known", "error", e.Error())
		return err
	}
	if failed {
		f.Program = p
	}
	return again.explain(err)
}

// compileAgain compiles the last program of a container that has been created.
func (c *creation) compileAgain(of *Container) (*program.Program, error) {
	raw, err := of.root.Config(c.ID)
	if err != nil {
		return nil, err
	}
	if c.config, err = spec.Decode(raw); err != nil {
		return nil, err
	}
	if err := c.take(); err != nil {
		return nil, err
	}
	if c.cgroup, err = of.Cgroup(); err != nil {
		return nil, err
	}
	if c.facts, err = host.Gather(); err != nil {
		return nil, err
	}
	c.facts.LSMs()
	c.spec.Process = of.inheritLabels(c.spec.Process, c.spec.Process)
	c.fds.preserve = make([]int, c.state.PreservedFDs)
	// Its needs are descriptors that the last program uses by number.
	if c.plan, _, err = c.compileSetup(); err != nil {
		return nil, err
	}
	if c.config.Seccomp != nil {
		f, err := c.rt.filter(c.config.Seccomp)
		if err != nil {
			return nil, err
		}
		if f != nil {
			c.filter = &compile.Filter{BPF: f.BPF, Flags: f.Flags, Notify: f.Notify}
		}
	}
	in := c.processInput(-1)
	in.Withheld = c.state.Withheld
	return compile.Process(in)
}
