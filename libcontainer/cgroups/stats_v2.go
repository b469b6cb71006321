// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func isUnsupported(err error) bool { return errors.Is(err, unix.EOPNOTSUPP) }

func (c *Cgroup) statsV2(s *Stats, r *statReader) {
	p := c.dirs[0].path
	r.flat(p+"/cpu.stat", func(key string, n uint64) {
		switch key { // times are in microseconds here
		case "usage_usec":
			s.CPU.Usage.Total = n * 1000
		case "user_usec":
			s.CPU.Usage.User = n * 1000
		case "system_usec":
			s.CPU.Usage.Kernel = n * 1000
		case "nr_periods":
			s.CPU.Throttling.Periods = n
		case "nr_throttled":
			s.CPU.Throttling.ThrottledPeriods = n
		case "throttled_usec":
			s.CPU.Throttling.ThrottledTime = n * 1000
		}
	})
	s.CPU.PSI = r.psi(p + "/cpu.pressure")
	r.memoryV2(p, &s.Memory)
	r.pids(p, &s.Pids)
	r.ioV2(p, &s.Blkio)
	for _, size := range hugePageSizes() {
		usage := p + "/hugetlb." + size + ".rsvd.current"
		if _, err := os.Lstat(usage); err != nil {
			usage = p + "/hugetlb." + size + ".current"
			if _, err := os.Lstat(usage); err != nil {
				continue
			}
		}
		h := HugetlbStats{Usage: r.number(usage)}
		r.flat(p+"/hugetlb."+size+".events", func(key string, n uint64) {
			if key == "max" {
				h.Failcnt = n
			}
		})
		s.Hugetlb[size] = h
	}
}

func (r *statReader) memoryV2(p string, m *MemoryStats) {
	r.flat(p+"/memory.stat", func(key string, n uint64) { m.Raw[key] = n })
	m.Cache = m.Raw["file"]
	if r.text(p+"/memory.current") != "" {
		m.Usage = MemoryEntry{
			Usage: r.number(p + "/memory.current"),
			Limit: r.number(p + "/memory.max"),
			Max:   r.number(p + "/memory.peak"),
		}
		// runc's form knows memory and swap together only, as on v1.
		m.Swap.Usage = r.number(p+"/memory.swap.current") + m.Usage.Usage
		m.Swap.Limit = r.number(p + "/memory.swap.max")
		if m.Swap.Limit != math.MaxUint64 {
			if m.Swap.Limit += m.Usage.Limit; m.Usage.Limit == math.MaxUint64 {
				m.Swap.Limit = math.MaxUint64
			}
		}
	}
	m.PSI = r.psi(p + "/memory.pressure")
}

func (r *statReader) pids(p string, s *PidsStats) {
	if t := strings.TrimSpace(r.text(p + "/pids.current")); t != "" {
		s.Current = r.parse(p+"/pids.current", t)
		if s.Limit = r.number(p + "/pids.max"); s.Limit == math.MaxUint64 {
			s.Limit = 0
		}
		return
	}
	// The controller is not enabled: count.
	pids, err := pidsOf(p)
	if err == nil {
		s.Current = uint64(len(pids))
	}
}

// ioV2 reads io.stat: "MAJ:MIN rbytes=1 wbytes=2 rios=3 wios=4 …".
func (r *statReader) ioV2(p string, b *BlkioStats) {
	file := p + "/io.stat"
	for line := range strings.Lines(r.text(file)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		major, minor, ok := strings.Cut(f[0], ":")
		if !ok {
			continue
		}
		e := BlkioEntry{Major: r.parse(file, major), Minor: r.parse(file, minor)}
		for _, kv := range f[1:] {
			k, v, _ := strings.Cut(kv, "=")
			list := &b.IoServicedRecursive
			switch k {
			case "rbytes", "wbytes":
				list = &b.IoServiceBytesRecursive
			case "rios", "wios":
			default:
				continue
			}
			e.Op = "Read"
			if k[0] == 'w' {
				e.Op = "Write"
			}
			e.Value = r.parse(file, v)
			*list = append(*list, e)
		}
	}
	b.PSI = r.psi(p + "/io.pressure")
}

// psi reads lines of the form "some avg10=0.00 avg60=0.00 avg300=0.00 total=0".
func (r *statReader) psi(file string) *PSI {
	text := r.text(file)
	if text == "" {
		return nil
	}
	p := &PSI{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var d *PSIData
		switch f[0] {
		case "some":
			d = &p.Some
		case "full":
			d = &p.Full
		default:
			continue
		}
		for _, kv := range f[1:] {
			k, v, _ := strings.Cut(kv, "=")
			if k == "total" {
				d.Total = r.parse(file, v)
				continue
			}
			n, err := strconv.ParseFloat(v, 64)
			if err != nil && r.err == nil {
				r.err = &os.PathError{Op: "parse", Path: file, Err: err}
			}
			switch k {
			case "avg10":
				d.Avg10 = n
			case "avg60":
				d.Avg60 = n
			case "avg300":
				d.Avg300 = n
			}
		}
	}
	return p
}

// hugePageSizes returns the kernel's page sizes as they occur in file names.
func hugePageSizes() []string {
	entries, err := os.ReadDir("/sys/kernel/mm/hugepages")
	if err != nil {
		return nil
	}
	var sizes []string
	for _, e := range entries {
		kb, ok := strings.CutSuffix(strings.TrimPrefix(e.Name(), "hugepages-"), "kB")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(kb, 10, 64); err == nil {
			sizes = append(sizes, pageSizeName(n))
		}
	}
	return sizes
}

func pageSizeName(kb uint64) string {
	switch {
	case kb >= 1<<20:
		return strconv.FormatUint(kb>>20, 10) + "GB"
	case kb >= 1<<10:
		return strconv.FormatUint(kb>>10, 10) + "MB"
	}
	return strconv.FormatUint(kb, 10) + "KB"
}
