// SPDX-License-Identifier: Apache-2.0

package nsexec

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// told is what a tell of code from instruction insn looks like.
func told(code uint16, insn int, value int64) program.Message {
	return program.Message{Kind: program.MsgSync, Code: code, Insn: uint32(insn), Value: value}
}

func TestOperations(t *testing.T) {
	I := program.I[int64]
	for _, tt := range []struct {
		name  string
		build func(b *program.Builder)
		want  []program.Message
	}{
		{"immediate", func(b *program.Builder) { b.Tell(7, I(math.MinInt64)) }, []program.Message{told(7, 0, math.MinInt64)}},
		{"load long", func(b *program.Builder) { b.Tell(1, b.Load(b.Words(1<<40), 8).V()) }, []program.Message{told(1, 1, 1<<40)}},
		{"load int", func(b *program.Builder) { b.Tell(1, b.Load(b.Words(0xfffffff0_80000000), 4).V()) },
			[]program.Message{told(1, 1, math.MinInt32)}},
		{"store long", func(b *program.Builder) {
			at := b.Words(0, 0)
			b.Store(at, I(-5000), 8)
			b.Tell(1, b.Load(at, 8).V())
			b.Tell(2, b.Load(at+8, 8).V())
		}, []program.Message{told(1, 2, -5000), told(2, 4, 0)}},
		{"store int keeps what is beside it", func(b *program.Builder) {
			at := b.Words(^uint64(0) >> 1)
			b.Store(at, I(1), 4)
			b.Tell(1, b.Load(at, 8).V())
		}, []program.Message{told(1, 2, 0x7fffffff_00000001)}},
		{"store a slot", func(b *program.Builder) {
			at := b.Words(42, 0)
			b.Store(at+8, b.Load(at, 8).V(), 8)
			b.Tell(1, b.Load(at+8, 8).V())
		}, []program.Message{told(1, 3, 42)}},
		{"check holds", func(b *program.Builder) {
			b.Check(b.Words(0x1234), 0xff00, 0x1200, unix.EIO)
			b.Tell(1, I(0))
		}, []program.Message{told(1, 1, 0)}},
		{"check does not hold", func(b *program.Builder) {
			l := b.NewLabel()
			b.Check(b.Words(0x1234), 0xff00, 0x1300, unix.EIO).Jump(l, unix.EIO)
			b.Tell(1, I(0))
			b.Bind(l)
			b.Tell(2, I(0))
		}, []program.Message{told(2, 2, 0)}},
		{"jump", func(b *program.Builder) {
			l := b.NewLabel()
			b.Jump(l)
			b.Tell(1, I(0))
			b.Bind(l)
			b.Tell(2, I(0))
		}, []program.Message{told(2, 2, 0)}},
		{"jump if not", func(b *program.Builder) {
			l := b.NewLabel()
			b.JumpIf(b.Load(b.Words(0), 8), l)
			b.Tell(1, I(0))
			b.Bind(l)
			b.Tell(2, I(0))
		}, []program.Message{told(1, 2, 0), told(2, 3, 0)}},
		{"result", func(b *program.Builder) {
			r := b.Alloc()
			b.Call(unix.SYS_UMASK, I(0o7)).Into(r)
			b.Call(unix.SYS_UMASK, I(0)).Into(r)
			b.Tell(1, r.V())
		}, []program.Message{told(1, 2, 7)}},
		{"result is not kept after an error", func(b *program.Builder) {
			r := b.Load(b.Words(42), 8)
			b.Call(unix.SYS_CLOSE, I(-1)).Into(r).IgnoreAny()
			b.Tell(1, r.V())
		}, []program.Message{told(1, 2, 42)}},
		{"six arguments", func(b *program.Builder) {
			// mmap refuses an offset that is no multiple of a page, the sixth argument.
			l := b.NewLabel()
			b.Call(unix.SYS_MMAP, I(0), I(4096), I(unix.PROT_READ), I(unix.MAP_PRIVATE|unix.MAP_ANONYMOUS), I(-1), I(0))
			b.Call(unix.SYS_MMAP, I(0), I(4096), I(unix.PROT_READ), I(unix.MAP_PRIVATE|unix.MAP_ANONYMOUS), I(-1), I(1)).Jump(l, unix.EINVAL)
			b.Exit(3)
			b.Bind(l)
			b.Tell(1, I(0))
		}, []program.Message{told(1, 3, 0)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, im image) {
				r := start(t, im, build(t, 0, tt.build))
				for _, m := range tt.want {
					r.want(m, false)
				}
				r.ended(0)
			})
		})
	}
}

func TestErrorPolicy(t *testing.T) {
	missing := func(b *program.Builder) program.On {
		_, on := b.Openat2(program.Cwd, "/no/such/file", unix.O_PATH, 0, 0)
		return on
	}
	after := func(b *program.Builder) { b.Tell(1, program.I(0)) }
	for _, tt := range []struct {
		name  string
		build func(b *program.Builder)
		fails bool
	}{
		{"none", func(b *program.Builder) { missing(b); after(b) }, true},
		{"another errno", func(b *program.Builder) { missing(b).Ignore(unix.EPERM, unix.EACCES); after(b) }, true},
		{"the last of six", func(b *program.Builder) { missing(b).Ignore(1, 3, 4, 5, 6, unix.ENOENT); after(b) }, false},
		{"any", func(b *program.Builder) { missing(b).IgnoreAny(); after(b) }, false},
		{"jump over a failure", func(b *program.Builder) {
			l := b.NewLabel()
			missing(b).Jump(l, unix.ENOENT)
			missing(b)
			b.Bind(l)
			after(b)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, im image) {
				r := start(t, im, build(t, 0, tt.build))
				m, _, ok := r.recv()
				switch {
				case !ok:
					t.Fatal("the connection ended")
				case tt.fails && (m != program.Message{Kind: program.MsgFail, Code: 1, Value: int64(unix.ENOENT)}):
					t.Errorf("got %+v, want a failure with ENOENT", m)
				case !tt.fails && m.Kind != program.MsgSync:
					t.Errorf("got %+v, want to be told", m)
				}
				if tt.fails {
					r.exit(1)
				} else {
					r.ended(0)
				}
			})
		})
	}
}

// A report carries the descriptor of the first argument, if that is asked for.
func TestReport(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r := start(t, im, build(t, 0, func(b *program.Builder) {
			fd, _ := b.Openat2(program.Cwd, file, unix.O_RDONLY, 0, 0)
			b.Fchdir(fd.FD()).Report()
		}))
		m, fd, ok := r.recv()
		if !ok || m.Kind != program.MsgFail || m.Insn != 1 || m.Value != int64(unix.ENOTDIR) || fd < 0 {
			t.Fatalf("got %+v, descriptor %d", m, fd)
		}
		var want, got unix.Stat_t
		if err := unix.Stat(file, &want); err != nil {
			t.Fatal(err)
		}
		if err := unix.Fstat(fd, &got); err != nil || got.Ino != want.Ino {
			t.Errorf("another file: %v", err)
		}
		unix.Close(fd)
		r.exit(1)
	})
}

// What Verify refuses, nsexec survives all the same: it never reads or writes
// outside of the program, and always ends.
func TestOutOfBounds(t *testing.T) {
	const insnOff = 48
	set := func(insn, off int, b ...byte) func([]byte) {
		return func(f []byte) { copy(f[insnOff+64*insn+off:], b) }
	}
	le64 := func(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }
	edit := func(edits ...func([]byte)) func([]byte) {
		return func(f []byte) {
			for _, e := range edits {
				e(f)
			}
		}
	}
	const opOff, nrOff, targetOff, kindsOff, errsOff, argOff = 0, 2, 4, 8, 10, 16
	for _, tt := range []struct {
		name string
		edit func([]byte)
		want unix.Errno
	}{
		{"address at the end of the blob", edit(set(1, kindsOff, 1), set(1, argOff, le64(32)...)), unix.EFAULT},
		{"negative address", edit(set(1, kindsOff, 1), set(1, argOff, le64(-1)...)), unix.EFAULT},
		{"slot", edit(set(1, kindsOff, 2), set(1, argOff, le64(64)...)), unix.EFAULT},
		{"negative slot", edit(set(1, kindsOff, 2), set(1, argOff, le64(-1)...)), unix.EFAULT},
		{"kind", set(1, kindsOff, 3), unix.EFAULT},
		{"kind of the last argument", set(1, kindsOff+1, 3<<2), unix.EFAULT},
		{"target behind", edit(set(1, opOff, 4), set(1, targetOff, 1), set(1, argOff, 1)), unix.EFAULT},
		{"target outside", edit(set(1, opOff, 4), set(1, targetOff, 4), set(1, argOff, 1)), unix.EFAULT},
		{"target far outside", edit(set(1, targetOff, 0xff, 0xff, 0xff, 0xff)), unix.EFAULT},
		{"jump to the beginning", edit(set(1, opOff, 4), set(1, argOff, 1)), unix.EFAULT},
		{"operation", set(1, opOff, 6), unix.ENOSYS},
		{"operation 255", set(1, opOff, 255), unix.ENOSYS},
		{"load from a number", edit(set(1, opOff, 1), set(1, argOff, le64(0x10000000)...), set(1, argOff+8, 8)), unix.EFAULT},
		{"load that wraps", edit(set(1, opOff, 1), set(1, argOff, le64(-4)...), set(1, argOff+8, 8)), unix.EFAULT},
		{"load over the end", edit(set(1, opOff, 1), set(1, kindsOff, 1), set(1, argOff, 25), set(1, argOff+8, 8)), unix.EFAULT},
		{"width", edit(set(1, opOff, 1), set(1, kindsOff, 1), set(1, argOff, 8), set(1, argOff+8, 2)), unix.EFAULT},
		{"width of a store", edit(set(1, opOff, 2), set(1, kindsOff, 1), set(1, argOff, 8), set(1, argOff+16, 2)), unix.EFAULT},
		{"store that wraps", edit(set(1, opOff, 2), set(1, argOff, le64(-8)...), set(1, argOff+16, 8)), unix.EFAULT},
		{"store over the end", edit(set(1, opOff, 2), set(1, kindsOff, 1), set(1, argOff, 29), set(1, argOff+16, 4)), unix.EFAULT},
		{"store to the instructions", edit(set(1, opOff, 2), set(1, argOff, le64(0x10000000+48)...), set(1, argOff+16, 8)), unix.EFAULT},
		{"check that wraps", edit(set(1, opOff, 3), set(1, argOff, le64(-8)...), set(1, argOff+24, 5)), unix.EFAULT},
		{"check without errno", edit(set(1, opOff, 3), set(1, kindsOff, 1), set(1, argOff, 8), set(1, argOff+16, 1)), unix.EFAULT},
		{"check with a negative errno", edit(set(1, opOff, 3), set(1, kindsOff, 1), set(1, argOff, 8), set(1, argOff+16, 1), set(1, argOff+24, le64(math.MinInt64)...)), unix.EFAULT},
		{"error without a target", edit(set(1, nrOff, 0xff, 0xff), set(1, errsOff, 0xff)), unix.ENOSYS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, im image) {
				// Instruction 1 is edited; the blob is 32 bytes long.
				file := encode(build(t, 0, func(b *program.Builder) {
					b.Call(unix.SYS_UMASK, program.I(0))
					b.Call(unix.SYS_UMASK, program.I(0))
					b.Zero(24)
				}), false)
				tt.edit(file)
				r := startImage(t, im, file, 0)
				r.wantFail(1, tt.want)
				r.exit(1)
			})
		})
	}
}

func TestExecve(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	program3 := func(path string) func(b *program.Builder) {
		return func(b *program.Builder) {
			argv, envp := b.Strings([]string{"sh", "-c", `test "$A" = 1 && exit $1`, "x", "42"}), b.Strings([]string{"A=1"})
			b.Execve("/no/such/dir/sh", argv, envp).Ignore(unix.ENOENT)
			b.Execve(path, argv, envp)
		}
	}
	each(t, func(t *testing.T, im image) {
		t.Run("found", func(t *testing.T) { start(t, im, build(t, 0, program3("/bin/sh"))).ended(42) })
		t.Run("missing", func(t *testing.T) {
			r := start(t, im, build(t, 0, program3("/no/such/file")))
			r.wantFail(1, unix.ENOENT)
			r.exit(127)
		})
		t.Run("not executable", func(t *testing.T) {
			r := start(t, im, build(t, 0, program3(plain)))
			r.wantFail(1, unix.EACCES)
			r.exit(126)
		})
	})
}

func TestFork(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		r := start(t, im, build(t, 0, func(b *program.Builder) {
			parent := b.NewLabel()
			pid := b.Fork()
			b.JumpIf(pid, parent)
			b.Sync(2, program.I(0), program.None)
			b.Exit(7)
			b.Bind(parent)
			b.Tell(1, pid.V())
		}))
		var pid int
		for range 2 { // in any order
			m, _, ok := r.recv()
			if !ok {
				t.Fatal("the connection ended")
			}
			if m.Code == 1 {
				pid = int(m.Value)
			}
		}
		r.send(program.Message{Kind: program.MsgGo})
		var ws unix.WaitStatus
		if got, err := unix.Wait4(pid, &ws, 0, nil); err != nil || got != pid || ws.ExitStatus() != 7 {
			t.Errorf("child %d: %d, status %v, %v", pid, got, ws, err)
		}
		r.ended(0)
	})
}

func TestRecorder(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		p := build(t, 0, func(b *program.Builder) {
			l := b.NewLabel()
			b.Call(unix.SYS_UMASK, program.I(0o22))
			b.Call(unix.SYS_CLOSE, program.I(-1)).Jump(l, unix.EBADF)
			b.Call(unix.SYS_UMASK, program.I(0))
			b.Bind(l)
			b.Sync(1, program.I(0), program.None)
		})
		for _, trace := range []bool{false, true} {
			r := startImage(t, im, encode(p, trace), p.Encode(trace).RecorderOff)
			r.want(told(1, 3, 0), false)
			if insn, loaded := r.rec.Position(); insn != 3 || loaded != 1 {
				t.Errorf("position %d, %d", insn, loaded)
			}
			first, second, skipped, now := r.rec.Trace(0), r.rec.Trace(1), r.rec.Trace(2), r.rec.Trace(3)
			if !trace {
				if first != (program.Trace{}) {
					t.Errorf("traced without being asked: %+v", first)
				}
			} else if first.Begin == 0 || first.End < first.Begin || second.Begin < first.End || second.Result != -int64(unix.EBADF) ||
				skipped != (program.Trace{}) || now.Begin == 0 || now.End != 0 {
				t.Errorf("%+v %+v %+v %+v", first, second, skipped, now)
			}
			r.exit(1)
		}
	})
}

// What a program writes stays in the process: the file is the parent's.
func TestBlobIsPrivate(t *testing.T) {
	each(t, func(t *testing.T, im image) {
		p := build(t, 0, func(b *program.Builder) {
			at := b.Zero(2*4096) + 4096
			b.Store(at, program.I(1<<40), 8)
			b.Tell(1, b.Load(at+4, 4).V())
		})
		file := encode(p, false)
		r := startImage(t, im, file, 4096)
		r.want(told(1, 2, 1<<8), false)
		r.ended(0)
		if string(r.rec[:len(r.rec)-4096]) != string(file[4096:len(file)-4096]) {
			t.Error("the file was changed")
		}
	})
}
