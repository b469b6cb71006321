// SPDX-License-Identifier: Apache-2.0

package nsexec

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// waits is a program that syncs, keeps the answer and tells it.
func waits(b *program.Builder) {
	r := b.Alloc()
	b.Sync(5, program.I(-9), program.None).Into(r)
	b.Tell(6, r.V())
}

func TestSync(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		t.Run("value", func(t *testing.T) {
			r := start(t, im, build(t, 0, waits))
			r.want(told(5, 0, -9), false)
			r.send(program.Message{Kind: program.MsgGo, Value: 1 << 50})
			r.want(told(6, 1, 1<<50), false)
			r.ended(0)
		})
		t.Run("refusal", func(t *testing.T) { // the parent answers with an errno
			r := start(t, im, build(t, 0, waits))
			r.want(told(5, 0, -9), false)
			r.send(program.Message{Kind: program.MsgGo, Value: -int64(unix.EACCES)})
			r.wantFail(0, unix.EACCES)
			r.exit(1)
		})
		t.Run("descriptor to the parent", func(t *testing.T) {
			r := start(t, im, build(t, 0, func(b *program.Builder) {
				fd, _ := b.Openat2(program.Cwd, "/", unix.O_PATH|unix.O_DIRECTORY, 0, 0)
				b.Sync(5, program.I(3), fd.FD())
			}))
			m, fd, ok := r.recv()
			var want, got unix.Stat_t
			if err := unix.Stat("/", &want); err != nil {
				t.Fatal(err)
			}
			if err := unix.Fstat(fd, &got); !ok || m != told(5, 1, 3) || err != nil || got.Ino != want.Ino || got.Dev != want.Dev {
				t.Errorf("got %+v, descriptor %d: %v", m, fd, err)
			}
			unix.Close(fd)
			r.send(program.Message{Kind: program.MsgGo})
			r.ended(0)
		})
		t.Run("descriptor from the parent", func(t *testing.T) {
			r := start(t, im, build(t, 0, func(b *program.Builder) {
				fd := b.Alloc()
				b.Sync(5, program.I(0), program.None).Into(fd)
				b.Write(fd.FD(), "hello")
				flags := b.Alloc()
				b.Call(unix.SYS_FCNTL, fd.V(), program.I(unix.F_GETFD)).Into(flags)
				b.Tell(7, flags.V())
			}))
			r.want(told(5, 0, 0), false)
			rd, wr, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer rd.Close()
			r.send(program.Message{Kind: program.MsgGo, Value: 99}, int(wr.Fd()))
			wr.Close()
			buf := make([]byte, 16)
			if n, err := rd.Read(buf); err != nil || string(buf[:n]) != "hello" {
				t.Errorf("read %q, %v", buf[:n], err)
			}
			r.want(told(7, 3, unix.FD_CLOEXEC), false)
			r.ended(0)
		})
		t.Run("tell does not wait", func(t *testing.T) {
			r := start(t, im, build(t, 0, func(b *program.Builder) { b.Tell(1, program.I(0)); b.Tell(2, program.I(0)) }))
			r.want(told(1, 0, 0), false)
			r.want(told(2, 1, 0), false)
			r.ended(0)
		})
		t.Run("a descriptor that is none", func(t *testing.T) {
			r := start(t, im, build(t, 0, func(b *program.Builder) { b.Sync(5, program.I(0), program.Number(999)) }))
			r.wantFail(0, unix.EBADF)
			r.exit(1)
		})
	})
}

// The parent's end closing means that it is gone: nothing is left behind.
func TestParentGone(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		t.Run("while it waits", func(t *testing.T) {
			r := start(t, im, build(t, 0, func(b *program.Builder) {
				b.Sync(5, program.I(0), program.None).IgnoreAny()
				b.Exit(9)
			}))
			r.want(told(5, 0, 0), false)
			r.exit(1)
		})
		t.Run("before it tells", func(t *testing.T) {
			r := start(t, im, build(t, 0, func(b *program.Builder) {
				b.Sync(5, program.I(0), program.None)
				b.Call(unix.SYS_FCHDIR, program.I(999))
				b.Exit(9)
			}))
			r.want(told(5, 0, 0), false)
			r.send(program.Message{Kind: program.MsgGo})
			r.exit(1)
		})
	})
}

// A word that is not exactly one message with at most one descriptor is none.
func TestBadWord(t *testing.T) {
	goOn := program.Message{Kind: program.MsgGo}.Encode()
	for _, tt := range []struct {
		name string
		data []byte
		fds  []int
	}{
		{"short", goOn[:15], nil},
		{"long", append(append([]byte{}, goOn[:]...), 0), nil},
		{"two descriptors", goOn[:], []int{0, 1}},
		{"a report", func() []byte { b := program.Message{Kind: program.MsgFail}.Encode(); return b[:] }(), nil},
		{"unknown kind", func() []byte { b := program.Message{Kind: 99}.Encode(); return b[:] }(), nil},
		{"a program without descriptor", func() []byte { b := program.Message{Kind: program.MsgProgram}.Encode(); return b[:] }(), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, im image) {
				r := start(t, im, build(t, 0, waits))
				r.want(told(5, 0, -9), false)
				r.sendBytes(tt.data, tt.fds...)
				if m, _, ok := r.recv(); ok {
					t.Errorf("went on: %+v", m)
				}
				r.ended(1)
			})
		})
	}
}

// A program that comes with the wrong word is not run.
func TestBadWordWithProgram(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		r := start(t, im, build(t, 0, waits))
		r.want(told(5, 0, -9), false)
		fd := memfd(t, encode(build(t, 1, func(b *program.Builder) { b.Exit(9) }), false), 0)
		r.send(program.Message{Kind: program.MsgSync}, fd)
		unix.Close(fd)
		r.ended(1)
	})
}

// When the kernel cannot install the descriptor, the value must not be taken
// for it: 0 would be stdin.
func TestNoRoomForDescriptor(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		r := start(t, im, build(t, 0, func(b *program.Builder) {
			b.Sync(4, program.I(0), program.None)
			waits(b)
		}))
		r.want(told(4, 0, 0), false)
		lim := unix.Rlimit{Cur: 3, Max: 3}
		if err := unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &lim, nil); err != nil {
			t.Fatal(err)
		}
		r.send(program.Message{Kind: program.MsgGo})
		r.want(told(5, 1, -9), false)
		r.send(program.Message{Kind: program.MsgGo}, 0)
		if m, _, ok := r.recv(); ok {
			t.Errorf("went on: %+v", m)
		}
		r.ended(1)
	})
}

// handOver sends a program and closes our copy.
func (r *run) handOver(data []byte) {
	r.t.Helper()
	fd := memfd(r.t, data, 0)
	r.send(program.Message{Kind: program.MsgProgram}, fd)
	unix.Close(fd)
}

func TestFurtherPrograms(t *testing.T) {
	sync := func(b *program.Builder) { b.Sync(5, program.I(0), program.None) }
	each(t, func(t *testing.T, im image) {
		t.Run("slots stay", func(t *testing.T) {
			var slot program.Reg
			r := start(t, im, build(t, 0, func(b *program.Builder) {
				slot = b.Load(b.Words(77), 8)
				sync(b)
			}))
			r.want(told(5, 1, 0), false)
			r.handOver(encode(build(t, 1, func(b *program.Builder) { b.Tell(1, slot.V()); b.Exit(4) }), false))
			r.want(told(1, 0, 77), false)
			r.ended(4)
		})
		t.Run("a failure names the program", func(t *testing.T) {
			r := start(t, im, build(t, 0, sync))
			r.want(told(5, 0, 0), false)
			r.handOver(encode(build(t, 1, func(b *program.Builder) { b.Fchdir(program.Number(999)) }), false))
			r.want(program.Message{Kind: program.MsgFail, Code: 2, Value: int64(unix.EBADF)}, false)
			r.exit(1)
		})
		t.Run("as many as there may be", func(t *testing.T) {
			r := start(t, im, build(t, 0, sync))
			for i := 1; i < program.MaxLoaded; i++ {
				r.want(told(5, 0, 0), false)
				r.handOver(encode(build(t, i, sync), false))
			}
			r.want(told(5, 0, 0), false)
			r.handOver(encode(build(t, program.MaxLoaded, sync), false))
			r.want(program.Message{Kind: program.MsgFail, Code: program.MaxLoaded, Value: int64(unix.ENOEXEC)}, false)
			r.exit(1)
		})
		t.Run("for another place", func(t *testing.T) {
			r := start(t, im, build(t, 0, sync))
			r.want(told(5, 0, 0), false)
			r.handOver(encode(build(t, 2, sync), false))
			r.wantFail(0, unix.ENOEXEC)
			r.exit(1)
		})
	})
}

// A header that does not fit is refused, before anything is mapped.
func TestHeader(t *testing.T) {
	le := binary.LittleEndian
	// sparse makes the file as long as any header may claim.
	const sparse = 1 << 33
	for _, tt := range []struct {
		name string
		edit func(f []byte) []byte
	}{
		{"empty", func(f []byte) []byte { return nil }},
		{"header cut off", func(f []byte) []byte { return f[:47] }},
		{"instructions cut off", func(f []byte) []byte { return f[:100] }},
		{"recorder cut off", func(f []byte) []byte { return f[:len(f)-1] }},
		{"recorder missing", func(f []byte) []byte { return f[:le.Uint32(f[28:])] }},
		{"magic", func(f []byte) []byte { f[0]++; return f }},
		{"version", func(f []byte) []byte { f[4]++; return f }},
		{"base", func(f []byte) []byte { f[9]++; return f }},
		{"no instructions", func(f []byte) []byte { le.PutUint32(f[16:], 0); le.PutUint32(f[20:], 48); return f }},
		{"one instruction more", func(f []byte) []byte { f[16]++; return f }},
		{"too many instructions", func(f []byte) []byte {
			const n = program.MaxInsns + 1
			le.PutUint32(f[16:], n)
			le.PutUint32(f[20:], 48+64*n)
			le.PutUint32(f[28:], 65<<20)
			return f
		}},
		{"blob before its place", func(f []byte) []byte { f[20]--; return f }},
		{"blob over the recorder", func(f []byte) []byte { le.PutUint32(f[24:], le.Uint32(f[28:])); return f }},
		{"blob too large", func(f []byte) []byte {
			le.PutUint32(f[24:], program.MaxBlob+1)
			le.PutUint32(f[28:], program.MaxBlob+1<<20)
			return f
		}},
		{"blob of 4 GiB", func(f []byte) []byte { le.PutUint32(f[24:], 0xffffffff); return f }},
		{"recorder not on a page", func(f []byte) []byte { le.PutUint32(f[28:], le.Uint32(f[28:])+8); return f }},
		{"recorder far away", func(f []byte) []byte { le.PutUint32(f[28:], 0xfffff000); return f }},
		{"recorder too short", func(f []byte) []byte { le.PutUint32(f[32:], 15); return f }},
		{"recorder too long", func(f []byte) []byte { le.PutUint32(f[32:], 1<<30); return f }},
		{"no room for the trace", func(f []byte) []byte { f[6] |= program.FlagTrace; return f }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, im image) {
				file := encode(build(t, 0, waits), false)
				whole := len(file)
				file = tt.edit(file)
				sizes := []int64{0}
				if len(file) == whole {
					sizes = append(sizes, sparse)
				}
				for _, size := range sizes {
					if tt.name == "recorder too long" && size == sparse {
						continue // there it is that long
					}
					r := startSparse(t, im, file, size, 0)
					r.want(program.Message{Kind: program.MsgFail, Value: int64(unix.ENOEXEC)}, false)
					r.ended(1)
				}
			})
		})
	}
}

// Signals that are caught interrupt system calls; the wait goes on.
func TestInterruptedWait(t *testing.T) {
	for _, im := range images {
		if im.name != "sanitized" { // which alone has a handler
			continue
		}
		r := start(t, im, build(t, 0, waits))
		r.want(told(5, 0, -9), false)
		for range 20 {
			if err := r.cmd.Process.Signal(unix.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond) // so that they do not become one
		}
		r.send(program.Message{Kind: program.MsgGo, Value: 8})
		r.want(told(6, 1, 8), false)
		r.ended(0)
	}
}
