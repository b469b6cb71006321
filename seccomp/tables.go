// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The tables are arrays of constants, so that the linker lays them out and nothing is built when the program starts.

// action is one row of the table of actions.
type action struct {
	name    string // in config.json
	verdict Verdict
	data    uint32 // the greatest errnoRet, 0 if the action takes none
}

// maxErrno is the kernel's MAX_ERRNO: a greater value of SECCOMP_RET_ERRNO is cut down to it.
const maxErrno = 4095

var actions = [...]action{
	{"SCMP_ACT_ALLOW", unix.SECCOMP_RET_ALLOW, 0},
	{"SCMP_ACT_ERRNO", unix.SECCOMP_RET_ERRNO, maxErrno},
	{"SCMP_ACT_KILL", unix.SECCOMP_RET_KILL_THREAD, 0},
	{"SCMP_ACT_KILL_PROCESS", unix.SECCOMP_RET_KILL_PROCESS, 0},
	{"SCMP_ACT_KILL_THREAD", unix.SECCOMP_RET_KILL_THREAD, 0},
	{"SCMP_ACT_LOG", unix.SECCOMP_RET_LOG, 0},
	{"SCMP_ACT_NOTIFY", unix.SECCOMP_RET_USER_NOTIF, 0},
	{"SCMP_ACT_TRACE", unix.SECCOMP_RET_TRACE, unix.SECCOMP_RET_DATA},
	{"SCMP_ACT_TRAP", unix.SECCOMP_RET_TRAP, 0},
}

// operator is a comparison of a condition.
type operator uint8

const (
	equal operator = iota
	greaterOrEqual
	greater
	lessOrEqual
	less
	maskedEqual
	notEqual
)

var operators = [...]string{
	equal:          "SCMP_CMP_EQ",
	greaterOrEqual: "SCMP_CMP_GE",
	greater:        "SCMP_CMP_GT",
	lessOrEqual:    "SCMP_CMP_LE",
	less:           "SCMP_CMP_LT",
	maskedEqual:    "SCMP_CMP_MASKED_EQ",
	notEqual:       "SCMP_CMP_NE",
}

// flag is one row of the table of filter flags.
type flag struct {
	name string
	bit  uint
	// probe is what the kernel must accept for the flag to be of use: a flag may ask for another one beside it.
	probe uint
}

const flagTsync, flagSpecAllow, flagWaitKillable = "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"

var flags = [...]flag{
	{"SECCOMP_FILTER_FLAG_LOG", unix.SECCOMP_FILTER_FLAG_LOG, unix.SECCOMP_FILTER_FLAG_LOG},
	{flagSpecAllow, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{flagTsync, unix.SECCOMP_FILTER_FLAG_TSYNC, unix.SECCOMP_FILTER_FLAG_TSYNC},
	{
		flagWaitKillable, unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
	},
}

// arch is one row of the table of architectures.
type arch struct {
	name  string // in config.json
	audit uint32 // AUDIT_ARCH_*: what a filter sees
	// base is what the architecture adds to the numbers that all architectures share since Linux 5.1 (firstCommon).
	base uint32
	bits int // width of a system call argument
	// kernels are the GOARCHes, each between blanks, whose kernels can run programs of the architecture. A filter on
	// another one never sees it.
	kernels string
}

// apart returns the range of numbers of an architecture that are out of the order of age; none if to is 0.
func (a *arch) apart() (from, to uint32) {
	switch a.name {
	case "SCMP_ARCH_ARM": // its private calls: breakpoint, cacheflush, set_tls (__ARM_NR_BASE)
		return 0x0f0000, 0x0fffff
	case "SCMP_ARCH_X32": // calls of the year 2012 whose structures differ from those of x86_64
		return x32Bit + 512, x32Bit + 547
	}
	return 0, 0
}

// x32Bit marks the numbers of x32, which shares its AUDIT_ARCH with x86_64.
const x32Bit = 0x40000000

var archs = [...]arch{
	{"SCMP_ARCH_AARCH64", unix.AUDIT_ARCH_AARCH64, 0, 64, " arm64 "},
	{"SCMP_ARCH_ARM", unix.AUDIT_ARCH_ARM, 0, 32, " arm arm64 "},
	{"SCMP_ARCH_LOONGARCH64", unix.AUDIT_ARCH_LOONGARCH64, 0, 64, " loong64 "},
	{"SCMP_ARCH_M68K", unix.AUDIT_ARCH_M68K, 0, 32, ""},
	{"SCMP_ARCH_MIPS", unix.AUDIT_ARCH_MIPS, 4000, 32, ""},
	{"SCMP_ARCH_MIPS64", unix.AUDIT_ARCH_MIPS64, 5000, 64, ""},
	{"SCMP_ARCH_MIPS64N32", unix.AUDIT_ARCH_MIPS64N32, 6000, 32, ""},
	{"SCMP_ARCH_MIPSEL", unix.AUDIT_ARCH_MIPSEL, 4000, 32, ""},
	{"SCMP_ARCH_MIPSEL64", unix.AUDIT_ARCH_MIPSEL64, 5000, 64, ""},
	{"SCMP_ARCH_MIPSEL64N32", unix.AUDIT_ARCH_MIPSEL64N32, 6000, 32, ""},
	{"SCMP_ARCH_PARISC", unix.AUDIT_ARCH_PARISC, 0, 32, ""},
	{"SCMP_ARCH_PARISC64", unix.AUDIT_ARCH_PARISC64, 0, 64, ""},
	{"SCMP_ARCH_PPC", unix.AUDIT_ARCH_PPC, 0, 32, " ppc64 "},
	{"SCMP_ARCH_PPC64", unix.AUDIT_ARCH_PPC64, 0, 64, " ppc64 "},
	{"SCMP_ARCH_PPC64LE", unix.AUDIT_ARCH_PPC64LE, 0, 64, " ppc64le "},
	{"SCMP_ARCH_RISCV64", unix.AUDIT_ARCH_RISCV64, 0, 64, " riscv64 "},
	{"SCMP_ARCH_S390", unix.AUDIT_ARCH_S390, 0, 32, " s390x "},
	{"SCMP_ARCH_S390X", unix.AUDIT_ARCH_S390X, 0, 64, " s390x "},
	{"SCMP_ARCH_SH", unix.AUDIT_ARCH_SHEL, 0, 32, ""},
	{"SCMP_ARCH_SHEB", unix.AUDIT_ARCH_SH, 0, 32, ""},
	{"SCMP_ARCH_X32", unix.AUDIT_ARCH_X86_64, x32Bit, 64, " amd64 "},
	{"SCMP_ARCH_X86", unix.AUDIT_ARCH_I386, 0, 32, " 386 amd64 "},
	{"SCMP_ARCH_X86_64", unix.AUDIT_ARCH_X86_64, 0, 64, " amd64 "},
}

// nativeName is the row of the architecture that programs of a GOARCH have, "" for a GOARCH that kist makes no filters
// for: MIPS, whose sockets are multiplexed in a way of its own.
func nativeName(goarch string) string {
	switch goarch {
	case "386":
		return "SCMP_ARCH_X86"
	case "amd64":
		return "SCMP_ARCH_X86_64"
	case "arm":
		return "SCMP_ARCH_ARM"
	case "arm64":
		return "SCMP_ARCH_AARCH64"
	case "loong64":
		return "SCMP_ARCH_LOONGARCH64"
	case "ppc64":
		return "SCMP_ARCH_PPC64"
	case "ppc64le":
		return "SCMP_ARCH_PPC64LE"
	case "riscv64":
		return "SCMP_ARCH_RISCV64"
	case "s390x":
		return "SCMP_ARCH_S390X"
	}
	return ""
}

func findAction(name string) *action {
	for i := range actions {
		if actions[i].name == name {
			return &actions[i]
		}
	}
	return nil
}

func findArch(name string) *arch {
	for i := range archs {
		if archs[i].name == name {
			return &archs[i]
		}
	}
	return nil
}

func findFlag(name string) *flag {
	for i := range flags {
		if flags[i].name == name {
			return &flags[i]
		}
	}
	return nil
}

// Actions returns the names that Compile accepts for an action, sorted.
func Actions() []string {
	names := make([]string, 0, len(actions))
	for i := range actions {
		names = append(names, actions[i].name)
	}
	return names
}

// Operators returns the names that Compile accepts for a comparison, sorted.
func Operators() []string { return slices.Clone(operators[:]) }

// Archs returns the names that Compile accepts for an architecture, sorted. Those that this machine's kernel cannot run
// need no part in a filter and get none.
func Archs() []string {
	names := make([]string, 0, len(archs))
	for i := range archs {
		names = append(names, archs[i].name)
	}
	return names
}

// KnownFlags returns the names that Compile accepts for a filter flag, sorted.
func KnownFlags() []string {
	names := make([]string, 0, len(flags))
	for i := range flags {
		names = append(names, flags[i].name)
	}
	return names
}

// SupportedFlags returns those of KnownFlags that the running kernel has, sorted.
func SupportedFlags() []string {
	var names []string
	for i := range flags {
		if kernelHas(flags[i].probe) {
			names = append(names, flags[i].name)
		}
	}
	return names
}

// kernelHas tells whether seccomp(2) takes the filter flags. With a program at address 0 a kernel that knows them gets as
// far as EFAULT; one that does not says EINVAL. Nothing is installed in either case.
func kernelHas(bits uint) bool {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(bits), 0)
	return errno == unix.EFAULT
}

// SupportedActions returns those of Actions that the running kernel has, sorted.
func SupportedActions() []string {
	var names []string
	for i := range actions {
		value := uint32(actions[i].verdict)
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&value)))
		if errno == 0 {
			names = append(names, actions[i].name)
		}
	}
	return names
}
