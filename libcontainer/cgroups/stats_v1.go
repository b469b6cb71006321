// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"os"
	"strconv"
	"strings"
)

// tick is the length of USER_HZ, the unit of cpuacct.stat, in nanoseconds. It
// is 100 per second on every architecture that Go has.
const tick = 10_000_000

func (c *Cgroup) statsV1(s *Stats, r *statReader) {
	if p := c.Path("cpu"); p != "" {
		r.flat(p+"/cpu.stat", func(key string, n uint64) {
			switch key {
			case "nr_periods":
				s.CPU.Throttling.Periods = n
			case "nr_throttled":
				s.CPU.Throttling.ThrottledPeriods = n
			case "throttled_time":
				s.CPU.Throttling.ThrottledTime = n
			}
		})
	}
	if p := c.Path("cpuacct"); p != "" {
		r.cpuacct(p, &s.CPU.Usage)
	}
	if p := c.Path("cpuset"); p != "" {
		r.cpuset(p, &s.CPUSet)
	}
	if p := c.Path("memory"); p != "" {
		r.flat(p+"/memory.stat", func(key string, n uint64) { s.Memory.Raw[key] = n })
		s.Memory.Cache = s.Memory.Raw["cache"]
		s.Memory.Usage = r.memoryV1(p + "/memory.")
		s.Memory.Swap = r.memoryV1(p + "/memory.memsw.")
		s.Memory.Kernel = r.memoryV1(p + "/memory.kmem.")
		s.Memory.KernelTCP = r.memoryV1(p + "/memory.kmem.tcp.")
	}
	if p := c.Path("pids"); p != "" {
		r.pids(p, &s.Pids)
	}
	if p := c.Path("blkio"); p != "" {
		r.blkio(p, &s.Blkio)
	}
	if p := c.Path("hugetlb"); p != "" {
		for _, size := range hugePageSizes() {
			prefix := p + "/hugetlb." + size + ".rsvd."
			if _, err := os.Lstat(prefix + "usage_in_bytes"); err != nil {
				prefix = p + "/hugetlb." + size + "."
			}
			s.Hugetlb[size] = HugetlbStats{
				Usage:   r.number(prefix + "usage_in_bytes"),
				Max:     r.number(prefix + "max_usage_in_bytes"),
				Failcnt: r.number(prefix + "failcnt"),
			}
		}
	}
}

func (r *statReader) memoryV1(prefix string) MemoryEntry {
	return MemoryEntry{
		Usage:   r.number(prefix + "usage_in_bytes"),
		Max:     r.number(prefix + "max_usage_in_bytes"),
		Failcnt: r.number(prefix + "failcnt"),
		Limit:   r.number(prefix + "limit_in_bytes"),
	}
}

func (r *statReader) cpuacct(p string, u *CPUUsage) {
	r.flat(p+"/cpuacct.stat", func(key string, n uint64) {
		switch key {
		case "user":
			u.User = n * tick
		case "system":
			u.Kernel = n * tick
		}
	})
	u.Total = r.number(p + "/cpuacct.usage")
	u.Percpu = r.numbers(p + "/cpuacct.usage_percpu")
	// A table "cpu user system", one line per CPU.
	file := p + "/cpuacct.usage_all"
	for line := range strings.Lines(r.text(file)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] == "cpu" {
			continue
		}
		u.PercpuUser = append(u.PercpuUser, r.parse(file, f[1]))
		u.PercpuKernel = append(u.PercpuKernel, r.parse(file, f[2]))
	}
}

func (r *statReader) cpuset(p string, s *CPUSetStats) {
	s.CPUs = r.list(p + "/cpuset.cpus")
	s.Mems = r.list(p + "/cpuset.mems")
	for _, f := range [...]struct {
		name string
		n    *uint64
	}{
		{"cpu_exclusive", &s.CPUExclusive}, {"mem_hardwall", &s.MemHardwall},
		{"mem_exclusive", &s.MemExclusive}, {"memory_migrate", &s.MemoryMigrate},
		{"memory_spread_page", &s.MemorySpreadPage}, {"memory_spread_slab", &s.MemorySpreadSlab},
		{"memory_pressure", &s.MemoryPressure}, {"sched_load_balance", &s.SchedLoadBalance},
	} {
		*f.n = r.number(p + "/cpuset." + f.name)
	}
	file := p + "/cpuset.sched_relax_domain_level"
	if t := strings.TrimSpace(r.text(file)); t != "" {
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil && r.err == nil {
			r.err = &os.PathError{Op: "parse", Path: file, Err: err}
		}
		s.SchedRelaxDomainLevel = n
	}
}

// list expands "0-2,5".
func (r *statReader) list(file string) []uint16 {
	text := strings.TrimSpace(r.text(file))
	if text == "" {
		return nil
	}
	bits, err := listToBits(text)
	if err != nil && r.err == nil {
		r.err = &os.PathError{Op: "parse", Path: file, Err: err}
	}
	var list []uint16
	for i, b := range bits {
		for j := range 8 {
			if b&(1<<j) != 0 {
				list = append(list, uint16(8*i+j))
			}
		}
	}
	return list
}

// blkio prefers the files of the BFQ scheduler, which exist only if its
// statistics are compiled in, to those of the throttling layer, which always do.
func (r *statReader) blkio(p string, b *BlkioStats) {
	for _, f := range [...]struct {
		name string
		list *[]BlkioEntry
	}{
		{"sectors_recursive", &b.SectorsRecursive},
		{"io_service_time_recursive", &b.IoServiceTimeRecursive},
		{"io_wait_time_recursive", &b.IoWaitTimeRecursive},
		{"io_merged_recursive", &b.IoMergedRecursive},
		{"io_queued_recursive", &b.IoQueuedRecursive},
		{"time_recursive", &b.IoTimeRecursive},
		{"io_serviced_recursive", &b.IoServicedRecursive},
		{"io_service_bytes_recursive", &b.IoServiceBytesRecursive},
	} {
		*f.list = r.blkioFile(p + "/blkio.bfq." + f.name)
	}
	if b.IoServicedRecursive == nil {
		b.IoServiceBytesRecursive = r.blkioFile(p + "/blkio.throttle.io_service_bytes_recursive")
		b.IoServicedRecursive = r.blkioFile(p + "/blkio.throttle.io_serviced_recursive")
	}
}

// blkioFile reads lines of the form "8:0 Read 4096", or "8:0 4096".
func (r *statReader) blkioFile(file string) []BlkioEntry {
	var list []BlkioEntry
	for line := range strings.Lines(r.text(file)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "Total" {
			continue
		}
		major, minor, ok := strings.Cut(f[0], ":")
		if !ok {
			continue
		}
		e := BlkioEntry{Major: r.parse(file, major), Minor: r.parse(file, minor), Value: r.parse(file, f[len(f)-1])}
		if len(f) > 2 {
			e.Op = f[1]
		}
		list = append(list, e)
	}
	return list
}
