// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Update changes limits of a running container. Only what is set in r changes.
// The base is Config.Resources, which must be what is in force: some files hold
// two properties (quota and period; on v2 swap is a difference). It returns the
// merged resources, for the caller to keep as the next base; after an error the
// old ones are still the base, and Applied in the ResourceError lists the files
// that have been written. Repeating the update is safe.
func (c *Cgroup) Update(r *specs.LinuxResources) (*specs.LinuxResources, error) {
	if c.absent {
		return nil, ErrAbsent
	}
	merged := Merge(c.cfg.Resources, r)
	list, err := settings(merged, c.mode == V2)
	if err != nil {
		return nil, err
	}
	touched := list[:0]
	for _, s := range list {
		if touches(r, strings.TrimPrefix(s.pointer, resourcesPointer+"/")) {
			touched = append(touched, s)
		}
	}
	if err := c.checkMemory(r); err != nil {
		return nil, err
	}
	if c.cfg.Systemd {
		if err := c.setUnit(merged, r.Devices != nil && !sameDevices(value(c.cfg.Resources).Devices, r.Devices)); err != nil {
			return nil, err
		}
	}
	applied, err := c.write(touched)
	if err != nil {
		return nil, withApplied(err, applied)
	}
	if r.Devices != nil {
		if err := c.updateDevices(value(c.cfg.Resources).Devices, r.Devices); err != nil {
			return nil, withApplied(err, applied)
		}
	}
	c.cfg.Resources = merged
	return merged, nil
}

func withApplied(err error, applied []string) error {
	if e := (*ResourceError)(nil); errors.As(err, &e) {
		e.Applied = applied
		return err
	}
	if len(applied) > 0 {
		return fmt.Errorf("%w (already applied: %s)", err, strings.Join(applied, " "))
	}
	return err
}

// touches tells whether the update r has the section that a pointer is in. All
// files of a section are written together.
func touches(r *specs.LinuxResources, pointer string) bool {
	section, _, _ := strings.Cut(pointer, "/")
	switch section {
	case "memory":
		return r.Memory != nil
	case "cpu":
		return r.CPU != nil
	case "pids":
		return r.Pids != nil
	case "blockIO":
		return r.BlockIO != nil
	case "hugepageLimits":
		return r.HugepageLimits != nil
	case "network":
		return r.Network != nil
	case "rdma":
		return r.Rdma != nil
	}
	return r.Unified != nil
}

// checkMemory implements memory.checkBeforeUpdate: on v2 the kernel obeys a
// limit below the current use by killing. (v1 refuses by itself.)
func (c *Cgroup) checkMemory(r *specs.LinuxResources) error {
	m := r.Memory
	if m == nil || !value(m.CheckBeforeUpdate) || c.mode != V2 {
		return nil
	}
	s, err := readFirst(c.dirs[0].path + "/memory.current")
	if err != nil {
		return &ResourceError{Pointer: resourcesPointer + "/memory/checkBeforeUpdate", Err: fmt.Errorf("cannot tell the current use: %w", err)}
	}
	usage, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return &ResourceError{Pointer: resourcesPointer + "/memory/checkBeforeUpdate", Err: err}
	}
	if v := value(m.Limit); v > 0 && v <= usage {
		return invalid("/memory/limit", "rejecting memory limit %d <= usage %d", v, usage)
	}
	if v := value(m.Swap); v > 0 && v <= usage {
		return invalid("/memory/swap", "rejecting memory+swap limit %d <= usage %d", v, usage)
	}
	return nil
}

// Merge returns base with everything that is set in change. Neither is
// modified. Zero numbers of properties for which zero means "not set" leave the
// base as it is, as engines send whole structures of zeros.
func Merge(base, change *specs.LinuxResources) *specs.LinuxResources {
	var out specs.LinuxResources
	if base != nil {
		out = *base
	}
	if change == nil {
		return &out
	}
	if change.Devices != nil {
		out.Devices = change.Devices
	}
	if c := change.Memory; c != nil {
		m := copyOf(out.Memory)
		keep(&m.Limit, c.Limit)
		keep(&m.Reservation, c.Reservation)
		keep(&m.Swap, c.Swap)
		keep(&m.Kernel, c.Kernel)
		keep(&m.KernelTCP, c.KernelTCP)
		keepZero(&m.Swappiness, c.Swappiness)
		keepZero(&m.DisableOOMKiller, c.DisableOOMKiller)
		keepZero(&m.UseHierarchy, c.UseHierarchy)
		keepZero(&m.CheckBeforeUpdate, c.CheckBeforeUpdate)
		out.Memory = m
	}
	if c := change.CPU; c != nil {
		m := copyOf(out.CPU)
		keep(&m.Shares, c.Shares)
		keep(&m.Quota, c.Quota)
		keepZero(&m.Burst, c.Burst)
		keep(&m.Period, c.Period)
		keep(&m.RealtimeRuntime, c.RealtimeRuntime)
		keep(&m.RealtimePeriod, c.RealtimePeriod)
		keepZero(&m.Idle, c.Idle)
		if c.Cpus != "" {
			m.Cpus = c.Cpus
		}
		if c.Mems != "" {
			m.Mems = c.Mems
		}
		out.CPU = m
	}
	if c := change.Pids; c != nil {
		m := copyOf(out.Pids)
		keepZero(&m.Limit, c.Limit)
		out.Pids = m
	}
	if c := change.BlockIO; c != nil {
		out.BlockIO = mergeBlockIO(out.BlockIO, c)
	}
	if change.HugepageLimits != nil {
		out.HugepageLimits = change.HugepageLimits
	}
	if c := change.Network; c != nil {
		m := copyOf(out.Network)
		keep(&m.ClassID, c.ClassID)
		if c.Priorities != nil {
			m.Priorities = c.Priorities
		}
		out.Network = m
	}
	out.Rdma = mergeMap(out.Rdma, change.Rdma)
	out.Unified = mergeMap(out.Unified, change.Unified)
	return &out
}

func mergeBlockIO(base, c *specs.LinuxBlockIO) *specs.LinuxBlockIO {
	m := copyOf(base)
	keep(&m.Weight, c.Weight)
	keep(&m.LeafWeight, c.LeafWeight)
	if c.WeightDevice != nil {
		m.WeightDevice = c.WeightDevice
	}
	if c.ThrottleReadBpsDevice != nil {
		m.ThrottleReadBpsDevice = c.ThrottleReadBpsDevice
	}
	if c.ThrottleWriteBpsDevice != nil {
		m.ThrottleWriteBpsDevice = c.ThrottleWriteBpsDevice
	}
	if c.ThrottleReadIOPSDevice != nil {
		m.ThrottleReadIOPSDevice = c.ThrottleReadIOPSDevice
	}
	if c.ThrottleWriteIOPSDevice != nil {
		m.ThrottleWriteIOPSDevice = c.ThrottleWriteIOPSDevice
	}
	return m
}

func copyOf[T any](p *T) *T {
	c := value(p)
	return &c
}

// keep takes v over if it is set and not zero.
func keep[T comparable](dst **T, v *T) {
	var zero T
	if v != nil && *v != zero {
		*dst = v
	}
}

// keepZero takes v over if it is set.
func keepZero[T any](dst **T, v *T) {
	if v != nil {
		*dst = v
	}
}

func mergeMap[K comparable, V any](base, change map[K]V) map[K]V {
	if len(change) == 0 {
		return base
	}
	m := make(map[K]V, len(base)+len(change))
	maps.Copy(m, base)
	maps.Copy(m, change)
	return m
}
