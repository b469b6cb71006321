// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/program"
)

// The names of the kernel's interfaces, and their numbers. See
// sched_setattr(2), ioprio_set(2), set_mempolicy(2).

func schedPolicy(p specs.LinuxSchedulerPolicy) (uint32, error) {
	switch p {
	case specs.SchedOther:
		return 0, nil
	case specs.SchedFIFO:
		return 1, nil
	case specs.SchedRR:
		return 2, nil
	case specs.SchedBatch:
		return 3, nil
	case specs.SchedISO:
		return 4, nil
	case specs.SchedIdle:
		return 5, nil
	case specs.SchedDeadline:
		return 6, nil
	}
	return 0, fmt.Errorf("unknown policy %q", p)
}

func schedFlag(f specs.LinuxSchedulerFlag) (uint64, error) {
	switch f {
	case specs.SchedFlagResetOnFork:
		return 0x01, nil
	case specs.SchedFlagReclaim:
		return 0x02, nil
	case specs.SchedFlagDLOverrun:
		return 0x04, nil
	case specs.SchedFlagKeepPolicy:
		return 0x08, nil
	case specs.SchedFlagKeepParams:
		return 0x10, nil
	case specs.SchedFlagUtilClampMin:
		return 0x20, nil
	case specs.SchedFlagUtilClampMax:
		return 0x40, nil
	}
	return 0, fmt.Errorf("unknown flag %q", f)
}

func ioClass(c specs.IOPriorityClass) (int, error) {
	switch c {
	case specs.IOPRIO_CLASS_RT:
		return 1, nil
	case specs.IOPRIO_CLASS_BE:
		return 2, nil
	case specs.IOPRIO_CLASS_IDLE:
		return 3, nil
	}
	return 0, fmt.Errorf("unknown class %q (want IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE)", c)
}

// MemoryPolicyModes and MemoryPolicyFlags are what `kist features` lists.
var (
	MemoryPolicyModes = [...]specs.MemoryPolicyModeType{specs.MpolDefault, specs.MpolPreferred, specs.MpolBind, specs.MpolInterleave,
		specs.MpolLocal, specs.MpolPreferredMany, specs.MpolWeightedInterleave} // in the kernel's numbering
	MemoryPolicyFlags = [...]specs.MemoryPolicyFlagType{specs.MpolFNumaBalancing, specs.MpolFRelativeNodes, specs.MpolFStaticNodes} // 1<<13, 1<<14, 1<<15
)

func memoryPolicy(mp *specs.LinuxMemoryPolicy) (int, []byte, error) {
	mode := -1
	for i, m := range MemoryPolicyModes {
		if m == mp.Mode {
			mode = i
		}
	}
	if mode < 0 {
		return 0, nil, errorf(program.Cause{Pointer: "/linux/memoryPolicy/mode", Index: -1}, "unknown mode %q", mp.Mode)
	}
	for i, f := range mp.Flags {
		bit := 0
		for k, known := range MemoryPolicyFlags {
			if known == f {
				bit = 1 << (13 + k)
			}
		}
		if bit == 0 {
			return 0, nil, errorf(program.Cause{Pointer: "/linux/memoryPolicy/flags", Index: i}, "unknown flag %q", f)
		}
		mode |= bit
	}
	if mp.Nodes == "" {
		return mode, nil, nil
	}
	mask, err := cpuMask(mp.Nodes)
	if err != nil {
		return 0, nil, errorf(program.Cause{Pointer: "/linux/memoryPolicy/nodes", Index: -1}, "%v", err)
	}
	return mode, mask, nil
}

// MaxCPUs bounds lists of cpus and nodes: the kernel's largest configuration.
const MaxCPUs = 8192

// cpuMask turns a list such as 0-3,7 into the kernel's bitmap.
func cpuMask(list string) ([]byte, error) {
	var mask []byte
	for _, part := range strings.Split(list, ",") {
		lo, hi, isRange := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.ParseUint(lo, 10, 32)
		b := a
		if err == nil && isRange {
			b, err = strconv.ParseUint(hi, 10, 32)
		}
		if err != nil || b < a || b >= MaxCPUs {
			return nil, fmt.Errorf("%q: bad list (want numbers and ranges such as 0-3,7, below %d)", list, MaxCPUs)
		}
		for n := a; n <= b; n++ {
			for uint64(len(mask)) <= n/8 {
				mask = append(mask, make([]byte, 8)...)
			}
			mask[n/8] |= 1 << (n % 8)
		}
	}
	return mask, nil
}

// CPUMask is the bitmap of a cpu list, for the parent's use.
func CPUMask(list string) ([]byte, error) { return cpuMask(list) }
