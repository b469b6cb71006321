// SPDX-License-Identifier: Apache-2.0

//go:build cgo && seccomp

package seccomp

import (
	"strconv"

	libseccomp "github.com/seccomp/libseccomp-golang"
)

// Supported tells whether this build can compile profiles.
const Supported = true

// Version returns the version of libseccomp, such as "2.5.4"; "" if this build has none.
func Version() string {
	major, minor, micro := libseccomp.GetLibraryVersion()
	b := strconv.AppendUint(make([]byte, 0, 16), uint64(major), 10)
	b = strconv.AppendUint(append(b, '.'), uint64(minor), 10)
	return string(strconv.AppendUint(append(b, '.'), uint64(micro), 10))
}

// lookup is the resolver that asks libseccomp.
func lookup(name string, a *arch) (int64, bool) {
	number, err := libseccomp.GetSyscallFromNameByArch(name, token(a))
	if err != nil {
		return -1, false
	}
	return int64(number), true
}

// token returns libseccomp's name for an architecture that has a kernel that kist runs on.
func token(a *arch) libseccomp.ScmpArch {
	switch a.name {
	case "SCMP_ARCH_AARCH64":
		return libseccomp.ArchARM64
	case "SCMP_ARCH_ARM":
		return libseccomp.ArchARM
	case "SCMP_ARCH_LOONGARCH64":
		return libseccomp.ArchLOONGARCH64
	case "SCMP_ARCH_PPC":
		return libseccomp.ArchPPC
	case "SCMP_ARCH_PPC64":
		return libseccomp.ArchPPC64
	case "SCMP_ARCH_PPC64LE":
		return libseccomp.ArchPPC64LE
	case "SCMP_ARCH_RISCV64":
		return libseccomp.ArchRISCV64
	case "SCMP_ARCH_S390":
		return libseccomp.ArchS390
	case "SCMP_ARCH_S390X":
		return libseccomp.ArchS390X
	case "SCMP_ARCH_X32":
		return libseccomp.ArchX32
	case "SCMP_ARCH_X86":
		return libseccomp.ArchX86
	case "SCMP_ARCH_X86_64":
		return libseccomp.ArchAMD64
	}
	return libseccomp.ArchInvalid
}
