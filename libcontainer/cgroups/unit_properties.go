// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/cgroups/systemd"
)

// Versions of systemd that brought a property.
const (
	sinceQuotaPeriod = 242
	sinceAllowedCPUs = 244
	sinceCPUIdle     = 252
)

// infinity is how systemd says "no limit".
const infinity = math.MaxUint64

// unitProperties translates resources to properties of a scope or slice. What
// has no property, or none in this version of systemd, is left out here: it is
// written to the cgroup's files in any case.
func unitProperties(r *specs.LinuxResources, v2 bool, version int) ([]systemd.Property, error) {
	var props []systemd.Property
	add := func(name string, v systemd.Variant) {
		props = append(props, systemd.Property{Name: name, Value: v})
	}
	if m := r.Memory; m != nil {
		limit, swap, low := value(m.Limit), value(m.Swap), value(m.Reservation)
		if limit != 0 {
			name := "MemoryMax"
			if !v2 {
				name = "MemoryLimit"
			}
			add(name, systemd.Uint64(uint64(limit))) // -1 is infinity
		}
		if v2 {
			if low != 0 {
				add("MemoryLow", systemd.Uint64(uint64(low)))
			}
			switch {
			case swap == -1 || swap == 0 && limit == -1:
				add("MemorySwapMax", systemd.Uint64(infinity))
			case swap > 0 && limit == -1:
				add("MemorySwapMax", systemd.Uint64(uint64(swap)))
			case swap > 0:
				add("MemorySwapMax", systemd.Uint64(uint64(swap-limit)))
			}
		}
	}
	if c := r.CPU; c != nil {
		if err := cpuProperties(c, v2, version, add); err != nil {
			return nil, err
		}
	}
	if p := r.Pids; p != nil && p.Limit != nil {
		switch n := *p.Limit; {
		case n < 0:
			add("TasksMax", systemd.Uint64(infinity))
		default:
			add("TasksMax", systemd.Uint64(uint64(max(n, 1)))) // systemd refuses 0
		}
	}
	if b := r.BlockIO; b != nil && value(b.Weight) != 0 {
		if v2 {
			add("IOWeight", systemd.Uint64(blkioToIOWeight(*b.Weight)))
		} else {
			add("BlockIOWeight", systemd.Uint64(uint64(*b.Weight)))
		}
	}
	if v2 {
		for _, key := range slices.Sorted(maps.Keys(r.Unified)) {
			if err := unifiedProperty(r.Unified, key, version, add); err != nil {
				return nil, invalid("/unified/"+escapePointer(key), "%w", err)
			}
		}
	}
	return props, nil
}

func cpuProperties(c *specs.LinuxCPU, v2 bool, version int, add func(string, systemd.Variant)) error {
	shares := value(c.Shares)
	switch {
	case !v2 && shares != 0:
		add("CPUShares", systemd.Uint64(shares))
	case v2 && value(c.Idle) == 1 && version >= sinceCPUIdle:
		add("CPUWeight", systemd.Uint64(0)) // means idle
	case v2 && shares != 0:
		add("CPUWeight", systemd.Uint64(sharesToWeight(shares)))
	}
	quotaProperties(value(c.Quota), value(c.Period), version, add)
	for _, l := range [...]struct{ list, name, pointer string }{
		{c.Cpus, "AllowedCPUs", "/cpu/cpus"},
		{c.Mems, "AllowedMemoryNodes", "/cpu/mems"},
	} {
		if l.list == "" || version < sinceAllowedCPUs {
			continue
		}
		b, err := listToBits(l.list)
		if err != nil {
			return invalid(l.pointer, "%w", err)
		}
		add(l.name, systemd.Bytes(b))
	}
	return nil
}

// quotaProperties: systemd keeps a quota as a share of one CPU in steps of 1 %
// (10 ms per second). It is rounded up, so that the exact value, which is
// written to the file afterwards, is never above systemd's.
func quotaProperties(quota int64, period uint64, version int, add func(string, systemd.Variant)) {
	if quota == 0 && period == 0 {
		return
	}
	if period != 0 && version >= sinceQuotaPeriod {
		add("CPUQuotaPeriodUSec", systemd.Uint64(period))
	}
	perSecond := uint64(infinity)
	if quota > 0 {
		if period == 0 {
			period = 100000
		}
		const step = 10000
		perSecond = uint64(math.Ceil(float64(quota)*1e6/float64(period)/step)) * step
	}
	add("CPUQuotaPerSecUSec", systemd.Uint64(perSecond))
}

// unifiedProperty translates those unified keys that have a property.
func unifiedProperty(all map[string]string, key string, version int, add func(string, systemd.Variant)) error {
	v := strings.TrimSpace(all[key])
	number := func() (uint64, error) {
		if v == "max" {
			return infinity, nil
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q: is not a number or max", v)
		}
		return n, nil
	}
	name := ""
	switch key {
	case "memory.high":
		name = "MemoryHigh"
	case "memory.low":
		name = "MemoryLow"
	case "memory.min":
		name = "MemoryMin"
	case "memory.max":
		name = "MemoryMax"
	case "memory.swap.max":
		name = "MemorySwapMax"
	case "pids.max":
		name = "TasksMax"
	case "cpu.weight":
		if strings.TrimSpace(all["cpu.idle"]) == "1" && version >= sinceCPUIdle {
			return fmt.Errorf("%q: the kernel gives an idle cgroup no weight: remove it or cpu.idle", v)
		}
		name = "CPUWeight"
	case "io.weight":
		// Of a device it stays in the file, which systemd writes for the default
		// only.
		if f := strings.Fields(v); len(f) == 2 && f[0] == "default" {
			v = f[1]
		} else if len(f) != 1 {
			return nil
		}
		name = "IOWeight"
	case "cpu.idle":
		if v == "1" && version >= sinceCPUIdle {
			add("CPUWeight", systemd.Uint64(0))
		}
		return nil
	case "cpu.max":
		return cpuMaxProperty(v, version, add)
	case "cpuset.cpus", "cpuset.mems":
		if version < sinceAllowedCPUs {
			return nil
		}
		b, err := listToBits(v)
		if err != nil {
			return err
		}
		name = "AllowedCPUs"
		if key == "cpuset.mems" {
			name = "AllowedMemoryNodes"
		}
		add(name, systemd.Bytes(b))
		return nil
	default:
		return nil
	}
	n, err := number()
	if err != nil {
		return err
	}
	if key == "pids.max" {
		n = max(n, 1)
	}
	add(name, systemd.Uint64(n))
	return nil
}

// cpuMaxProperty parses "QUOTA|max [PERIOD]".
func cpuMaxProperty(v string, version int, add func(string, systemd.Variant)) error {
	f := strings.Fields(v)
	if len(f) < 1 || len(f) > 2 {
		return fmt.Errorf("%q: must be \"QUOTA PERIOD\" or \"max PERIOD\"", v)
	}
	quota, period := int64(0), uint64(100000)
	var err error
	if f[0] != "max" {
		if quota, err = strconv.ParseInt(f[0], 10, 64); err != nil || quota <= 0 {
			return fmt.Errorf("%q: the quota is not a number", v)
		}
	}
	if len(f) == 2 {
		if period, err = strconv.ParseUint(f[1], 10, 64); err != nil || period == 0 {
			return fmt.Errorf("%q: the period is not a number", v)
		}
	}
	quotaProperties(quota, period, version, add)
	return nil
}

// listToBits turns "0-2,5" into a bit mask, lowest byte first.
func listToBits(list string) ([]byte, error) {
	const most = 1 << 16 // more CPUs than any kernel is built for
	var bits []byte
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		a, err1 := strconv.ParseUint(from, 10, 32)
		b, err2 := strconv.ParseUint(to, 10, 32)
		if err1 != nil || err2 != nil || a > b || b >= most {
			return nil, fmt.Errorf("%q: is not a list like 0-3,7", list)
		}
		for ; a <= b; a++ {
			for uint64(len(bits)) <= a/8 {
				bits = append(bits, 0)
			}
			bits[a/8] |= 1 << (a % 8)
		}
	}
	if len(bits) == 0 {
		return nil, fmt.Errorf("%q: is an empty list", list)
	}
	return bits, nil
}

// deviceProperties gives systemd a list that allows at least what the rules
// allow: its own filter is applied in addition to the exact one.
func deviceProperties(rules []deviceRule) []systemd.Property {
	set, err := reduce(rules)
	if err != nil || set.allow {
		// A list of exceptions cannot say it; "auto" without a list is no filter.
		return []systemd.Property{
			{Name: "DeviceAllow", Value: systemd.Pairs(nil)},
			{Name: "DevicePolicy", Value: systemd.String("auto")},
		}
	}
	var list [][2]string
	for _, k := range set.order {
		access := set.perms[k]
		if access == 0 {
			continue
		}
		line := deviceLine(k, access)
		node := deviceNode(k)
		if node == "" {
			// No name for it: every device of the kind, rather than none.
			node = groupName(k.kind, "*")
		}
		list = append(list, [2]string{node, line[strings.LastIndexByte(line, ' ')+1:]})
	}
	// The empty list first takes back what was allowed before.
	return []systemd.Property{
		{Name: "DevicePolicy", Value: systemd.String("strict")},
		{Name: "DeviceAllow", Value: systemd.Pairs(nil)},
		{Name: "DeviceAllow", Value: systemd.Pairs(list)},
	}
}

// deviceNode names devices the way DeviceAllow wants them: a node, or a group
// of /proc/devices.
func deviceNode(k deviceKey) string {
	switch {
	case k.major == anyNumber && k.minor == anyNumber:
		return groupName(k.kind, "*")
	case k.major == anyNumber:
		return ""
	case k.minor == anyNumber:
		if g := deviceGroup(k.kind, k.major); g != "" {
			return groupName(k.kind, g)
		}
		return ""
	}
	dir := "/dev/char/"
	if k.kind == 'b' {
		dir = "/dev/block/"
	}
	return dir + device(k.major, k.minor)
}

func groupName(kind byte, group string) string {
	if kind == 'b' {
		return "block-" + group
	}
	return "char-" + group
}

// deviceGroup looks a major number up in /proc/devices.
func deviceGroup(kind byte, major int64) string {
	data, err := readFile("/proc/devices")
	if err != nil {
		return ""
	}
	section := byte(0)
	for line := range strings.Lines(data) {
		switch line = strings.TrimSpace(line); line {
		case "Character devices:":
			section = 'c'
			continue
		case "Block devices:":
			section = 'b'
			continue
		}
		n, name, ok := strings.Cut(line, " ")
		if ok && section == kind && n == strconv.FormatInt(major, 10) {
			return name
		}
	}
	return ""
}
