// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/cgroups"
	"kist/libcontainer/compile"
	"kist/libcontainer/host"
	"kist/libcontainer/program"
	"kist/libcontainer/spec"
	"kist/libcontainer/state"
)

// Plan compiles the programs that Create would run, without running them and
// without privilege: what depends on the container's own files (HOME) is left
// at its default.
func (rt *Runtime) Plan(o *CreateOptions, facts *host.Facts) ([]*program.Program, error) {
	c := &creation{CreateOptions: o, rt: rt, facts: facts, console: -1, pidfds: -1, copied: -1}
	if err := c.load(); err != nil {
		return nil, err
	}
	if c.spec.Root == nil {
		return nil, errors.New("config.json: /root: required")
	}
	rootfs := c.spec.Root.Path
	if path, err := c.rootfs(); err == nil {
		rootfs = path
	}
	c.state = &state.State{ID: o.ID, Rootfs: rootfs}
	if c.generates() {
		if err := c.nameProfile(); err != nil {
			return nil, err
		}
	}
	var err error
	if c.cgroup, err = cgroups.New(cgroups.Config{ID: o.ID, Path: c.spec.Linux.CgroupsPath, Disabled: rt.CgroupDisabled}); err != nil {
		return nil, err
	}
	setup, _, err := c.compileSetup()
	if err != nil {
		return nil, err
	}
	c.plan = setup
	if c.config.Seccomp != nil {
		f, err := rt.filter(c.config.Seccomp)
		if err != nil {
			return nil, err
		}
		if f != nil {
			c.filter = &compile.Filter{BPF: f.BPF, Flags: f.Flags, Notify: f.Notify}
		}
	}
	tail, err := compile.Process(c.processInput(-1))
	if err != nil {
		return nil, err
	}
	programs := []*program.Program{setup, tail}
	return programs, program.Verify(programs...)
}

// PlanExec compiles the programs of an exec of the container's own process.
func (c *Container) PlanExec(facts *host.Facts) ([]*program.Program, error) {
	raw, err := c.root.Config(c.State.ID)
	if err != nil {
		return nil, err
	}
	config, err := spec.Decode(raw)
	if err != nil {
		return nil, err
	}
	e := &entry{ExecOptions: &ExecOptions{}, c: c, facts: facts, process: config.Spec.Process, linux: config.Spec.Linux, chroot: hasForeignRoot(config.Spec), console: -1, pidfds: -1}
	if e.process == nil {
		e.process = &specs.Process{}
	}
	e.process = c.inheritLabels(e.process, config.Spec.Process)
	if config.Seccomp != nil {
		f, err := c.rt.filter(config.Seccomp)
		if err != nil {
			return nil, err
		}
		if f != nil {
			e.filter = &compile.Filter{BPF: f.BPF, Flags: f.Flags, Notify: f.Notify}
		}
	}
	join, _, err := compile.Join(e.joinInput())
	if err != nil {
		return nil, err
	}
	tail, err := compile.Process(e.processInput(-1, false))
	if err != nil {
		return nil, err
	}
	programs := []*program.Program{join, tail}
	return programs, program.Verify(programs...)
}
