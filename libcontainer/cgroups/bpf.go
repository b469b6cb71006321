// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bpfAttr is union bpf_attr, larger than any kernel's so far. bpf(2) may write
// back into it: since 6.17 BPF_PROG_QUERY stores a revision behind the fields
// that older programs pass, so what is passed is always full size and zeroed
// (invariant I-25).
type bpfAttr [32]uint64

func (a *bpfAttr) put32(offset int, v uint32) {
	*(*uint32)(unsafe.Pointer(&(*[256]byte)(unsafe.Pointer(a))[offset])) = v
}

func (a *bpfAttr) get32(offset int) uint32 {
	return *(*uint32)(unsafe.Pointer(&(*[256]byte)(unsafe.Pointer(a))[offset]))
}

// size is what is told to the kernel. It must cover the field that the kernel
// writes and may be followed only by zeros where the kernel is older.
const bpfAttrSize = 128

func bpf(cmd int, a *bpfAttr) (int, error) {
	for tries := 0; ; tries++ {
		r, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(cmd), uintptr(unsafe.Pointer(a)), bpfAttrSize)
		switch {
		case errno == 0:
			return int(r), nil
		case errno == unix.EINTR, errno == unix.EAGAIN && tries < 30:
			continue // the verifier gives up when a signal arrives
		}
		return -1, errno
	}
}

// attachDeviceFilter makes the program the only device filter of the cgroup;
// without instructions there is none. An old one is replaced in one step, so
// that there is no moment without a filter, and never a second one: filters add
// up, and 64 is the limit.
func attachDeviceFilter(p string, insns []bpfInsn) error {
	dir, err := openRetry(p, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	old, err := attachedFilters(dir)
	if err != nil {
		return fmt.Errorf("query device filters: %w", err)
	}
	defer closeAll(old)
	if len(insns) == 0 {
		return detachFilters(dir, old)
	}
	prog, err := loadDeviceFilter(insns)
	if err != nil {
		return fmt.Errorf("load device filter: %w", err)
	}
	// The cgroup keeps the program alive; the descriptor is not needed further.
	defer unix.Close(prog)
	if err := attachFilter(dir, prog, old); err != nil {
		return fmt.Errorf("attach device filter: %w", err)
	}
	return nil
}

func attachFilter(dir, prog int, old []int) error {
	var a bpfAttr
	a.put32(0, uint32(dir))
	a.put32(4, uint32(prog))
	a.put32(8, unix.BPF_CGROUP_DEVICE)
	a.put32(12, unix.BPF_F_ALLOW_MULTI)
	replaced := 0
	if len(old) > 0 {
		a.put32(12, unix.BPF_F_ALLOW_MULTI|unix.BPF_F_REPLACE)
		a.put32(16, uint32(old[0]))
		replaced = 1
	}
	if _, err := bpf(unix.BPF_PROG_ATTACH, &a); err != nil {
		return err
	}
	return detachFilters(dir, old[replaced:])
}

func detachFilters(dir int, old []int) error {
	for _, fd := range old {
		var a bpfAttr
		a.put32(0, uint32(dir))
		a.put32(4, uint32(fd))
		a.put32(8, unix.BPF_CGROUP_DEVICE)
		if _, err := bpf(unix.BPF_PROG_DETACH, &a); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("detach the old device filter: %w", err)
		}
	}
	return nil
}

// attachedFilters returns descriptors of the filters on the directory itself.
// A filter that a security module hides is left where it is: it can only
// restrict further.
func attachedFilters(dir int) ([]int, error) {
	var ids [64]uint32 // the kernel allows no more on one cgroup
	var a bpfAttr
	a.put32(0, uint32(dir))
	a.put32(4, unix.BPF_CGROUP_DEVICE)
	var pin runtime.Pinner
	pin.Pin(&ids)
	defer pin.Unpin()
	a[2] = uint64(uintptr(unsafe.Pointer(&ids)))
	a.put32(24, uint32(len(ids)))
	if _, err := bpf(unix.BPF_PROG_QUERY, &a); err != nil {
		return nil, err
	}
	var fds []int
	for _, id := range ids[:min(int(a.get32(24)), len(ids))] {
		var a bpfAttr
		a.put32(0, id)
		fd, err := bpf(unix.BPF_PROG_GET_FD_BY_ID, &a)
		switch {
		case err == nil:
			fds = append(fds, fd)
		case errors.Is(err, unix.ENOENT), isPermission(err):
		default:
			closeAll(fds)
			return nil, err
		}
	}
	return fds, nil
}

func loadDeviceFilter(insns []bpfInsn) (int, error) {
	license := [...]byte{'A', 'p', 'a', 'c', 'h', 'e', 0}
	var pin runtime.Pinner
	pin.Pin(&insns[0])
	pin.Pin(&license)
	defer pin.Unpin()
	var a bpfAttr
	a.put32(0, unix.BPF_PROG_TYPE_CGROUP_DEVICE)
	a.put32(4, uint32(len(insns)))
	a[1] = uint64(uintptr(unsafe.Pointer(&insns[0])))
	a[2] = uint64(uintptr(unsafe.Pointer(&license)))
	fd, err := bpf(unix.BPF_PROG_LOAD, &a)
	if err == nil || errors.Is(err, unix.EPERM) {
		return fd, err
	}
	// Once more with the verifier's log, for the message.
	log := make([]byte, 64<<10)
	pin.Pin(&log[0])
	a.put32(24, 1)
	a.put32(28, uint32(len(log)))
	a[4] = uint64(uintptr(unsafe.Pointer(&log[0])))
	fd, again := bpf(unix.BPF_PROG_LOAD, &a)
	if again == nil {
		return fd, nil
	}
	text, _, _ := strings.Cut(string(log), "\x00")
	return -1, fmt.Errorf("%w: %s", err, strings.TrimSpace(text))
}
