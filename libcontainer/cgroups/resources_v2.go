// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// settingsV2 translates to the files of cgroup v2. The specification speaks the
// language of v1, so some values are converted and what has no counterpart is
// refused, unless it is the zero value that engines send for "not set".
func settingsV2(r *specs.LinuxResources) ([]setting, error) {
	if err := refuseV1Only(r); err != nil {
		return nil, err
	}
	var s []setting
	add := func(controller, file, value, pointer string) {
		s = append(s, setting{controller: controller, file: file, value: value, pointer: resourcesPointer + pointer})
	}
	if r.Pids != nil && r.Pids.Limit != nil {
		add("pids", "pids.max", pidsMax(*r.Pids.Limit), "/pids/limit")
	}
	s = append(s, memoryV2(r.Memory)...)
	s = append(s, ioV2(r.BlockIO)...)
	s = append(s, cpuV2(r.CPU)...)
	if c := r.CPU; c != nil {
		if c.Cpus != "" {
			add("cpuset", "cpuset.cpus", c.Cpus, "/cpu/cpus")
		}
		if c.Mems != "" {
			add("cpuset", "cpuset.mems", c.Mems, "/cpu/mems")
		}
	}
	for i, h := range r.HugepageLimits {
		p := "/hugepageLimits/" + strconv.Itoa(i)
		v := strconv.FormatUint(h.Limit, 10)
		add("hugetlb", "hugetlb."+h.Pagesize+".max", v, p)
		// Reservations are accounted apart, and would otherwise fail only at
		// page fault, with SIGBUS (runtime-spec: "default to reservation limits").
		add("hugetlb", "hugetlb."+h.Pagesize+".rsvd.max", v, p)
		s[len(s)-1].optional = true
	}
	s = append(s, rdma(r.Rdma)...)
	for _, key := range slices.Sorted(maps.Keys(r.Unified)) {
		controller, _, _ := strings.Cut(key, ".")
		// Files such as io.max take one line per write(2).
		for line := range strings.Lines(r.Unified[key]) {
			add(controller, key, strings.TrimSuffix(line, "\n"), "/unified/"+escapePointer(key))
		}
	}
	return s, nil
}

func refuseV1Only(r *specs.LinuxResources) error {
	const only = "%v: exists on cgroup v1 only, and this host has v2: remove it"
	if m := r.Memory; m != nil {
		switch {
		case value(m.KernelTCP) > 0:
			return invalid("/memory/kernelTCP", only, *m.KernelTCP)
		case value(m.Swappiness) != 0:
			return invalid("/memory/swappiness", only, *m.Swappiness)
		case value(m.DisableOOMKiller):
			return invalid("/memory/disableOOMKiller", only, true)
		}
	}
	if c := r.CPU; c != nil {
		switch {
		case value(c.RealtimeRuntime) != 0:
			return invalid("/cpu/realtimeRuntime", only, *c.RealtimeRuntime)
		case value(c.RealtimePeriod) != 0:
			return invalid("/cpu/realtimePeriod", only, *c.RealtimePeriod)
		}
	}
	if n := r.Network; n != nil {
		switch {
		case value(n.ClassID) != 0:
			return invalid("/network/classID", only, *n.ClassID)
		case len(n.Priorities) > 0:
			return invalid("/network/priorities", only, n.Priorities)
		}
	}
	return nil
}

func memoryV2(m *specs.LinuxMemory) []setting {
	if m == nil {
		return nil
	}
	var s []setting
	add := func(file, value, pointer string, optional bool) {
		s = append(s, setting{controller: "memory", file: file, value: value, pointer: resourcesPointer + pointer, optional: optional})
	}
	limit, swap := value(m.Limit), value(m.Swap)
	switch {
	case swap == -1 || swap == 0 && limit == -1:
		// Lifting the memory limit alone lifts both, as v1 always did.
		add("memory.swap.max", "max", "/memory/swap", true)
	case swap > 0 && limit == -1:
		add("memory.swap.max", strconv.FormatInt(swap, 10), "/memory/swap", false)
	case swap > 0:
		// The specification's value is memory and swap together. Without swap
		// accounting in the kernel there is no file, and none is needed for 0.
		only := swap - limit
		add("memory.swap.max", strconv.FormatInt(only, 10), "/memory/swap", only == 0)
	}
	if limit != 0 {
		add("memory.max", orMax(limit), "/memory/limit", false)
	}
	if v := value(m.Reservation); v != 0 {
		add("memory.low", orMax(v), "/memory/reservation", false)
	}
	return s
}

func cpuV2(c *specs.LinuxCPU) []setting {
	if c == nil {
		return nil
	}
	var s []setting
	add := func(file, value, pointer string, retry bool) {
		s = append(s, setting{controller: "cpu", file: file, value: value, pointer: resourcesPointer + pointer, retry: retry})
	}
	if c.Idle != nil {
		add("cpu.idle", strconv.FormatInt(*c.Idle, 10), "/cpu/idle", false)
	}
	if v := value(c.Shares); v != 0 {
		add("cpu.weight", strconv.FormatUint(sharesToWeight(v), 10), "/cpu/shares", false)
	}
	quota, period := value(c.Quota), value(c.Period)
	if c.Burst != nil {
		// The burst must not exceed the quota, neither the old nor the new one.
		add("cpu.max.burst", strconv.FormatUint(*c.Burst, 10), "/cpu/burst", quota != 0)
	}
	if quota != 0 || period != 0 {
		v := "max"
		if quota > 0 {
			v = strconv.FormatInt(quota, 10)
		}
		if period == 0 {
			period = 100000 // the kernel's default
		}
		p := "/cpu/quota"
		if quota == 0 {
			p = "/cpu/period"
		}
		add("cpu.max", v+" "+strconv.FormatUint(period, 10), p, false)
	}
	return s
}

func ioV2(b *specs.LinuxBlockIO) []setting {
	if b == nil {
		return nil
	}
	var s []setting
	if w := value(b.Weight); w != 0 {
		s = append(s, setting{
			controller: "io", pointer: resourcesPointer + "/blockIO/weight",
			file: "io.bfq.weight", value: strconv.FormatUint(uint64(w), 10),
			alt: "io.weight", altValue: "default " + strconv.FormatUint(blkioToIOWeight(w), 10),
		})
	}
	for i, d := range b.WeightDevice {
		if w := value(d.Weight); w != 0 {
			dev := device(d.Major, d.Minor)
			s = append(s, setting{
				controller: "io", pointer: resourcesPointer + "/blockIO/weightDevice/" + strconv.Itoa(i),
				file: "io.bfq.weight", value: dev + " " + strconv.FormatUint(uint64(w), 10),
				alt: "io.weight", altValue: dev + " " + strconv.FormatUint(blkioToIOWeight(w), 10),
			})
		}
	}
	for name, list := range throttles(b) {
		key := throttleKeyV2(name)
		for i, d := range list {
			v := "max" // v1 lifts a limit with 0, which v2 refuses
			if d.Rate != 0 {
				v = strconv.FormatUint(d.Rate, 10)
			}
			s = append(s, setting{
				controller: "io", pointer: resourcesPointer + "/blockIO/" + name + "/" + strconv.Itoa(i),
				file: "io.max", value: device(d.Major, d.Minor) + " " + key + "=" + v,
			})
		}
	}
	return s
}

func throttleKeyV2(name string) string {
	switch name {
	case "throttleReadBpsDevice":
		return "rbps"
	case "throttleWriteBpsDevice":
		return "wbps"
	case "throttleReadIOPSDevice":
		return "riops"
	}
	return "wiops"
}

// rdma is the same on v1 and v2.
func rdma(m map[string]specs.LinuxRdma) []setting {
	if len(m) == 0 {
		return nil
	}
	var s []setting
	for _, name := range slices.Sorted(maps.Keys(m)) {
		v := name
		if h := m[name].HcaHandles; h != nil {
			v += " hca_handle=" + strconv.FormatUint(uint64(*h), 10)
		}
		if o := m[name].HcaObjects; o != nil {
			v += " hca_object=" + strconv.FormatUint(uint64(*o), 10)
		}
		if v == name {
			continue // a device without a limit
		}
		s = append(s, setting{controller: "rdma", file: "rdma.max", value: v, pointer: resourcesPointer + "/rdma/" + escapePointer(name)})
	}
	return s
}

// pidsMax formats a pids limit. "0" (no process at all) would forbid even to be
// born into the cgroup; with one process inside, 1 forbids the same forks, and
// it is what the systemd driver has to use anyway.
func pidsMax(limit int64) string {
	if limit == 0 {
		limit = 1
	}
	return orMax(limit)
}

func orMax(v int64) string {
	if v < 0 {
		return "max"
	}
	return strconv.FormatInt(v, 10)
}

func device(major, minor int64) string {
	return strconv.FormatInt(major, 10) + ":" + strconv.FormatInt(minor, 10)
}

// sharesToWeight maps cpu.shares (2…262144, default 1024) to cpu.weight
// (1…10000, default 100). It is the quadratic curve in the logarithms through
// those three points that runc 1.3.2 and crun agreed on in 2025.
func sharesToWeight(shares uint64) uint64 {
	switch {
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

// blkioToIOWeight maps a v1 weight (10…1000) linearly to io.weight (1…10000).
func blkioToIOWeight(w uint16) uint64 {
	return 1 + (uint64(w)-10)*9999/990
}
