// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/intelrdt"
)

// planIntelRdt names the resctrl groups in the record before they are made.
func (c *creation) planIntelRdt() error {
	r := c.spec.Linux.IntelRdt
	if r == nil {
		return nil
	}
	g, err := intelrdt.Plan(c.ID, r)
	if err != nil {
		return err
	}
	c.state.IntelRdt, c.state.ResctrlGroup, c.state.ResctrlMonGroup = true, g.Group, g.Monitor
	return nil
}

func (c *creation) joinIntelRdt() error {
	if c.spec.Linux.IntelRdt == nil {
		return nil
	}
	return intelrdt.Join(c.ID, c.session.Pid, c.spec.Linux.IntelRdt)
}

func (c *creation) leaveIntelRdt() {
	if err := intelrdt.Remove(c.state.ResctrlGroup, c.state.ResctrlMonGroup); err != nil {
		c.rt.Log.Warn(err.Error())
	}
}

// updateIntelRdt changes the schemata, where create has put the container into
// a group of its own.
func (c *Container) updateIntelRdt(r *specs.LinuxIntelRdt) error {
	if r == nil {
		return nil
	}
	if c.State.ResctrlGroup == "" {
		return errors.New("update of Intel RDT: the container was created without a resctrl group of its own (linux.intelRdt)")
	}
	return intelrdt.Update(c.State.ResctrlGroup, r)
}
