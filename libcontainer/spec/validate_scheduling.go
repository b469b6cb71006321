// SPDX-License-Identifier: Apache-2.0

package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// validateScheduling checks how the process is scheduled: on the CPU, on
// block devices, and on which CPUs.
func validateScheduling(p *specs.Process) error {
	if p.Scheduler != nil {
		if err := validateScheduler(p.Scheduler); err != nil {
			return within(err, "scheduler")
		}
	}
	if io := p.IOPriority; io != nil {
		switch io.Class {
		case specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE:
		case "":
			return invalid("/ioPriority/class", "is required")
		default:
			return invalid("/ioPriority/class", "unknown class %s", quoted(string(io.Class)))
		}
		if io.Priority < 0 || io.Priority > 7 {
			return invalid("/ioPriority/priority", "must be from 0 to 7, found %d", io.Priority)
		}
	}
	if a := p.ExecCPUAffinity; a != nil {
		for _, l := range [...]struct{ name, list string }{{"initial", a.Initial}, {"final", a.Final}} {
			if l.list == "" {
				continue
			}
			if err := validateList(l.list, MaxCPUs); err != nil {
				return within(err, "execCPUAffinity", l.name)
			}
		}
	}
	return nil
}

// validateScheduler checks the rules of sched_setattr(2), whose EINVAL would
// not tell which of the fields is meant.
func validateScheduler(s *specs.Scheduler) error {
	realtime, deadline := false, false
	switch s.Policy {
	case specs.SchedFIFO, specs.SchedRR:
		realtime = true
	case specs.SchedDeadline:
		deadline = true
	case specs.SchedOther, specs.SchedBatch, specs.SchedIdle:
	case specs.SchedISO:
		return invalid("/policy", "SCHED_ISO was never implemented by Linux")
	case "":
		return invalid("/policy", "is required")
	default:
		return invalid("/policy", "unknown policy %s", quoted(string(s.Policy)))
	}
	for i, flag := range s.Flags {
		switch flag {
		case specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun, specs.SchedFlagKeepPolicy,
			specs.SchedFlagKeepParams, specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax:
		default:
			return invalid(at("flags", i), "unknown flag %s", quoted(string(flag)))
		}
	}
	switch {
	case s.Nice < -20 || s.Nice > 19:
		return invalid("/nice", "must be from -20 to 19, found %d", s.Nice)
	case realtime && (s.Priority < 1 || s.Priority > 99):
		return invalid("/priority", "must be from 1 to 99 for %s, found %d", s.Policy, s.Priority)
	case !realtime && s.Priority != 0:
		return invalid("/priority", "is only for SCHED_FIFO and SCHED_RR, not for %s", s.Policy)
	}
	if deadline {
		return validateDeadline(s)
	}
	for _, f := range [...]struct {
		name  string
		value uint64
	}{{"runtime", s.Runtime}, {"deadline", s.Deadline}, {"period", s.Period}} {
		if f.value != 0 {
			return invalid(at(f.name), "is only for SCHED_DEADLINE, not for %s", s.Policy)
		}
	}
	return nil
}

// validateDeadline checks runtime, deadline and period, in nanoseconds.
func validateDeadline(s *specs.Scheduler) error {
	const (
		granularity = 1 << 10   // the kernel calculates in units of this
		top         = 1<<63 - 1 // it needs the sign bit for comparisons
	)
	switch {
	case s.Runtime < granularity:
		return invalid("/runtime", "must be at least %d nanoseconds", granularity)
	case s.Deadline == 0:
		return invalid("/deadline", "is required for SCHED_DEADLINE")
	case s.Deadline > top:
		return invalid("/deadline", "must be at most %d nanoseconds", uint64(top))
	case s.Period > top:
		return invalid("/period", "must be at most %d nanoseconds", uint64(top))
	case s.Runtime > s.Deadline:
		return invalid("/runtime", "must not be longer than the deadline of %d nanoseconds", s.Deadline)
	case s.Period != 0 && s.Deadline > s.Period:
		return invalid("/deadline", "must not be longer than the period of %d nanoseconds", s.Period)
	}
	return nil
}
