// SPDX-License-Identifier: Apache-2.0

package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxErrno is the largest error number the kernel returns from a filter;
// it cuts larger ones to this.
const maxErrno = 4095

// validateSeccomp checks a profile. Names of system calls may be unknown:
// engines list those of newer kernels.
func validateSeccomp(s *specs.LinuxSeccomp) error {
	if err := validateAction(s.DefaultAction); err != nil {
		return within(err, "defaultAction")
	}
	if s.DefaultAction == specs.ActNotify {
		// The runtime could not even send the listener to the agent.
		return invalid("/defaultAction", "SCMP_ACT_NOTIFY is not possible as default action")
	}
	if err := validateErrno(s.DefaultErrnoRet, s.DefaultAction); err != nil {
		return within(err, "defaultErrnoRet")
	}
	for i, arch := range s.Architectures {
		if !knownArch(arch) {
			return invalid(at("architectures", i), "unknown architecture %s", quoted(string(arch)))
		}
	}
	notify := false
	for i := range s.Syscalls {
		if err := validateSyscall(&s.Syscalls[i]); err != nil {
			return within(err, "syscalls", i)
		}
		notify = notify || s.Syscalls[i].Action == specs.ActNotify
	}
	for i, flag := range s.Flags {
		switch flag {
		case "SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow:
		case specs.LinuxSeccompFlagWaitKillableRecv:
			if !notify {
				return invalid(at("flags", i), "%s needs a rule with SCMP_ACT_NOTIFY", flag)
			}
		default:
			return invalid(at("flags", i), "unknown flag %s", quoted(string(flag)))
		}
	}
	return validateListener(s, notify)
}

func validateListener(s *specs.LinuxSeccomp, notify bool) error {
	if s.ListenerPath == "" {
		switch {
		case s.ListenerMetadata != "":
			return invalid("/listenerMetadata", "must not be set without listenerPath")
		case notify:
			return invalid("/listenerPath", "is required: a rule has SCMP_ACT_NOTIFY")
		}
		return nil
	}
	const maxSocket = 107 // sun_path without the terminating NUL
	if err := validateAbsolute(s.ListenerPath); err != nil {
		return within(err, "listenerPath")
	}
	if len(s.ListenerPath) > maxSocket {
		return invalid("/listenerPath", "longer than the %d bytes of a socket's address", maxSocket)
	}
	return nil
}

func validateSyscall(rule *specs.LinuxSyscall) error {
	if err := validateAction(rule.Action); err != nil {
		return within(err, "action")
	}
	if len(rule.Names) == 0 {
		return invalid("/names", "must not be empty")
	}
	for i, name := range rule.Names {
		if !syscallName(name) {
			return invalid(at("names", i), "not a system call's name: %s", quoted(name))
		}
		// The runtime itself hands the listener over after the filter is
		// active and would wait for the agent that has not got it yet.
		if rule.Action == specs.ActNotify && name == "write" {
			return invalid(at("names", i), "SCMP_ACT_NOTIFY is not possible for write")
		}
	}
	if err := validateErrno(rule.ErrnoRet, rule.Action); err != nil {
		return within(err, "errnoRet")
	}
	for i, arg := range rule.Args {
		if arg.Index > 5 {
			return invalid(at("args", i, "index"), "must be from 0 to 5, found %d", arg.Index)
		}
		switch arg.Op {
		case specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo,
			specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual:
		case "":
			return invalid(at("args", i, "op"), "is required")
		default:
			return invalid(at("args", i, "op"), "unknown operator %s", quoted(string(arg.Op)))
		}
	}
	return nil
}

func validateAction(a specs.LinuxSeccompAction) error {
	switch a {
	case specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActErrno,
		specs.ActTrace, specs.ActAllow, specs.ActLog, specs.ActNotify:
		return nil
	case "":
		return invalid("", "is required")
	}
	return invalid("", "unknown action %s", quoted(string(a)))
}

// validateErrno checks an error number against its action. On any action but
// these two it would have no effect, which the specification demands to refuse.
func validateErrno(errno *uint, a specs.LinuxSeccompAction) error {
	switch {
	case errno == nil:
	case a != specs.ActErrno && a != specs.ActTrace:
		return invalid("", "is only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not for %s", a)
	case *errno > maxErrno:
		return invalid("", "must be from 0 to %d, found %d", maxErrno, *errno)
	}
	return nil
}

func knownArch(a specs.Arch) bool {
	switch a {
	case specs.ArchX86, specs.ArchX86_64, specs.ArchX32, specs.ArchARM, specs.ArchAARCH64,
		specs.ArchMIPS, specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32,
		specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X,
		specs.ArchPARISC, specs.ArchPARISC64, specs.ArchRISCV64, specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchSH, specs.ArchSHEB:
		return true
	}
	return false
}

// syscallName tells whether s could be a system call's name.
func syscallName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !alphanumeric(s[i]) && s[i] != '_' {
			return false
		}
	}
	return s != ""
}
