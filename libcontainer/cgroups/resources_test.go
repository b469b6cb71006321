// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	oracle "github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// written formats settings as "file=value", with the marks ? (optional),
// ~ (retry) and |alt.
func written(list []setting) []string {
	var out []string
	for _, s := range list {
		line := s.file + "=" + s.value
		if s.optional {
			line += "?"
		}
		if s.retry {
			line += "~"
		}
		if s.alt != "" {
			line += "|" + s.alt + "=" + s.altValue
		}
		out = append(out, line)
	}
	return out
}

func TestSettings(t *testing.T) {
	dev := func(major, minor int64, rate uint64) specs.LinuxThrottleDevice {
		d := specs.LinuxThrottleDevice{Rate: rate}
		d.Major, d.Minor = major, minor
		return d
	}
	weightDev := specs.LinuxWeightDevice{Weight: ptr(uint16(100))}
	weightDev.Major = 8
	for _, tc := range []struct {
		name   string
		r      specs.LinuxResources
		v1, v2 []string
	}{
		{"nothing", specs.LinuxResources{}, nil, nil},
		{
			"zeros that engines send", specs.LinuxResources{
				Memory:  &specs.LinuxMemory{Limit: ptr(int64(0)), Swap: ptr(int64(0)), Kernel: ptr(int64(0)), KernelTCP: ptr(int64(0)), DisableOOMKiller: ptr(false), UseHierarchy: ptr(false)},
				CPU:     &specs.LinuxCPU{Shares: ptr(uint64(0)), Quota: ptr(int64(0)), Period: ptr(uint64(0)), RealtimePeriod: ptr(uint64(0)), RealtimeRuntime: ptr(int64(0))},
				BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(0)), LeafWeight: ptr(uint16(0))},
				Network: &specs.LinuxNetwork{ClassID: ptr(uint32(0))},
			}, nil, nil,
		},
		{"pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(5))}}, []string{"pids.max=5"}, []string{"pids.max=5"}},
		{"pids none", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}, []string{"pids.max=max"}, []string{"pids.max=max"}},
		{"pids zero", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}}, []string{"pids.max=1"}, []string{"pids.max=1"}},
		{
			"memory", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Reservation: ptr(int64(50))}},
			[]string{"memory.limit_in_bytes=100", "memory.soft_limit_in_bytes=50"},
			[]string{"memory.max=100", "memory.low=50"},
		},
		{
			"swap", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(150))}},
			[]string{"memory.limit_in_bytes=100~", "memory.memsw.limit_in_bytes=150~"},
			[]string{"memory.swap.max=50", "memory.max=100"},
		},
		{
			"no swap", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(100))}},
			[]string{"memory.limit_in_bytes=100~", "memory.memsw.limit_in_bytes=100~"},
			[]string{"memory.swap.max=0?", "memory.max=100"},
		},
		{
			"unlimited swap", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(-1))}},
			[]string{"memory.limit_in_bytes=100~", "memory.memsw.limit_in_bytes=-1?~"},
			[]string{"memory.swap.max=max?", "memory.max=100"},
		},
		{
			"unlimited memory", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-1))}},
			[]string{"memory.limit_in_bytes=-1~", "memory.memsw.limit_in_bytes=-1?"},
			[]string{"memory.swap.max=max?", "memory.max=max"},
		},
		{
			"cpu", specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(1024)), Quota: ptr(int64(50000)), Period: ptr(uint64(200000)), Burst: ptr(uint64(7)), Cpus: "0-1", Mems: "0", Idle: ptr(int64(0))}},
			[]string{"cpuset.cpus=0-1", "cpuset.mems=0", "cpu.shares=1024", "cpu.cfs_period_us=200000~", "cpu.cfs_burst_us=7~", "cpu.cfs_quota_us=50000", "cpu.idle=0"},
			[]string{"cpu.idle=0", "cpu.weight=100", "cpu.max.burst=7~", "cpu.max=50000 200000", "cpuset.cpus=0-1", "cpuset.mems=0"},
		},
		{
			"cpu without quota", specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(-1)), Period: ptr(uint64(50000))}},
			[]string{"cpu.cfs_period_us=50000~", "cpu.cfs_quota_us=-1"}, []string{"cpu.max=max 50000"},
		},
		{
			"blkio", specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
				Weight: ptr(uint16(10)), WeightDevice: []specs.LinuxWeightDevice{weightDev},
				ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{dev(8, 0, 5)}, ThrottleWriteBpsDevice: []specs.LinuxThrottleDevice{dev(8, 16, 0)},
				ThrottleReadIOPSDevice: []specs.LinuxThrottleDevice{dev(8, 0, 6)}, ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{dev(8, 0, 7)},
			}},
			[]string{
				"blkio.bfq.weight=10|blkio.weight=10", "blkio.bfq.weight_device=8:0 100|blkio.weight_device=8:0 100",
				"blkio.throttle.read_bps_device=8:0 5", "blkio.throttle.write_bps_device=8:16 0",
				"blkio.throttle.read_iops_device=8:0 6", "blkio.throttle.write_iops_device=8:0 7",
			},
			[]string{
				"io.bfq.weight=10|io.weight=default 1", "io.bfq.weight=8:0 100|io.weight=8:0 910",
				"io.max=8:0 rbps=5", "io.max=8:16 wbps=max", "io.max=8:0 riops=6", "io.max=8:0 wiops=7",
			},
		},
		{
			"hugetlb and rdma", specs.LinuxResources{
				HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 9}},
				Rdma:           map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: ptr(uint32(3)), HcaObjects: ptr(uint32(10000))}, "a": {HcaObjects: ptr(uint32(1))}, "none": {}},
			},
			[]string{"hugetlb.2MB.limit_in_bytes=9", "hugetlb.2MB.rsvd.limit_in_bytes=9?", "rdma.max=a hca_object=1", "rdma.max=mlx5_1 hca_handle=3 hca_object=10000"},
			[]string{"hugetlb.2MB.max=9", "hugetlb.2MB.rsvd.max=9?", "rdma.max=a hca_object=1", "rdma.max=mlx5_1 hca_handle=3 hca_object=10000"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for v2, want := range map[bool][]string{false: tc.v1, true: tc.v2} {
				got, err := settings(&tc.r, v2)
				if err != nil {
					t.Fatalf("v2=%v: %v", v2, err)
				}
				if d := cmp.Diff(want, written(got)); d != "" {
					t.Errorf("v2=%v: -want +got\n%s", v2, d)
				}
				for _, s := range got {
					if !strings.HasPrefix(s.pointer, resourcesPointer+"/") || s.controller == "" {
						t.Errorf("%s: pointer %q controller %q", s.file, s.pointer, s.controller)
					}
				}
			}
		})
	}
	v1only := specs.LinuxResources{
		Memory:  &specs.LinuxMemory{KernelTCP: ptr(int64(5)), DisableOOMKiller: ptr(true), Swappiness: ptr(uint64(60))},
		CPU:     &specs.LinuxCPU{RealtimePeriod: ptr(uint64(10)), RealtimeRuntime: ptr(int64(5))},
		Network: &specs.LinuxNetwork{ClassID: ptr(uint32(0x100001)), Priorities: []specs.LinuxInterfacePriority{{Name: "eth0", Priority: 3}}},
	}
	got, err := settings(&v1only, false)
	want := []string{
		"memory.kmem.tcp.limit_in_bytes=5", "memory.oom_control=1", "memory.swappiness=60",
		"cpu.rt_period_us=10~", "cpu.rt_runtime_us=5", "net_cls.classid=1048577", "net_prio.ifpriomap=eth0 3",
	}
	if d := cmp.Diff(want, written(got)); err != nil || d != "" {
		t.Errorf("v1: %v\n%s", err, d)
	}
	unified := specs.LinuxResources{Unified: map[string]string{"memory.high": "5", "io.max": "8:0 rbps=1\n8:16 rbps=2", "cgroup.max.depth": "3"}}
	got, err = settings(&unified, true)
	want = []string{"cgroup.max.depth=3", "io.max=8:0 rbps=1", "io.max=8:16 rbps=2", "memory.high=5"}
	if d := cmp.Diff(want, written(got)); err != nil || d != "" {
		t.Errorf("unified: %v\n%s", err, d)
	}
}

// TestSettingsRefused: the pointer says which property is wrong.
func TestSettingsRefused(t *testing.T) {
	both, v1, v2 := [...]bool{false, true}, [...]bool{false}, [...]bool{true}
	mem := func(m specs.LinuxMemory) specs.LinuxResources { return specs.LinuxResources{Memory: &m} }
	cpu := func(c specs.LinuxCPU) specs.LinuxResources { return specs.LinuxResources{CPU: &c} }
	uni := func(k, v string) specs.LinuxResources {
		return specs.LinuxResources{Unified: map[string]string{k: v}}
	}
	huge := func(s string) specs.LinuxResources {
		return specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: s}}}
	}
	for _, tc := range []struct {
		r       specs.LinuxResources
		modes   []bool
		pointer string
	}{
		{mem(specs.LinuxMemory{Limit: ptr(int64(-2))}), both[:], "/memory/limit"},
		{mem(specs.LinuxMemory{Swap: ptr(int64(5))}), both[:], "/memory/swap"},
		{mem(specs.LinuxMemory{Limit: ptr(int64(10)), Swap: ptr(int64(5))}), both[:], "/memory/swap"},
		{mem(specs.LinuxMemory{Kernel: ptr(int64(5))}), both[:], "/memory/kernel"},
		{mem(specs.LinuxMemory{Swappiness: ptr(uint64(101))}), both[:], "/memory/swappiness"},
		{mem(specs.LinuxMemory{Swappiness: ptr(uint64(60))}), v2[:], "/memory/swappiness"},
		{mem(specs.LinuxMemory{DisableOOMKiller: ptr(true)}), v2[:], "/memory/disableOOMKiller"},
		{mem(specs.LinuxMemory{KernelTCP: ptr(int64(1))}), v2[:], "/memory/kernelTCP"},
		{cpu(specs.LinuxCPU{RealtimeRuntime: ptr(int64(1))}), v2[:], "/cpu/realtimeRuntime"},
		{cpu(specs.LinuxCPU{RealtimePeriod: ptr(uint64(1))}), v2[:], "/cpu/realtimePeriod"},
		{cpu(specs.LinuxCPU{Shares: ptr(uint64(1))}), v1[:], "/cpu/shares"},
		{cpu(specs.LinuxCPU{Shares: ptr(uint64(262145))}), v1[:], "/cpu/shares"},
		{cpu(specs.LinuxCPU{Shares: ptr(uint64(5)), Idle: ptr(int64(1))}), both[:], "/cpu/shares"},
		{cpu(specs.LinuxCPU{Idle: ptr(int64(2))}), both[:], "/cpu/idle"},
		{cpu(specs.LinuxCPU{Cpus: "all"}), both[:], "/cpu/cpus"},
		{cpu(specs.LinuxCPU{Mems: "0\n1"}), both[:], "/cpu/mems"},
		{specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-2))}}, both[:], "/pids/limit"},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(9))}}, both[:], "/blockIO/weight"},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(1001))}}, both[:], "/blockIO/weight"},
		{specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{LeafWeight: ptr(uint16(10))}}, both[:], "/blockIO/leafWeight"},
		{specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: ptr(uint32(1))}}, v2[:], "/network/classID"},
		{specs.LinuxResources{Network: &specs.LinuxNetwork{Priorities: []specs.LinuxInterfacePriority{{Name: "a"}}}}, v2[:], "/network/priorities"},
		{specs.LinuxResources{Network: &specs.LinuxNetwork{Priorities: []specs.LinuxInterfacePriority{{Name: "../x"}}}}, both[:], "/network/priorities/0/name"},
		{specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"a b": {}}}, both[:], "/rdma/a b"},
		{specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"../a": {}}}, both[:], "/rdma/..~1a"},
		{huge("../x"), both[:], "/hugepageLimits/0/pageSize"},
		{huge(""), both[:], "/hugepageLimits/0/pageSize"},
		{huge("2M"), both[:], "/hugepageLimits/0/pageSize"},
		{huge("02MB"), both[:], "/hugepageLimits/0/pageSize"},
		{huge("a/bMB"), both[:], "/hugepageLimits/0/pageSize"},
		{huge(strings.Repeat("1", 300) + "MB"), both[:], "/hugepageLimits/0/pageSize"},
		{uni("memory.high", "1"), v1[:], "/unified/memory.high"},
		{uni("../x", "1"), both[:], "/unified/..~1x"},
		{uni("a/b.c", "1"), both[:], "/unified/a~1b.c"},
		{uni("memory", "1"), both[:], "/unified/memory"},
		{uni("", "1"), both[:], "/unified/"},
		{uni(".x", "1"), both[:], "/unified/.x"},
		{uni("memory.max\x00", "1"), both[:], "/unified/memory.max\x00"},
		{uni("cgroup.procs", "1"), both[:], "/unified/cgroup.procs"},
		{uni("cgroup.kill", "1"), both[:], "/unified/cgroup.kill"},
		{uni("x."+strings.Repeat("a", 300), "1"), both[:], "/unified/x." + strings.Repeat("a", 300)},
	} {
		for _, mode := range tc.modes {
			_, err := settings(&tc.r, mode)
			var e *ResourceError
			if !errors.As(err, &e) || e.Pointer != resourcesPointer+tc.pointer {
				t.Errorf("v2=%v %s: %v", mode, tc.pointer, err)
			}
		}
	}
}

// TestConversions against the library that the other runtimes in Go use.
func TestConversions(t *testing.T) {
	for shares := uint64(1); shares <= 300000; shares = shares*9/8 + 1 {
		if got, want := sharesToWeight(shares), oracle.ConvertCPUSharesToCgroupV2Value(shares); got != want {
			t.Errorf("sharesToWeight(%d) = %d, want %d", shares, got, want)
		}
	}
	for w := uint16(10); w <= 1000; w++ {
		if got, want := blkioToIOWeight(w), oracle.ConvertBlkIOToIOWeightValue(w); got != want {
			t.Errorf("blkioToIOWeight(%d) = %d, want %d", w, got, want)
		}
	}
	for _, size := range hugePageSizes() {
		if !validPageSize(size) {
			t.Errorf("the kernel's page size %q is refused", size)
		}
	}
}

// TestSettingsLikeLibrary writes the same resources with the library into a
// directory of plain files and compares.
func TestSettingsLikeLibrary(t *testing.T) {
	oracle.TestMode = true
	defer func() { oracle.TestMode = false }()
	numbers := []int64{0, -1, 1 << 20, 3 << 20}
	for _, limit := range numbers {
		for _, swap := range numbers {
			for _, quota := range []int64{0, -1, 5000} {
				r := specs.LinuxResources{
					Memory: &specs.LinuxMemory{Limit: &limit, Swap: &swap, Reservation: ptr(limit / 2)},
					CPU:    &specs.LinuxCPU{Quota: &quota, Period: ptr(uint64(max(quota, 0) * 3)), Shares: ptr(uint64(77)), Cpus: "0"},
					Pids:   &specs.LinuxPids{Limit: ptr(limit)},
				}
				theirs := &oracle.Resources{
					Memory: limit, MemorySwap: swap, MemoryReservation: limit / 2,
					CpuQuota: quota, CpuPeriod: uint64(max(quota, 0) * 3), CpuWeight: oracle.ConvertCPUSharesToCgroupV2Value(77), CpusetCpus: "0",
					PidsLimit: ptr(limit), SkipDevices: true,
				}
				dir := t.TempDir()
				mustWrite(t, "", dir, "cgroup.controllers")
				m, err := fs2.NewManager(&oracle.Cgroup{Resources: theirs}, dir)
				if err != nil {
					t.Fatal(err)
				}
				wantErr := m.Set(theirs)
				list, err := settings(&r, true)
				if (err != nil) != (wantErr != nil) {
					t.Errorf("limit %d swap %d: %v, library: %v", limit, swap, err, wantErr)
				}
				if err != nil {
					continue
				}
				got, want := map[string]string{}, map[string]string{}
				for _, s := range list {
					got[s.file] = s.value
				}
				entries, _ := os.ReadDir(dir)
				for _, e := range entries {
					if e.Name() != "cgroup.controllers" {
						want[e.Name()] = mustRead(t, filepath.Join(dir, e.Name()))
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("limit %d swap %d quota %d: -library +kist\n%s", limit, swap, quota, d)
				}
			}
		}
	}
}

func TestMerge(t *testing.T) {
	base := &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(200))},
		CPU:     &specs.LinuxCPU{Quota: ptr(int64(5)), Period: ptr(uint64(10)), Cpus: "0"},
		Pids:    &specs.LinuxPids{Limit: ptr(int64(3))},
		Unified: map[string]string{"memory.high": "1", "io.max": "x"},
	}
	saved := *base.Memory
	got := Merge(base, &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: ptr(int64(150)), Swap: ptr(int64(0))},
		CPU:     &specs.LinuxCPU{Period: ptr(uint64(20)), Mems: "0"},
		Pids:    &specs.LinuxPids{Limit: ptr(int64(0))},
		Unified: map[string]string{"memory.high": "2"},
		BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(50))},
	})
	want := &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: ptr(int64(150)), Swap: ptr(int64(200))},
		CPU:     &specs.LinuxCPU{Quota: ptr(int64(5)), Period: ptr(uint64(20)), Cpus: "0", Mems: "0"},
		Pids:    &specs.LinuxPids{Limit: ptr(int64(0))},
		Unified: map[string]string{"memory.high": "2", "io.max": "x"},
		BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(50))},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if d := cmp.Diff(&saved, base.Memory); d != "" {
		t.Errorf("the base was changed\n%s", d)
	}
	if d := cmp.Diff(&specs.LinuxResources{}, Merge(nil, nil)); d != "" {
		t.Error(d)
	}
}

func TestParseStat(t *testing.T) {
	for in, want := range map[string]string{"5": "5", "max": "18446744073709551615", "-1": "0", "-99999999999999999999999": "0", "x": "error", "": "error"} {
		n, err := parseStat(in)
		got := strconv.FormatUint(n, 10)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("parseStat(%q) = %s, want %s", in, got, want)
		}
	}
}
