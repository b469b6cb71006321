// SPDX-License-Identifier: Apache-2.0

package seccomp

import "runtime"

// firstCommon is the number of the first system call that has the same number on every architecture, apart from a base
// per architecture (arch.base). Every call added to Linux since 5.1 is such a one.
const firstCommon = 424

// common names the system calls from firstCommon on. libseccomp knows those that existed when it was released; for
// the others this table has the number.
//
// To add a call of a new kernel: append its name; scripts/syscall.tbl in the kernel's source has the order.
var common = [...]string{
	"pidfd_send_signal", // 424, Linux 5.1
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"open_tree", // 428, 5.2
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"pidfd_open", // 434, 5.3
	"clone3",
	"close_range", // 436, 5.9
	"openat2",     // 437, 5.6
	"pidfd_getfd",
	"faccessat2",      // 439, 5.8
	"process_madvise", // 440, 5.10
	"epoll_pwait2",    // 441, 5.11
	"mount_setattr",   // 442, 5.12
	"quotactl_fd",     // 443, 5.14
	"landlock_create_ruleset",
	"landlock_add_rule",
	"landlock_restrict_self",
	"memfd_secret",
	"process_mrelease",        // 448, 5.15
	"futex_waitv",             // 449, 5.16
	"set_mempolicy_home_node", // 450, 5.17
	"cachestat",               // 451, 6.5
	"fchmodat2",               // 452, 6.6
	"map_shadow_stack",
	"futex_wake", // 454, 6.7
	"futex_wait",
	"futex_requeue",
	"statmount", // 457, 6.8
	"listmount",
	"lsm_get_self_attr",
	"lsm_set_self_attr",
	"lsm_list_modules",
	"mseal",      // 462, 6.10
	"setxattrat", // 463, 6.13
	"getxattrat",
	"listxattrat",
	"removexattrat",
	"open_tree_attr", // 467, 6.15
	"file_getattr",   // 468, 6.17
	"file_setattr",
	"listns",           // 470, 6.19
	"rseq_slice_yield", // 471, 7.0
}

// commonNumber returns the number of a system call of common.
func commonNumber(name string) (uint32, bool) {
	for i := range common {
		if common[i] == name {
			return firstCommon + uint32(i), true
		}
	}
	return 0, false
}

// peculiar tells whether the name is that of a system call which some architecture other than this has under a number of
// its own and which libseccomp 2.5.4 does not know. A profile may list it; there is nothing to compile. The
// same goes for uretprobe and uprobe, which the kernel lets pass every filter.
func peculiar(name string) bool {
	switch name {
	case "uprobe", "uretprobe": // x86
		return true
	case "riscv_hwprobe":
		return runtime.GOARCH != "riscv64"
	case "kern_features", "memory_ordering", "perfctr", "utrap_install": // sparc
		return true
	case "atomic_barrier", "atomic_cmpxchg_32": // m68k
		return true
	}
	return false
}
