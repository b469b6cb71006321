// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"kist/libcontainer/state"
)

// Signal sends a signal to the container's init or, with all, to every process
// in its cgroup. A SIGKILL ends the container as a whole also where init has
// no pid namespace of its own that would take the others along.
func (c *Container) Signal(sig unix.Signal, all bool) error {
	cg, err := c.Cgroup()
	if err != nil {
		return err
	}
	status, err := c.Status()
	if err != nil {
		return err
	}
	if all {
		if cg.Absent() {
			return c.about(fmt.Errorf("kill --all: the container has no cgroup of its own"))
		}
		if sig == unix.SIGKILL {
			return c.about(cg.Kill())
		}
		return c.about(cg.Signal(sig))
	}
	if status == state.StatusStopped {
		return c.about(ErrNotRunning)
	}
	if sig == unix.SIGKILL && !c.State.PrivatePID && !cg.Absent() {
		if err := cg.Kill(); !isForeign(err) {
			return c.about(err)
		}
		c.spared(cg)
	}
	if err := c.State.Signal(sig); err != nil {
		return err
	}
	if sig == unix.SIGKILL && status == state.StatusPaused {
		// A frozen cgroup v1 keeps its dead: let them go.
		return c.about(cg.Thaw())
	}
	return nil
}

// Pause freezes the container.
func (c *Container) Pause() error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status != state.StatusRunning && status != state.StatusCreated {
		if status == state.StatusPaused {
			return c.about(ErrPaused)
		}
		return c.about(ErrNotRunning)
	}
	cg, err := c.Cgroup()
	if err != nil {
		return err
	}
	return c.about(cg.Freeze())
}

// Resume thaws it.
func (c *Container) Resume() error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status != state.StatusPaused {
		return c.about(ErrNotPaused)
	}
	cg, err := c.Cgroup()
	if err != nil {
		return err
	}
	return c.about(cg.Thaw())
}

// Pids lists the container's processes, in the host's numbering.
func (c *Container) Pids() ([]int, error) {
	cg, err := c.Cgroup()
	if err != nil {
		return nil, err
	}
	if cg.Absent() {
		return nil, c.about(fmt.Errorf("ps: the container has no cgroup of its own"))
	}
	pids, err := cg.Pids()
	return pids, c.about(err)
}
