// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"path"
	"strings"
)

// description is what the container's unit says of itself.
func (c *Cgroup) description() string {
	own, err := annotatedProperties(c.cfg.Annotations)
	if err == nil {
		for i := range own {
			if text, ok := own[i].Value.Text(); ok && own[i].Name == "Description" {
				return text
			}
		}
	}
	return "kist container " + c.cfg.ID
}

// stopUnit stops the unit if it is the container's: cgroupsPath may name any
// unit of the host. The mark says so. Where there is none (a create was killed
// before it could set it, or the cgroup is gone and only the unit's failure is
// to be forgotten), the unit's description and slice do: one of the same name
// may be in another slice.
func (c *Cgroup) stopUnit() error {
	conn, err := c.systemd()
	if err != nil {
		return err
	}
	m, err := readMark(c.dirs[0].path)
	if err == nil && m.id != "" {
		if m.id != c.cfg.ID {
			return nil
		}
		return conn.Stop(c.unit.name)
	}
	unit, err := conn.Unit(c.unit.name)
	if err != nil || unit == nil || unit.Description != c.description() || unit.Slice != c.sliceOf() {
		return err
	}
	return conn.Stop(c.unit.name)
}

// sliceOf is the slice that a scope must be in to have the cgroup's path, "" for
// a slice, whose place follows from its name.
func (c *Cgroup) sliceOf() string {
	if c.unit.isSlice() {
		return ""
	}
	if above := path.Base(path.Dir(c.dirs[0].path)); strings.HasSuffix(above, ".slice") {
		return above
	}
	return "-.slice" // the manager's own
}
