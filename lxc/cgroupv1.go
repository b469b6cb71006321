// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// v1Value turns a file of a v1 hierarchy into the resource that OCI has for it,
// so that the limit also holds on a host with only cgroup v2. A file OCI has no
// word for is written as it is, which needs kist and a v1 host.
func (t *translation) v1Value(s *setting, files *[]CgroupFile) error {
	known, err := t.typedV1(s)
	if err != nil {
		return refuse(s.Directive, "%s", err)
	}
	if known {
		if s.entry.Class == "" {
			s.entry.keep()
		}
		return nil
	}
	controller, _, _ := strings.Cut(s.rest, ".")
	if t.unified {
		s.entry.say(HostSide, "cgroup v2 has nothing in place of %s; write what you need as lxc.cgroup2.*", s.rest)
		return nil
	}
	*files = append(*files, CgroupFile{Controller: controller, File: s.rest, Value: s.Value})
	s.entry.say(Extension, "annotation: kist writes the file")
	return nil
}

// typedV1 sets the field for a file and reports whether there is one.
func (t *translation) typedV1(s *setting) (bool, error) {
	r := t.resources()
	controller, _, _ := strings.Cut(s.rest, ".")
	switch controller {
	case "memory":
		return t.typedMemory(s, r)
	case "cpu", "cpuset":
		return t.typedCPU(s, r)
	case "blkio":
		return typedBlockIO(s, r)
	case "pids":
		if s.rest != "pids.max" {
			return false, nil
		}
		limit := int64(-1)
		if s.Value != "max" {
			n, err := strconv.ParseInt(s.Value, 10, 64)
			if err != nil || n < 0 {
				return false, fmt.Errorf("%q: want a number or max", s.Value)
			}
			limit = n
		}
		r.Pids = &specs.LinuxPids{Limit: &limit}
		return true, nil
	case "hugetlb":
		page, ok := strings.CutSuffix(strings.TrimPrefix(s.rest, "hugetlb."), ".limit_in_bytes")
		if !ok {
			return false, nil
		}
		n, err := bytesValue(s.Value)
		if err != nil {
			return false, err
		}
		r.HugepageLimits = append(r.HugepageLimits, specs.LinuxHugepageLimit{Pagesize: page, Limit: uint64(n)})
		return true, nil
	case "net_cls", "net_prio":
		return typedNetwork(s, r)
	}
	return false, nil
}

func (t *translation) typedMemory(s *setting, r *specs.LinuxResources) (bool, error) {
	if r.Memory == nil {
		r.Memory = &specs.LinuxMemory{}
	}
	m := r.Memory
	var to **int64
	switch s.rest {
	case "memory.limit_in_bytes":
		to = &m.Limit
	case "memory.memsw.limit_in_bytes":
		to = &m.Swap
	case "memory.soft_limit_in_bytes":
		to = &m.Reservation
	case "memory.kmem.tcp.limit_in_bytes":
		to = &m.KernelTCP
	case "memory.swappiness":
		n, err := strconv.ParseUint(s.Value, 10, 64)
		if err != nil || n > 200 {
			return false, fmt.Errorf("%q: want a number from 0 to 200", s.Value)
		}
		m.Swappiness = &n
		t.v1Only(s)
		return true, nil
	case "memory.oom_control":
		off := s.Value == "1"
		if !off && s.Value != "0" {
			return false, fmt.Errorf("%q: want 0 or 1", s.Value)
		}
		m.DisableOOMKiller = &off
		t.v1Only(s)
		return true, nil
	default:
		return false, nil
	}
	n, err := bytesValue(s.Value)
	if err != nil {
		return false, err
	}
	*to = &n
	return true, nil
}

// v1Only reports a value that only exists on v1 hosts.
func (t *translation) v1Only(s *setting) {
	if t.unified {
		s.entry.say(Approximated, "linux.resources, but cgroup v2 of this host has no such file, so that it has no effect")
	}
}

func (t *translation) typedCPU(s *setting, r *specs.LinuxResources) (bool, error) {
	if r.CPU == nil {
		r.CPU = &specs.LinuxCPU{}
	}
	c := r.CPU
	var unsigned **uint64
	var signed **int64
	switch s.rest {
	case "cpuset.cpus":
		c.Cpus = s.Value
		return true, nil
	case "cpuset.mems":
		c.Mems = s.Value
		return true, nil
	case "cpu.shares":
		unsigned = &c.Shares
		if t.unified {
			s.entry.say(Approximated, "linux.resources: the runtime converts shares to cgroup v2's weight")
		}
	case "cpu.cfs_period_us":
		unsigned = &c.Period
	case "cpu.rt_period_us":
		unsigned = &c.RealtimePeriod
		t.v1Only(s)
	case "cpu.cfs_burst_us":
		unsigned = &c.Burst
	case "cpu.cfs_quota_us":
		signed = &c.Quota
	case "cpu.rt_runtime_us":
		signed = &c.RealtimeRuntime
		t.v1Only(s)
	default:
		return false, nil
	}
	if unsigned != nil {
		n, err := strconv.ParseUint(s.Value, 10, 64)
		if err != nil {
			return false, fmt.Errorf("%q: want a number", s.Value)
		}
		*unsigned = &n
		return true, nil
	}
	n, err := strconv.ParseInt(s.Value, 10, 64)
	if err != nil {
		return false, fmt.Errorf("%q: want a number", s.Value)
	}
	*signed = &n
	return true, nil
}

func typedBlockIO(s *setting, r *specs.LinuxResources) (bool, error) {
	if r.BlockIO == nil {
		r.BlockIO = &specs.LinuxBlockIO{}
	}
	b := r.BlockIO
	var devices *[]specs.LinuxThrottleDevice
	switch strings.Replace(s.rest, "blkio.bfq.", "blkio.", 1) {
	case "blkio.weight", "blkio.leaf_weight":
		n, err := strconv.ParseUint(s.Value, 10, 16)
		if err != nil {
			return false, fmt.Errorf("%q: want a weight", s.Value)
		}
		w := uint16(n)
		if strings.HasSuffix(s.rest, "leaf_weight") {
			b.LeafWeight = &w
		} else {
			b.Weight = &w
		}
		return true, nil
	case "blkio.weight_device":
		major, minor, n, err := deviceValue(s.Value)
		if err != nil || n > math.MaxUint16 {
			return false, fmt.Errorf("%q: want MAJOR:MINOR WEIGHT", s.Value)
		}
		w := uint16(n)
		d := specs.LinuxWeightDevice{Weight: &w}
		d.Major, d.Minor = major, minor
		b.WeightDevice = append(b.WeightDevice, d)
		return true, nil
	case "blkio.throttle.read_bps_device":
		devices = &b.ThrottleReadBpsDevice
	case "blkio.throttle.write_bps_device":
		devices = &b.ThrottleWriteBpsDevice
	case "blkio.throttle.read_iops_device":
		devices = &b.ThrottleReadIOPSDevice
	case "blkio.throttle.write_iops_device":
		devices = &b.ThrottleWriteIOPSDevice
	default:
		return false, nil
	}
	major, minor, n, err := deviceValue(s.Value)
	if err != nil {
		return false, err
	}
	d := specs.LinuxThrottleDevice{Rate: n}
	d.Major, d.Minor = major, minor
	*devices = append(*devices, d)
	return true, nil
}

func typedNetwork(s *setting, r *specs.LinuxResources) (bool, error) {
	if r.Network == nil {
		r.Network = &specs.LinuxNetwork{}
	}
	switch s.rest {
	case "net_cls.classid":
		n, err := strconv.ParseUint(s.Value, 0, 32)
		if err != nil {
			return false, fmt.Errorf("%q: want a class such as 0x100001", s.Value)
		}
		id := uint32(n)
		r.Network.ClassID = &id
		return true, nil
	case "net_prio.ifpriomap":
		name, prio, _ := strings.Cut(s.Value, " ")
		n, err := strconv.ParseUint(strings.TrimSpace(prio), 10, 32)
		if err != nil || name == "" {
			return false, fmt.Errorf("%q: want INTERFACE PRIORITY", s.Value)
		}
		r.Network.Priorities = append(r.Network.Priorities, specs.LinuxInterfacePriority{Name: name, Priority: uint32(n)})
		return true, nil
	}
	return false, nil
}

// deviceValue reads "8:0 1048576".
func deviceValue(s string) (major, minor int64, n uint64, err error) {
	bad := fmt.Errorf("%q: want MAJOR:MINOR VALUE", s)
	f := strings.Fields(s)
	if len(f) != 2 {
		return 0, 0, 0, bad
	}
	a, b, ok := strings.Cut(f[0], ":")
	ma, err1 := strconv.ParseUint(a, 10, 32)
	mi, err2 := strconv.ParseUint(b, 10, 32)
	n, err3 := strconv.ParseUint(f[1], 10, 64)
	if !ok || err1 != nil || err2 != nil || err3 != nil {
		return 0, 0, 0, bad
	}
	return int64(ma), int64(mi), n, nil
}

// bytesValue reads what the kernel's memparse does: a number with an optional
// binary suffix, or -1 for no limit.
func bytesValue(s string) (int64, error) {
	bad := fmt.Errorf("%q: want bytes with an optional suffix K, M, G or T, or -1", s)
	if s == "-1" {
		return -1, nil
	}
	digits := strings.TrimRight(s, "kKmMgGtT")
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || len(s)-len(digits) > 1 {
		return 0, bad
	}
	shift := 0
	if len(s) > len(digits) {
		shift = 10 * (1 + strings.IndexByte("kmgt", s[len(digits)]|0x20))
	}
	if n > math.MaxInt64>>shift {
		return 0, bad
	}
	return int64(n << shift), nil
}
