// SPDX-License-Identifier: Apache-2.0

//go:build cgo && seccomp

package seccomp

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// Supported tells whether this build can compile profiles.
const Supported = true

// apiLevel is the set of kernel features that libseccomp may rely on. Kernel 5.14 has all of level 6; setting it keeps
// the library from judging by the probes it makes, whose answers are wrong under an outer filter that hides seccomp(2).
const apiLevel = 6

// treeFrom is the number of calls from which on a search tree answers sooner than a list of comparisons.
const treeFrom = 33

// Version returns the version of libseccomp, such as "2.5.4"; "" if this build has none.
func Version() string {
	major, minor, micro := libseccomp.GetLibraryVersion()
	b := strconv.AppendUint(make([]byte, 0, 16), uint64(major), 10)
	b = strconv.AppendUint(append(b, '.'), uint64(minor), 10)
	return string(strconv.AppendUint(append(b, '.'), uint64(micro), 10))
}

// lookup is the resolver that asks libseccomp.
func lookup(name string, a *arch) (int64, bool) {
	token, err := archToken(a)
	if err != nil {
		return -1, false
	}
	number, err := libseccomp.GetSyscallFromNameByArch(name, token)
	if err != nil {
		return -1, false
	}
	return int64(number), true
}

func archToken(a *arch) (libseccomp.ScmpArch, error) {
	switch a.name {
	case "SCMP_ARCH_AARCH64":
		return libseccomp.ArchARM64, nil
	case "SCMP_ARCH_ARM":
		return libseccomp.ArchARM, nil
	case "SCMP_ARCH_LOONGARCH64":
		return libseccomp.ArchLOONGARCH64, nil
	case "SCMP_ARCH_MIPS":
		return libseccomp.ArchMIPS, nil
	case "SCMP_ARCH_MIPS64":
		return libseccomp.ArchMIPS64, nil
	case "SCMP_ARCH_MIPS64N32":
		return libseccomp.ArchMIPS64N32, nil
	case "SCMP_ARCH_MIPSEL":
		return libseccomp.ArchMIPSEL, nil
	case "SCMP_ARCH_MIPSEL64":
		return libseccomp.ArchMIPSEL64, nil
	case "SCMP_ARCH_MIPSEL64N32":
		return libseccomp.ArchMIPSEL64N32, nil
	case "SCMP_ARCH_PPC":
		return libseccomp.ArchPPC, nil
	case "SCMP_ARCH_PPC64":
		return libseccomp.ArchPPC64, nil
	case "SCMP_ARCH_PPC64LE":
		return libseccomp.ArchPPC64LE, nil
	case "SCMP_ARCH_RISCV64":
		return libseccomp.ArchRISCV64, nil
	case "SCMP_ARCH_S390":
		return libseccomp.ArchS390, nil
	case "SCMP_ARCH_S390X":
		return libseccomp.ArchS390X, nil
	case "SCMP_ARCH_X32":
		return libseccomp.ArchX32, nil
	case "SCMP_ARCH_X86":
		return libseccomp.ArchX86, nil
	case "SCMP_ARCH_X86_64":
		return libseccomp.ArchAMD64, nil
	}
	return libseccomp.ArchInvalid, fmt.Errorf("no filters on %s", a.name)
}

func actionToken(v Verdict) libseccomp.ScmpAction {
	switch v.action() {
	case unix.SECCOMP_RET_KILL_PROCESS:
		return libseccomp.ActKillProcess
	case unix.SECCOMP_RET_TRAP:
		return libseccomp.ActTrap
	case unix.SECCOMP_RET_ERRNO:
		return libseccomp.ActErrno.SetReturnCode(int16(v.data()))
	case unix.SECCOMP_RET_USER_NOTIF:
		return libseccomp.ActNotify
	case unix.SECCOMP_RET_TRACE:
		return libseccomp.ActTrace.SetReturnCode(int16(v.data()))
	case unix.SECCOMP_RET_LOG:
		return libseccomp.ActLog
	case unix.SECCOMP_RET_ALLOW:
		return libseccomp.ActAllow
	}
	return libseccomp.ActKillThread
}

func operatorToken(op operator) libseccomp.ScmpCompareOp {
	switch op {
	case greaterOrEqual:
		return libseccomp.CompareGreaterEqual
	case greater:
		return libseccomp.CompareGreater
	case lessOrEqual:
		return libseccomp.CompareLessOrEqual
	case less:
		return libseccomp.CompareLess
	case maskedEqual:
		return libseccomp.CompareMaskedEqual
	case notEqual:
		return libseccomp.CompareNotEqual
	}
	return libseccomp.CompareEqual
}

// generate returns libseccomp's program for the rules.
func generate(r *rules) ([]byte, error) {
	if err := libseccomp.SetAPI(apiLevel); err != nil {
		return nil, fmt.Errorf("libseccomp %s: set API level %d: %w; version 2.5.0 or later is needed", Version(), apiLevel, err)
	}
	f, err := libseccomp.NewFilter(actionToken(r.fallback))
	if err != nil {
		return nil, fmt.Errorf("/linux/seccomp: libseccomp: %w", err)
	}
	defer f.Release()
	if err := f.SetRawRC(true); err != nil {
		return nil, fmt.Errorf("libseccomp: report system errors: %w", err)
	}
	for _, a := range r.archs {
		token, err := archToken(a)
		if err == nil {
			err = f.AddArch(token)
		}
		if err != nil {
			return nil, fmt.Errorf("/linux/seccomp/architectures: %s: libseccomp %s: %w", a.name, Version(), err)
		}
	}
	if r.calls >= treeFrom {
		if err := f.SetOptimize(2); err != nil {
			return nil, fmt.Errorf("libseccomp: search tree: %w", err)
		}
	}
	for i := range r.library {
		if err := addRule(f, &r.library[i]); err != nil {
			return nil, fmt.Errorf("%s: %s: libseccomp: %w", r.library[i].pointer, r.library[i].name, err)
		}
	}
	program, err := export(f)
	if err != nil {
		return nil, fmt.Errorf("/linux/seccomp: libseccomp: generate the filter: %w", err)
	}
	return program, nil
}

func addRule(f *libseccomp.ScmpFilter, r *rule) error {
	// The number on the native architecture, or the negative one by which libseccomp knows a call that only others have.
	// A rule for a call that an architecture of the filter lacks is left out there, without an error.
	number, err := libseccomp.GetSyscallFromName(r.name)
	if err != nil {
		return err
	}
	conditions := make([]libseccomp.ScmpCondition, len(r.conditions))
	for i, c := range r.conditions {
		conditions[i] = libseccomp.ScmpCondition{
			Argument: c.index, Op: operatorToken(c.op), Operand1: c.value, Operand2: c.two,
		}
	}
	err = f.AddRuleConditional(number, actionToken(r.verdict), conditions)
	if errors.Is(err, unix.EEXIST) {
		return nil // the same rule twice
	}
	return err
}

// export returns the program. libseccomp 2.5 can only write it to a file.
func export(f *libseccomp.ScmpFilter) ([]byte, error) {
	fd, err := unix.MemfdCreate("seccomp", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	file := os.NewFile(uintptr(fd), "memfd:seccomp")
	defer file.Close()
	if err := f.ExportBPF(file); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	program := make([]byte, info.Size())
	if _, err := file.ReadAt(program, 0); err != nil {
		return nil, err
	}
	return program, nil
}
