// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/cgroups"
	"kist/libcontainer/spec"
	"kist/libcontainer/state"
)

// Update changes limits of a container. What r leaves out stays as it is. The
// limits now in force are kept beside the record, since some of them share a
// file in the kernel and are written together.
func (c *Container) Update(r *specs.LinuxResources, rdt *specs.LinuxIntelRdt) error {
	dir, err := c.root.Lock(c.State.ID, lockWait)
	if err != nil {
		return err
	}
	defer dir.Unlock()
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status == state.StatusStopped {
		return c.about(ErrNotRunning)
	}
	current, err := c.resources()
	if err != nil {
		return err
	}
	cg, err := cgroups.Load(cgroups.Config{
		ID:        c.State.ID,
		Systemd:   c.State.Systemd,
		Rootless:  c.State.Rootless,
		Resources: current,
	}, c.State.CgroupPaths)
	if err != nil {
		return err
	}
	if err := c.updateIntelRdt(rdt); err != nil {
		return c.about(err)
	}
	merged, err := cg.Update(r)
	if err != nil {
		return c.about(err)
	}
	data, err := json.Marshal(merged)
	if err != nil {
		return c.about(fmt.Errorf("limits: encode: %w", err))
	}
	return dir.SaveResources(data)
}

// resources gives the limits in force: those of the last update, or of create.
func (c *Container) resources() (*specs.LinuxResources, error) {
	data, err := c.root.Resources(c.State.ID)
	if err == nil {
		return spec.DecodeResources(data)
	}
	if !errors.Is(err, state.ErrIncomplete) {
		return nil, err
	}
	if data, err = c.root.Config(c.State.ID); err != nil {
		return nil, err
	}
	config, err := spec.Decode(data)
	if err != nil || config.Spec.Linux == nil {
		return nil, err
	}
	return config.Spec.Linux.Resources, nil
}

// Stats measures the container.
func (c *Container) Stats() (*cgroups.Stats, error) {
	cg, err := c.Cgroup()
	if err != nil {
		return nil, err
	}
	s, err := cg.Stats()
	if err != nil {
		return nil, c.about(err)
	}
	return s, nil
}

// Debug says something about the container to people who look for a fault.
func (c *Container) Debug(msg string, err error) {
	c.rt.Log.Debug(msg, "id", c.State.ID, "error", err.Error())
}
