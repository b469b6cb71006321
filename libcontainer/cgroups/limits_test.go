// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	oracle "github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fs2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestSetV1 writes limits to the kernel and reads them back, in both directions
// where files depend on one another.
func TestSetV1(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		if Detect() == V2 {
			t.Skip("v1 only")
		}
		const mb = 1 << 20
		c := create(t, Config{Resources: &specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: ptr(int64(64 * mb)), Reservation: ptr(int64(32 * mb)), Swappiness: ptr(uint64(10))},
			CPU:    &specs.LinuxCPU{Shares: ptr(uint64(512)), Quota: ptr(int64(20000)), Period: ptr(uint64(50000)), Cpus: "0", Mems: "0"},
			Pids:   &specs.LinuxPids{Limit: ptr(int64(50))},
		}})
		if err := c.Set(); err != nil {
			t.Fatal(err)
		}
		check := func(want map[string]string) {
			t.Helper()
			for file, v := range want {
				controller, _, _ := strings.Cut(file, ".")
				if got := mustRead(t, c.Path(controller), file); got != v {
					t.Errorf("%s is %q, want %q", file, got, v)
				}
			}
		}
		check(map[string]string{
			"memory.limit_in_bytes": "67108864", "memory.soft_limit_in_bytes": "33554432", "memory.swappiness": "10",
			"cpu.shares": "512", "cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "50000", "cpuset.cpus": "0", "cpuset.mems": "0", "pids.max": "50",
		})
		for _, step := range []struct {
			r    specs.LinuxResources
			want map[string]string
		}{
			{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(500000)), Period: ptr(uint64(1000000))}}, map[string]string{"cpu.cfs_quota_us": "500000", "cpu.cfs_period_us": "1000000", "cpu.shares": "512"}},
			{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(2000)), Period: ptr(uint64(5000))}}, map[string]string{"cpu.cfs_quota_us": "2000", "cpu.cfs_period_us": "5000"}},
			{specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(-1))}}, map[string]string{"cpu.cfs_quota_us": "-1"}},
			{specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}, map[string]string{"pids.max": "max"}},
			{specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(32 * mb))}}, map[string]string{"memory.limit_in_bytes": "33554432"}},
			{specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-1))}}, map[string]string{"memory.limit_in_bytes": "9223372036854771712"}},
		} {
			merged, err := c.Update(&step.r)
			if err != nil {
				t.Error(err)
				continue
			}
			check(step.want)
			if merged.Pids == nil || merged.CPU.Cpus != "0" {
				t.Errorf("merged resources have lost something: %+v", merged)
			}
		}
		if !exists(c.Path("memory") + "/memory.memsw.limit_in_bytes") {
			return
		}
		// Up and down together: neither order of writing works for both.
		for _, n := range []int64{16, 64, 8, 128} {
			_, err := c.Update(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(n * mb), Swap: ptr(2 * n * mb)}})
			if err != nil {
				t.Errorf("%d MB: %v", n, err)
			}
			check(map[string]string{"memory.limit_in_bytes": itoa(int(n * mb)), "memory.memsw.limit_in_bytes": itoa(int(2 * n * mb))})
		}
	}, asHost)
}

// TestSetErrors: pointer, file, and what was done before.
func TestSetErrors(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{Resources: &specs.LinuxResources{}})
		if c.mode == V2 {
			_, err := c.Update(&specs.LinuxResources{Unified: map[string]string{"cgroup.max.depth": "9", "nonsense.max": "1"}})
			var e *ResourceError
			if !errors.As(err, &e) || e.Pointer != "/linux/resources/unified/nonsense.max" || !cmp.Equal(e.Applied, []string{"cgroup.max.depth"}) || !strings.Contains(err.Error(), "controller nonsense is not available") {
				t.Errorf("%v", err)
			}
			if got := mustRead(t, c.dirs[0].path, "cgroup.max.depth"); got != "9" {
				t.Errorf("cgroup.max.depth is %q", got)
			}
			_, err = c.Update(&specs.LinuxResources{Unified: map[string]string{"cgroup.nonsense": "1"}})
			if !errors.As(err, &e) || !errors.Is(err, errNoFile) {
				t.Errorf("unknown file: %v", err)
			}
			c.cfg.Rootless = true
			_, err = c.Update(&specs.LinuxResources{Unified: map[string]string{"nonsense.max": "1"}})
			var d *DelegationError
			if !errors.As(err, &d) || d.Controller != "nonsense" || !strings.Contains(err.Error(), "Delegate=") {
				t.Errorf("rootless: %v", err)
			}
			return
		}
		_, err := c.Update(&specs.LinuxResources{
			Pids: &specs.LinuxPids{Limit: ptr(int64(7))},
			CPU:  &specs.LinuxCPU{Cpus: "999"},
		})
		var e *ResourceError
		if !errors.As(err, &e) || e.Pointer != "/linux/resources/cpu/cpus" || e.Value != "999" || e.Path != c.Path("cpuset")+"/cpuset.cpus" {
			t.Errorf("%v", err)
		}
		if c.cfg.Resources.Pids != nil {
			t.Error("a failed update has become the base")
		}
		_, err = c.Update(&specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 1}}})
		if c.dir("hugetlb") == nil && (err == nil || !strings.Contains(err.Error(), "the hugetlb controller is not mounted")) {
			t.Errorf("controller without a mount: %v", err)
		}
	})
}

// TestStats compares with the library on a frozen container.
func TestStats(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		c := create(t, Config{Resources: &specs.LinuxResources{}})
		p, start := spawn(t, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; read x < /proc/self/fd/2; sleep 100")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		start()
		time.Sleep(200 * time.Millisecond)
		if err := c.Freeze(); err != nil {
			t.Fatal(err)
		}
		got, err := c.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if got.CPU.Usage.Total == 0 || got.Pids.Current == 0 {
			t.Errorf("nothing was measured: %+v", got)
		}
		var theirs *oracle.Stats
		if c.mode == V2 {
			m, err := fs2.NewManager(&oracle.Cgroup{Resources: &oracle.Resources{}}, c.dirs[0].path)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err = m.GetStats()
			if err != nil {
				t.Fatal(err)
			}
		} else {
			m, err := fs.NewManager(&oracle.Cgroup{Resources: &oracle.Resources{}}, c.Paths())
			if err != nil {
				t.Fatal(err)
			}
			theirs, err = m.GetStats()
			if err != nil {
				t.Fatal(err)
			}
		}
		want := fromLibrary(t, theirs)
		// What may move under a frozen container: reclaim, pressure averages.
		for _, s := range []*Stats{got, want} {
			s.CPU.PSI, s.Memory.PSI, s.Blkio.PSI = nil, nil, nil
			s.Memory.Raw = map[string]uint64{"n": uint64(len(s.Memory.Raw))}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-library +kist\n%s", d)
		}
	})
}

// fromLibrary maps field by field as runc does for its events.
func fromLibrary(t *testing.T, cg *oracle.Stats) *Stats {
	t.Helper()
	entry := func(d oracle.MemoryData) MemoryEntry {
		return MemoryEntry{Limit: d.Limit, Usage: d.Usage, Max: d.MaxUsage, Failcnt: d.Failcnt}
	}
	blk := func(in []oracle.BlkioStatEntry) (out []BlkioEntry) {
		for _, e := range in {
			out = append(out, BlkioEntry(e))
		}
		return out
	}
	s := &Stats{Hugetlb: map[string]HugetlbStats{}, IntelRdt: struct{}{}}
	u := cg.CpuStats.CpuUsage
	s.CPU.Usage = CPUUsage{u.TotalUsage, u.PercpuUsage, u.PercpuUsageInKernelmode, u.PercpuUsageInUsermode, u.UsageInKernelmode, u.UsageInUsermode}
	s.CPU.Throttling = Throttling(cg.CpuStats.ThrottlingData)
	s.CPUSet = CPUSetStats(cg.CPUSetStats)
	m := cg.MemoryStats
	s.Memory = MemoryStats{Cache: m.Cache, Usage: entry(m.Usage), Swap: entry(m.SwapUsage), Kernel: entry(m.KernelUsage), KernelTCP: entry(m.KernelTCPUsage), Raw: m.Stats}
	s.Pids = PidsStats(cg.PidsStats)
	b := cg.BlkioStats
	s.Blkio = BlkioStats{
		IoServiceBytesRecursive: blk(b.IoServiceBytesRecursive), IoServicedRecursive: blk(b.IoServicedRecursive), IoQueuedRecursive: blk(b.IoQueuedRecursive),
		IoServiceTimeRecursive: blk(b.IoServiceTimeRecursive), IoWaitTimeRecursive: blk(b.IoWaitTimeRecursive), IoMergedRecursive: blk(b.IoMergedRecursive),
		IoTimeRecursive: blk(b.IoTimeRecursive), SectorsRecursive: blk(b.SectorsRecursive),
	}
	for size, h := range cg.HugetlbStats {
		s.Hugetlb[size] = HugetlbStats{h.Usage, h.MaxUsage, h.Failcnt}
	}
	return s
}

// TestStatsJSON fixes the names that readers of runc's events rely on.
func TestStatsJSON(t *testing.T) {
	s := Stats{
		CPU:      CPUStats{Usage: CPUUsage{Percpu: []uint64{1}, Total: 1}, Throttling: Throttling{1, 2, 3}, PSI: &PSI{Some: PSIData{Total: 4}}},
		Memory:   MemoryStats{Cache: 5, Raw: map[string]uint64{"cache": 5}},
		Pids:     PidsStats{6, 7},
		Blkio:    BlkioStats{IoQueuedRecursive: []BlkioEntry{{8, 0, "Read", 9}}},
		Hugetlb:  map[string]HugetlbStats{"2MB": {}},
		IntelRdt: struct{}{},
	}
	got, err := json.Marshal(s)
	want := `{"cpu":{"usage":{"total":1,"percpu":[1],"kernel":0,"user":0},"throttling":{"periods":1,"throttledPeriods":2,"throttledTime":3},"psi":{"some":{"avg10":0,"avg60":0,"avg300":0,"total":4}}},` +
		`"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},` +
		`"memory":{"cache":5,"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0},"raw":{"cache":5}},` +
		`"pids":{"current":6,"limit":7},"blkio":{"ioQueueRecursive":[{"major":8,"op":"Read","value":9}]},"hugetlb":{"2MB":{"failcnt":0}},"intel_rdt":{},"network_interfaces":null}`
	if d := cmp.Diff(want, string(got)); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

// TestOOM lets a process run out of memory and watches.
func TestOOM(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		if Detect() == V2 && !strings.Contains(mustRead(t, mountRoot, "cgroup.controllers"), "memory") {
			t.Skip("no memory controller on v2 here")
		}
		c := create(t, Config{Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(8 << 20))}}})
		if err := c.Set(); err != nil {
			t.Fatal(err)
		}
		o, err := c.OOMEvents()
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		p, start := spawn(t, "exec tail </dev/zero")
		if err := c.Attach(p.Process.Pid); err != nil {
			t.Fatal(err)
		}
		seen := make(chan error)
		go func() { seen <- o.Wait(-1) }()
		start()
		select {
		case err := <-seen:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("no OOM event")
		}
		if sig := p.killedBy(t); sig != syscall.SIGKILL {
			t.Errorf("ended by %v", sig)
		}
		if n, err := c.OOMKilled(); n != 1 || err != nil {
			t.Errorf("OOMKilled: %d, %v", n, err)
		}
		if c.mode == V2 {
			return
		}
		go func() {
			err := o.Wait(-1)
			for err == nil { // the same OOM may be told of more than once
				err = o.Wait(-1)
			}
			seen <- err
		}()
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-seen:
			if !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v, want EOF", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the end of the cgroup was not noticed")
		}
	})
}

// TestDisabled: no cgroup at all.
func TestDisabled(t *testing.T) {
	c, err := New(Config{ID: "x", Disabled: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Create": c.Create(), "Set": c.Set(), "Attach": c.Attach(1), "Destroy": c.Destroy(), "WaitEmpty": c.WaitEmpty(time.Second),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, pidsErr := c.Pids()
	_, updateErr := c.Update(&specs.LinuxResources{})
	for name, err := range map[string]error{"Freeze": c.Freeze(), "Kill": c.Kill(), "Pids": pidsErr, "Update": updateErr} {
		if !errors.Is(err, ErrAbsent) {
			t.Errorf("%s: %v, want ErrAbsent", name, err)
		}
	}
	if len(c.Paths()) != 0 || c.BornInto() {
		t.Error("has a path")
	}
	target, err := c.ExecTarget()
	if err != nil || target.Attach(1) != nil || target.Fd() != -1 {
		t.Errorf("exec: %v", err)
	}
	target.Close()
	c, err = New(Config{ID: "x", Disabled: true, Resources: &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(5))}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(); !errors.Is(err, ErrAbsent) || !strings.HasPrefix(err.Error(), "/linux/resources/pids/limit: ") {
		t.Errorf("limits without a cgroup: %v", err)
	}
}
