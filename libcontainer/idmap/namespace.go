// SPDX-License-Identifier: Apache-2.0

package idmap

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// NewNamespace makes a user namespace with these maps and gives a descriptor of it, for an idmapped mount
// (mount_setattr(2), MOUNT_ATTR_IDMAP). Nothing else of the namespace remains.
//
// A namespace with maps needs a process in it for as long as these are written. That process is a copy of kist that is
// traced and therefore stops at its execve, before it executes an instruction of its own; it is killed right there.
func NewNamespace(uids, gids []specs.LinuxIDMapping, helpers Helpers) (int, error) {
	// The parent-death signal and the trace belong to the thread that makes the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pidfd := -1
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"kist:idmap"}, &syscall.ProcAttr{
		Sys: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, Ptrace: true, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd},
	})
	if err != nil {
		return -1, fmt.Errorf("user namespace for an id map: create: %w%s", err, advice(err))
	}
	defer func() {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		unix.Close(pidfd)
		for {
			// The stop is reported before the death.
			var status unix.WaitStatus
			_, err := unix.Wait4(pid, &status, unix.WALL, nil)
			if err == nil && (status.Exited() || status.Signaled()) || err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	if _, err := Write(pid, uids, gids, helpers); err != nil {
		return -1, fmt.Errorf("user namespace for an id map: %w", err)
	}
	proc, err := openProc(pid)
	if err != nil {
		return -1, err
	}
	defer unix.Close(proc)
	fd, err := unix.Openat(proc, "ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("user namespace for an id map: open: %w", err)
	}
	return fd, nil
}

func advice(err error) string {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EUSERS):
		return " (see user.max_user_namespaces in sysctl)"
	case errors.Is(err, unix.EPERM):
		return " (user namespaces or ptrace may be switched off: see kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, kernel.yama.ptrace_scope)"
	}
	return ""
}
