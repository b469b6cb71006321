// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Stats is the data of a "stats" event, in the JSON form of runc events.
// IntelRdt and NetworkInterfaces are for the caller to fill in.
type Stats struct {
	CPU               CPUStats                `json:"cpu"`
	CPUSet            CPUSetStats             `json:"cpuset"`
	Memory            MemoryStats             `json:"memory"`
	Pids              PidsStats               `json:"pids"`
	Blkio             BlkioStats              `json:"blkio"`
	Hugetlb           map[string]HugetlbStats `json:"hugetlb"`
	IntelRdt          any                     `json:"intel_rdt"`
	NetworkInterfaces any                     `json:"network_interfaces"`
}

// CPUStats has times in nanoseconds.
type CPUStats struct {
	Usage      CPUUsage   `json:"usage,omitempty"`
	Throttling Throttling `json:"throttling,omitempty"`
	PSI        *PSI       `json:"psi,omitempty"`
}

// CPUUsage has times in nanoseconds; the lists (v1 only) have one per CPU.
type CPUUsage struct {
	Total        uint64   `json:"total,omitempty"`
	Percpu       []uint64 `json:"percpu,omitempty"`
	PercpuKernel []uint64 `json:"percpu_kernel,omitempty"`
	PercpuUser   []uint64 `json:"percpu_user,omitempty"`
	Kernel       uint64   `json:"kernel"`
	User         uint64   `json:"user"`
}

// Throttling counts the effect of the quota; the time is in nanoseconds.
type Throttling struct {
	Periods          uint64 `json:"periods,omitempty"`
	ThrottledPeriods uint64 `json:"throttledPeriods,omitempty"`
	ThrottledTime    uint64 `json:"throttledTime,omitempty"`
}

// PSI is pressure stall information (v2).
type PSI struct {
	Some PSIData `json:"some,omitzero"`
	Full PSIData `json:"full,omitzero"`
}

// PSIData has averages in percent and the total in microseconds.
type PSIData struct {
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`
	Total  uint64  `json:"total"`
}

// CPUSetStats is what the v1 cpuset files say.
type CPUSetStats struct {
	CPUs                  []uint16 `json:"cpus,omitempty"`
	CPUExclusive          uint64   `json:"cpu_exclusive"`
	Mems                  []uint16 `json:"mems,omitempty"`
	MemHardwall           uint64   `json:"mem_hardwall"`
	MemExclusive          uint64   `json:"mem_exclusive"`
	MemoryMigrate         uint64   `json:"memory_migrate"`
	MemorySpreadPage      uint64   `json:"memory_spread_page"`
	MemorySpreadSlab      uint64   `json:"memory_spread_slab"`
	MemoryPressure        uint64   `json:"memory_pressure"`
	SchedLoadBalance      uint64   `json:"sched_load_balance"`
	SchedRelaxDomainLevel int64    `json:"sched_relax_domain_level"`
}

// MemoryStats is in bytes; Raw is memory.stat.
type MemoryStats struct {
	Cache     uint64            `json:"cache,omitempty"`
	Usage     MemoryEntry       `json:"usage,omitempty"`
	Swap      MemoryEntry       `json:"swap,omitempty"` // memory and swap together
	Kernel    MemoryEntry       `json:"kernel,omitempty"`
	KernelTCP MemoryEntry       `json:"kernelTCP,omitempty"`
	Raw       map[string]uint64 `json:"raw,omitempty"`
	PSI       *PSI              `json:"psi,omitempty"`
}

// MemoryEntry is in bytes; no limit is the largest number.
type MemoryEntry struct {
	Limit   uint64 `json:"limit"`
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

// PidsStats counts processes; no limit is 0.
type PidsStats struct {
	Current uint64 `json:"current,omitempty"`
	Limit   uint64 `json:"limit,omitempty"`
}

// BlkioStats has one entry per device and operation.
type BlkioStats struct {
	IoServiceBytesRecursive []BlkioEntry `json:"ioServiceBytesRecursive,omitempty"`
	IoServicedRecursive     []BlkioEntry `json:"ioServicedRecursive,omitempty"`
	IoQueuedRecursive       []BlkioEntry `json:"ioQueueRecursive,omitempty"`
	IoServiceTimeRecursive  []BlkioEntry `json:"ioServiceTimeRecursive,omitempty"`
	IoWaitTimeRecursive     []BlkioEntry `json:"ioWaitTimeRecursive,omitempty"`
	IoMergedRecursive       []BlkioEntry `json:"ioMergedRecursive,omitempty"`
	IoTimeRecursive         []BlkioEntry `json:"ioTimeRecursive,omitempty"`
	SectorsRecursive        []BlkioEntry `json:"sectorsRecursive,omitempty"`
	PSI                     *PSI         `json:"psi,omitempty"`
}

// BlkioEntry is one line of a blkio or io file.
type BlkioEntry struct {
	Major uint64 `json:"major,omitempty"`
	Minor uint64 `json:"minor,omitempty"`
	Op    string `json:"op,omitempty"`
	Value uint64 `json:"value,omitempty"`
}

// HugetlbStats is in bytes.
type HugetlbStats struct {
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

// Stats reads the current use of resources. A controller that is not mounted or
// not enabled gives zeros.
func (c *Cgroup) Stats() (*Stats, error) {
	if c.absent {
		return nil, ErrAbsent
	}
	if !c.Exists() {
		return nil, fmt.Errorf("cgroup %s: %w", c.dirs[0].path, ErrNotExist)
	}
	s := &Stats{Hugetlb: make(map[string]HugetlbStats), IntelRdt: struct{}{}}
	s.Memory.Raw = make(map[string]uint64)
	r := &statReader{}
	if c.mode == V2 {
		c.statsV2(s, r)
	} else {
		c.statsV1(s, r)
	}
	return s, r.err
}

// statReader reads files of which any may be missing. The first error other
// than that sticks.
type statReader struct{ err error }

// text returns the content, or "" for a missing file.
func (r *statReader) text(file string) string {
	s, err := readFile(file)
	// Pressure files exist but answer EOPNOTSUPP where PSI is switched off.
	if err != nil && !isGone(err) && !isUnsupported(err) && r.err == nil {
		r.err = fmt.Errorf("cgroup %s: %w", file, err)
	}
	if err != nil {
		return ""
	}
	return s
}

// number reads a file with one number; missing is 0, "max" the largest.
func (r *statReader) number(file string) uint64 {
	s := strings.TrimSpace(r.text(file))
	if s == "" {
		return 0
	}
	return r.parse(file, s)
}

func (r *statReader) parse(file, s string) uint64 {
	n, err := parseStat(s)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("cgroup %s: %q: %w", file, s, err)
	}
	return n
}

// parseStat parses a statistic. Some can be negative for a moment because the
// kernel adds up per-CPU counters without a lock; that is 0.
func parseStat(s string) (uint64, error) {
	if s == "max" {
		return math.MaxUint64, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && strings.HasPrefix(s, "-") {
		if _, e := strconv.ParseInt(s, 10, 64); e == nil || errors.Is(e, strconv.ErrRange) {
			return 0, nil
		}
	}
	return n, err
}

// flat reads a file of "key value" lines.
func (r *statReader) flat(file string, f func(key string, n uint64)) {
	for line := range strings.Lines(r.text(file)) {
		if k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			f(k, r.parse(file, strings.TrimSpace(v)))
		}
	}
}

func (r *statReader) numbers(file string) []uint64 {
	var list []uint64
	for v := range strings.FieldsSeq(r.text(file)) {
		list = append(list, r.parse(file, v))
	}
	return list
}
