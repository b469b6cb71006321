// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ValidateResources checks the limits of a container's cgroup, from
// /linux/resources or from `kist update`. Pointers in errors begin at the
// resources. What only one version of cgroups has is not refused here: which
// one the host has is not known.
//
// Where 0 is outside a range it means "not set": engines written in Go send
// it for limits that nobody asked for.
func ValidateResources(r *specs.LinuxResources) error {
	if err := validateDeviceRules(r.Devices); err != nil {
		return within(err, "devices")
	}
	if r.Memory != nil {
		if err := validateMemory(r.Memory); err != nil {
			return within(err, "memory")
		}
	}
	if r.CPU != nil {
		if err := validateCPU(r.CPU); err != nil {
			return within(err, "cpu")
		}
	}
	if r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit < -1 {
		return invalid("/pids/limit", "must be -1 for no limit or at least 0, found %d", *r.Pids.Limit)
	}
	if r.BlockIO != nil {
		if err := validateBlockIO(r.BlockIO); err != nil {
			return within(err, "blockIO")
		}
	}
	if err := validateHugepages(r.HugepageLimits); err != nil {
		return within(err, "hugepageLimits")
	}
	if r.Network != nil {
		for i, p := range r.Network.Priorities {
			if !validInterface(p.Name) {
				return invalid(at("network", "priorities", i, "name"), "not a network device's name: %s", quoted(p.Name))
			}
		}
	}
	for _, device := range slices.Sorted(maps.Keys(r.Rdma)) {
		limit := r.Rdma[device]
		if device == "" || strings.ContainsAny(device, " \t\n/") || hasControl(device) {
			return invalid(at("rdma", device), "not a device's name")
		}
		if limit.HcaHandles == nil && limit.HcaObjects == nil {
			return invalid(at("rdma", device), "hcaHandles or hcaObjects is required")
		}
	}
	if err := validateUnified(r.Unified); err != nil {
		return within(err, "unified")
	}
	return nil
}

func validateMemory(m *specs.LinuxMemory) error {
	for _, l := range [...]struct {
		name  string
		value *int64
	}{{"limit", m.Limit}, {"reservation", m.Reservation}, {"swap", m.Swap}, {"kernel", m.Kernel}, {"kernelTCP", m.KernelTCP}} {
		if l.value != nil && *l.value < -1 {
			return invalid(at(l.name), "must be -1 for no limit or a number of bytes, found %d", *l.value)
		}
	}
	// swap is the sum of memory and swap space.
	if m.Limit != nil && m.Swap != nil && *m.Swap > 0 {
		switch {
		case *m.Limit == -1:
			return invalid("/swap", "must be -1 if the memory limit is -1, found %d", *m.Swap)
		case *m.Limit > *m.Swap:
			return invalid("/swap", "limits memory and swap together and must be at least the memory limit %d, found %d", *m.Limit, *m.Swap)
		}
	}
	if m.Swappiness != nil && *m.Swappiness > 100 {
		return invalid("/swappiness", "must be from 0 to 100, found %d", *m.Swappiness)
	}
	return nil
}

func validateCPU(c *specs.LinuxCPU) error {
	// The kernel's limits in microseconds.
	const minimum, maximum = 1000, 1000000
	switch {
	case c.Shares != nil && *c.Shares != 0 && (*c.Shares < 2 || *c.Shares > 262144):
		return invalid("/shares", "must be from 2 to 262144, found %d", *c.Shares)
	case c.Quota != nil && *c.Quota != 0 && *c.Quota != -1 && *c.Quota < minimum:
		return invalid("/quota", "must be -1 for no limit or at least %d microseconds, found %d", minimum, *c.Quota)
	case c.Period != nil && *c.Period != 0 && (*c.Period < minimum || *c.Period > maximum):
		return invalid("/period", "must be from %d to %d microseconds, found %d", minimum, maximum, *c.Period)
	case c.Burst != nil && c.Quota != nil && *c.Quota > 0 && *c.Burst > uint64(*c.Quota):
		return invalid("/burst", "must not be longer than the quota of %d microseconds, found %d", *c.Quota, *c.Burst)
	case c.RealtimeRuntime != nil && *c.RealtimeRuntime < -1:
		return invalid("/realtimeRuntime", "must be -1 for no limit or at least 0 microseconds, found %d", *c.RealtimeRuntime)
	case c.RealtimeRuntime != nil && c.RealtimePeriod != nil && *c.RealtimePeriod != 0 && *c.RealtimeRuntime > 0 &&
		uint64(*c.RealtimeRuntime) > *c.RealtimePeriod:
		return invalid("/realtimeRuntime", "must not be longer than the period of %d microseconds, found %d", *c.RealtimePeriod, *c.RealtimeRuntime)
	case c.Idle != nil && *c.Idle != 0 && *c.Idle != 1:
		return invalid("/idle", "must be 0 or 1, found %d", *c.Idle)
	}
	if c.Cpus != "" {
		if err := validateList(c.Cpus, MaxCPUs); err != nil {
			return within(err, "cpus")
		}
	}
	if c.Mems != "" {
		if err := validateList(c.Mems, MaxNodes); err != nil {
			return within(err, "mems")
		}
	}
	return nil
}

func validateBlockIO(b *specs.LinuxBlockIO) error {
	weight := func(w *uint16) bool { return w == nil || *w == 0 || *w >= 10 && *w <= 1000 }
	const rule = "must be from 10 to 1000, found %d"
	if !weight(b.Weight) {
		return invalid("/weight", rule, *b.Weight)
	}
	if !weight(b.LeafWeight) {
		return invalid("/leafWeight", rule, *b.LeafWeight)
	}
	for i, d := range b.WeightDevice {
		if err := validateBlockDevice(&d.LinuxBlockIODevice); err != nil {
			return within(err, "weightDevice", i)
		}
		switch {
		case d.Weight == nil && d.LeafWeight == nil:
			return invalid(at("weightDevice", i), "weight or leafWeight is required")
		case !weight(d.Weight):
			return invalid(at("weightDevice", i, "weight"), rule, *d.Weight)
		case !weight(d.LeafWeight):
			return invalid(at("weightDevice", i, "leafWeight"), rule, *d.LeafWeight)
		}
	}
	for _, t := range [...]struct {
		name string
		list []specs.LinuxThrottleDevice
	}{
		{"throttleReadBpsDevice", b.ThrottleReadBpsDevice}, {"throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", b.ThrottleReadIOPSDevice}, {"throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i, d := range t.list {
			if err := validateBlockDevice(&d.LinuxBlockIODevice); err != nil {
				return within(err, t.name, i)
			}
		}
	}
	return nil
}

func validateBlockDevice(d *specs.LinuxBlockIODevice) error {
	if d.Major < 0 || d.Major > maxMajor {
		return invalid("/major", "must be from 0 to %d, found %d", maxMajor, d.Major)
	}
	if d.Minor < 0 || d.Minor > maxMinor {
		return invalid("/minor", "must be from 0 to %d, found %d", maxMinor, d.Minor)
	}
	return nil
}

// validateHugepages checks sizes as the kernel spells them in file names: a
// power of two below 1024 and KB, MB or GB.
func validateHugepages(list []specs.LinuxHugepageLimit) error {
	for i, l := range list {
		size := l.Pagesize
		good := len(size) > 2 && size[len(size)-1] == 'B' && strings.IndexByte("KMG", size[len(size)-2]) >= 0
		if good {
			n, err := strconv.ParseUint(size[:len(size)-2], 10, 16)
			good = err == nil && bits.OnesCount64(n) == 1 && n < 1024 && size[0] != '0'
		}
		if !good {
			return invalid(at(i, "pageSize"), "must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found %s", quoted(size))
		}
		if slices.ContainsFunc(list[:i], func(o specs.LinuxHugepageLimit) bool { return o.Pagesize == size }) {
			return invalid(at(i, "pageSize"), "duplicate limit for %s", size)
		}
	}
	return nil
}

// validateUnified checks /unified: names of files in the container's cgroup
// and what to write there. Files that move or kill processes, or change the
// cgroup's place in the hierarchy, are not resources.
func validateUnified(unified map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(unified)) {
		good := strings.Contains(name, ".") && !strings.Contains(name, "..") && name[0] != '.'
		for i := 0; good && i < len(name); i++ {
			c := name[i]
			good = alphanumeric(c) || c == '_' || c == '.' || c == '-'
		}
		if !good {
			return invalid(at(name), "not the name of a cgroup file (CONTROLLER.NAME)")
		}
		switch name {
		case "cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze", "cgroup.type", "cgroup.subtree_control":
			return invalid(at(name), "does not set a resource")
		}
	}
	return nil
}
