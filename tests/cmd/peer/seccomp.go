// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's struct seccomp_notif and seccomp_notif_resp (linux/seccomp.h).
type notification struct {
	ID    uint64
	Pid   uint32
	Flags uint32
	Nr    int32
	Arch  uint32
	IP    uint64
	Args  [6]uint64
}

type response struct {
	ID    uint64
	Val   int64
	Error int32
	Flags uint32
}

const (
	notifRecv    = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	notifSend    = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	flagContinue = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// agent prints the process state and then answers every call it is asked about
// until the last process with the filter is gone.
func agent(state string, fd, errno int) error {
	fmt.Println(state)
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
			return err
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			if poll[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
				return nil
			}
			continue
		}
		var n notification
		if err := ioctl(fd, notifRecv, unsafe.Pointer(&n)); err != nil {
			if err == unix.ENOENT || err == unix.EINTR {
				continue // the caller was killed meanwhile
			}
			return fmt.Errorf("receive a notification: %w", err)
		}
		fmt.Printf("call %d\n", n.Nr)
		r := response{ID: n.ID, Error: int32(-errno)}
		if errno == 0 {
			r.Flags = flagContinue
		}
		if err := ioctl(fd, notifSend, unsafe.Pointer(&r)); err != nil && err != unix.ENOENT {
			return fmt.Errorf("answer a notification: %w", err)
		}
	}
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
