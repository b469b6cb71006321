// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
)

// pin restricts the calling thread, and by that the nsexec that it is about to
// start, to the CPUs that an exec begins on (execCPUAffinity.initial): nsexec
// may be born in the cgroup, so that it cannot do this by itself before. The
// goroutine stays on the thread until the function that pin gives is called.
func pin(p *specs.Process) (undo func(), err error) {
	if p.ExecCPUAffinity == nil || p.ExecCPUAffinity.Initial == "" {
		return func() {}, nil
	}
	mask, err := compile.CPUMask(p.ExecCPUAffinity.Initial)
	if err != nil {
		return nil, fmt.Errorf("/process/execCPUAffinity/initial: %w", err)
	}
	runtime.LockOSThread()
	old := make([]byte, compile.MaxCPUs/8)
	n, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETAFFINITY, 0, uintptr(len(old)), uintptr(unsafe.Pointer(&old[0])))
	if errno == 0 {
		old = old[:n]
		errno = setAffinity(mask)
	}
	if errno != 0 {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("/process/execCPUAffinity/initial: cpus %s: %w%s", p.ExecCPUAffinity.Initial, errno, noCPU(errno))
	}
	return func() {
		_ = setAffinity(old)
		runtime.UnlockOSThread()
	}, nil
}

func setAffinity(mask []byte) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, 0, uintptr(len(mask)), uintptr(unsafe.Pointer(&mask[0])))
	return errno
}

func noCPU(errno unix.Errno) string {
	if errno == unix.EINVAL {
		return " (none of them is there, or in kist's own cpuset)"
	}
	return ""
}
