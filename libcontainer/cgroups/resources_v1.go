// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// settingsV1 translates to the files of cgroup v1.
func settingsV1(r *specs.LinuxResources) ([]setting, error) {
	for key := range r.Unified {
		return nil, invalid("/unified/"+escapePointer(key), "exists on cgroup v2 only, and this host has v1: use the other properties of %s", resourcesPointer)
	}
	var s []setting
	add := func(controller, file, value, pointer string) {
		s = append(s, setting{controller: controller, file: file, value: value, pointer: resourcesPointer + pointer})
	}
	if c := r.CPU; c != nil {
		if c.Cpus != "" {
			add("cpuset", "cpuset.cpus", c.Cpus, "/cpu/cpus")
		}
		if c.Mems != "" {
			add("cpuset", "cpuset.mems", c.Mems, "/cpu/mems")
		}
	}
	s = append(s, memoryV1(r.Memory)...)
	cpu, err := cpuV1(r.CPU)
	if err != nil {
		return nil, err
	}
	s = append(s, cpu...)
	if r.Pids != nil && r.Pids.Limit != nil {
		add("pids", "pids.max", pidsMax(*r.Pids.Limit), "/pids/limit")
	}
	s = append(s, blkioV1(r.BlockIO)...)
	for i, h := range r.HugepageLimits {
		p := "/hugepageLimits/" + strconv.Itoa(i)
		v := strconv.FormatUint(h.Limit, 10)
		add("hugetlb", "hugetlb."+h.Pagesize+".limit_in_bytes", v, p)
		add("hugetlb", "hugetlb."+h.Pagesize+".rsvd.limit_in_bytes", v, p)
		s[len(s)-1].optional = true
	}
	if n := r.Network; n != nil {
		if v := value(n.ClassID); v != 0 {
			add("net_cls", "net_cls.classid", strconv.FormatUint(uint64(v), 10), "/network/classID")
		}
		for i, p := range n.Priorities {
			add("net_prio", "net_prio.ifpriomap", p.Name+" "+strconv.FormatUint(uint64(p.Priority), 10), "/network/priorities/"+strconv.Itoa(i))
		}
	}
	return append(s, rdma(r.Rdma)...), nil
}

func memoryV1(m *specs.LinuxMemory) []setting {
	if m == nil {
		return nil
	}
	var s []setting
	add := func(file, value, pointer string) *setting {
		s = append(s, setting{controller: "memory", file: file, value: value, pointer: resourcesPointer + pointer})
		return &s[len(s)-1]
	}
	// The kernel insists on limit <= memory+swap at every moment. Whichever of
	// the two is in the way is written second.
	limit, swap := value(m.Limit), value(m.Swap)
	if limit != 0 {
		e := add("memory.limit_in_bytes", strconv.FormatInt(limit, 10), "/memory/limit")
		e.retry = swap != 0 || limit == -1
	}
	switch {
	case swap != 0:
		e := add("memory.memsw.limit_in_bytes", strconv.FormatInt(swap, 10), "/memory/swap")
		e.retry = true
		e.optional = swap == -1 // no swap accounting: nothing to lift
	case limit == -1:
		add("memory.memsw.limit_in_bytes", "-1", "/memory/swap").optional = true
	}
	if v := value(m.Reservation); v != 0 {
		add("memory.soft_limit_in_bytes", strconv.FormatInt(v, 10), "/memory/reservation")
	}
	if v := value(m.KernelTCP); v != 0 {
		add("memory.kmem.tcp.limit_in_bytes", strconv.FormatInt(v, 10), "/memory/kernelTCP").optional = v == -1
	}
	if value(m.DisableOOMKiller) {
		add("memory.oom_control", "1", "/memory/disableOOMKiller")
	}
	if m.Swappiness != nil {
		add("memory.swappiness", strconv.FormatUint(*m.Swappiness, 10), "/memory/swappiness")
	}
	return s
}

func cpuV1(c *specs.LinuxCPU) ([]setting, error) {
	if c == nil {
		return nil, nil
	}
	var s []setting
	add := func(file, value, pointer string, retry bool) {
		s = append(s, setting{controller: "cpu", file: file, value: value, pointer: resourcesPointer + pointer, retry: retry})
	}
	// Real-time time must be there before a real-time process enters.
	rtPeriod, rtRuntime := value(c.RealtimePeriod), value(c.RealtimeRuntime)
	if rtPeriod != 0 {
		add("cpu.rt_period_us", strconv.FormatUint(rtPeriod, 10), "/cpu/realtimePeriod", rtRuntime != 0)
	}
	if rtRuntime != 0 {
		add("cpu.rt_runtime_us", strconv.FormatInt(rtRuntime, 10), "/cpu/realtimeRuntime", false)
	}
	if v := value(c.Shares); v != 0 {
		if v < 2 || v > 262144 {
			// The kernel would silently use the nearest value.
			return nil, invalid("/cpu/shares", "%d: must be 2 to 262144", v)
		}
		add("cpu.shares", strconv.FormatUint(v, 10), "/cpu/shares", false)
	}
	// Period, burst and quota limit one another: what is refused at first is
	// written again when the others have their new values.
	quota := value(c.Quota)
	if v := value(c.Period); v != 0 {
		add("cpu.cfs_period_us", strconv.FormatUint(v, 10), "/cpu/period", quota != 0)
	}
	if c.Burst != nil {
		add("cpu.cfs_burst_us", strconv.FormatUint(*c.Burst, 10), "/cpu/burst", quota != 0)
	}
	if quota != 0 {
		if quota < 0 {
			quota = -1
		}
		add("cpu.cfs_quota_us", strconv.FormatInt(quota, 10), "/cpu/quota", false)
	}
	if c.Idle != nil {
		add("cpu.idle", strconv.FormatInt(*c.Idle, 10), "/cpu/idle", false)
	}
	return s, nil
}

func blkioV1(b *specs.LinuxBlockIO) []setting {
	if b == nil {
		return nil
	}
	var s []setting
	add := func(file, alt, value, pointer string) {
		s = append(s, setting{controller: "blkio", file: file, value: value, alt: alt, altValue: value, pointer: resourcesPointer + "/blockIO/" + pointer})
	}
	if w := value(b.Weight); w != 0 {
		add("blkio.bfq.weight", "blkio.weight", strconv.FormatUint(uint64(w), 10), "weight")
	}
	for i, d := range b.WeightDevice {
		if w := value(d.Weight); w != 0 {
			add("blkio.bfq.weight_device", "blkio.weight_device", device(d.Major, d.Minor)+" "+strconv.FormatUint(uint64(w), 10), "weightDevice/"+strconv.Itoa(i))
		}
	}
	for name, list := range throttles(b) {
		for i, d := range list {
			add(throttleFileV1(name), "", device(d.Major, d.Minor)+" "+strconv.FormatUint(d.Rate, 10), name+"/"+strconv.Itoa(i))
		}
	}
	return s
}

func throttleFileV1(name string) string {
	switch name {
	case "throttleReadBpsDevice":
		return "blkio.throttle.read_bps_device"
	case "throttleWriteBpsDevice":
		return "blkio.throttle.write_bps_device"
	case "throttleReadIOPSDevice":
		return "blkio.throttle.read_iops_device"
	}
	return "blkio.throttle.write_iops_device"
}
