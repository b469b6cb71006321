// SPDX-License-Identifier: Apache-2.0

package cgroups

type unit struct{ name string }

func (c *Cgroup) initSystemd() error      { return nil }
func (c *Cgroup) initUnit() error         { return nil }
func (c *Cgroup) startUnit(pid int) error { return nil }
func (c *Cgroup) stopUnit() error         { return nil }
func (c *Cgroup) setUnit(r any) error     { return nil }
