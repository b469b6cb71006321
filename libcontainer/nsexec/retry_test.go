// SPDX-License-Identifier: Apache-2.0

package nsexec

import (
	"encoding/binary"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// notifyFilter is a seccomp filter that asks its listener about one system call.
func notifyFilter(nr uint32) []byte {
	var b []byte
	for _, in := range []struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}{
		{unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, 0, 0, 0}, // seccomp_data.nr
		{unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, 0, 1, nr},
		{unix.BPF_RET | unix.BPF_K, 0, 0, unix.SECCOMP_RET_USER_NOTIF},
		{unix.BPF_RET | unix.BPF_K, 0, 0, unix.SECCOMP_RET_ALLOW},
	} {
		b = binary.LittleEndian.AppendUint16(b, in.code)
		b = append(b, in.jt, in.jf)
		b = binary.LittleEndian.AppendUint32(b, in.k)
	}
	return b
}

// answer lets the next notified system call fail with e.
func answer(t *testing.T, listener int, e unix.Errno) {
	t.Helper()
	if !pending(t, listener, 20000) {
		t.Fatal("the system call was not made again")
	}
	var notif [80]byte // struct seccomp_notif
	if err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&notif)); err != 0 {
		t.Fatalf("SECCOMP_IOCTL_NOTIF_RECV: %v", err)
	}
	var resp [24]byte // struct seccomp_notif_resp: id, val, error, flags
	copy(resp[:8], notif[:8])
	binary.LittleEndian.PutUint32(resp[16:], uint32(-int32(e)))
	if err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&resp)); err != 0 {
		t.Fatalf("SECCOMP_IOCTL_NOTIF_SEND: %v", err)
	}
}

func ioctl(fd int, req uintptr, arg unsafe.Pointer) unix.Errno {
	for {
		_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(arg))
		if e != unix.EINTR {
			return e
		}
	}
}

// pending says whether a notified system call waits for an answer, or comes to
// within so many milliseconds.
func pending(t *testing.T, listener, ms int) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, ms)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n == 1 && fds[0].Revents&unix.POLLIN != 0
	}
}

// Which failures nsexec tries again, and how often: the test is the kernel.
func TestRetry(t *testing.T) {
	openat2 := func(b *program.Builder) program.On {
		_, on := b.Openat2(program.Cwd, "/", unix.O_PATH, 0, 0)
		return on
	}
	for _, tt := range []struct {
		name  string
		nr    uint32
		call  func(b *program.Builder) program.On
		errno unix.Errno
		tries int // then it gives up
	}{
		{"openat2, EAGAIN", unix.SYS_OPENAT2, openat2, unix.EAGAIN, 128},
		{"openat2, ENOENT", unix.SYS_OPENAT2, openat2, unix.ENOENT, 1},
		{"umask, EAGAIN", unix.SYS_UMASK, func(b *program.Builder) program.On { return b.Call(unix.SYS_UMASK, program.I(0)) }, unix.EAGAIN, 1},
		{"close, EINTR", unix.SYS_CLOSE, func(b *program.Builder) program.On { return b.Call(unix.SYS_CLOSE, program.I(2)) }, unix.EINTR, 1},
		{"umask, EINTR", unix.SYS_UMASK, func(b *program.Builder) program.On { return b.Call(unix.SYS_UMASK, program.I(0)) }, unix.EINTR, 0},
		{"openat2, EINTR", unix.SYS_OPENAT2, openat2, unix.EINTR, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, im image) {
				r := start(t, im, build(t, 0, func(b *program.Builder) {
					listener := b.Alloc()
					b.Prctl(unix.PR_SET_NO_NEW_PRIVS, program.I(1))
					b.Seccomp(notifyFilter(tt.nr), unix.SECCOMP_FILTER_FLAG_NEW_LISTENER).Into(listener)
					b.Sync(1, program.I(0), listener.FD())
					tt.call(b)
				}))
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				_, listener, ok := r.recv()
				if !ok || listener < 0 {
					t.Fatal("no listener")
				}
				defer unix.Close(listener)
				r.send(program.Message{Kind: program.MsgGo})
				tries, reported := tt.tries, tt.errno
				if tries == 0 {
					tries = 300 // for ever, as far as it can be tested
				}
				for range tries {
					answer(t, listener, tt.errno)
				}
				if tt.tries == 0 {
					reported = unix.EPERM
					answer(t, listener, reported) // it has come again
				}
				r.wantFail(3, reported)
				if pending(t, listener, 0) {
					t.Error("tried once more")
				}
				r.exit(1)
			})
		})
	}
}
