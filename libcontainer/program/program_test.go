// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestLayout(t *testing.T) {
	var in Insn
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"op", unsafe.Offsetof(in.Op), 0}, {"dst", unsafe.Offsetof(in.Dst), 1}, {"nr", unsafe.Offsetof(in.Nr), 2},
		{"target", unsafe.Offsetof(in.Target), 4}, {"kinds", unsafe.Offsetof(in.Kinds), 8}, {"errs", unsafe.Offsetof(in.Errs), 10},
		{"args", unsafe.Offsetof(in.Args), 16}, {"size", unsafe.Sizeof(in), 64},
	} {
		if f.got != f.want {
			t.Errorf("%s: offset %d, want %d", f.name, f.got, f.want)
		}
	}
}

// decode reads an image back, as nsexec does.
func decode(t *testing.T, im Image) (insns []Insn, blob []byte, trace bool) {
	t.Helper()
	le := binary.LittleEndian
	h := im.Head[:]
	if le.Uint32(h) != magic || le.Uint16(h[4:]) != Version {
		t.Fatalf("header %x", h[:8])
	}
	file := append(append(append([]byte{}, h...), im.Insns...), im.Blob...)
	n, blobOff, blobLen := int(le.Uint32(h[16:])), le.Uint32(h[20:]), le.Uint32(h[24:])
	for i := range n {
		b := file[headerSize+64*i:]
		in := Insn{Op: Op(b[0]), Dst: b[1], Nr: le.Uint16(b[2:]), Target: le.Uint32(b[4:]), Kinds: le.Uint16(b[8:]), Errs: [6]uint8(b[10:16])}
		for a := range in.Args {
			in.Args[a] = int64(le.Uint64(b[16+8*a:]))
		}
		insns = append(insns, in)
	}
	rec, recLen := int64(le.Uint32(h[28:])), int64(le.Uint32(h[32:]))
	if rec != im.RecorderOff || recLen != im.RecorderLen || rec%pageSize != 0 || rec < int64(len(file)) || rec-int64(len(file)) >= pageSize {
		t.Errorf("recorder at %d+%d, file of %d bytes", rec, recLen, len(file))
	}
	return insns, file[blobOff : blobOff+blobLen], le.Uint16(h[6:])&FlagTrace != 0
}

func TestEncode(t *testing.T) {
	for _, trace := range []bool{false, true} {
		p := setupProgram(t)
		im := p.Encode(trace)
		insns, blob, traced := decode(t, im)
		if d := cmp.Diff(p.Insns, insns); d != "" {
			t.Errorf("instructions (-want +got):\n%s", d)
		}
		if d := cmp.Diff(p.Blob, blob); d != "" {
			t.Errorf("blob (-want +got):\n%s", d)
		}
		want := int64(recorderSize)
		if trace {
			want += int64(len(p.Insns)) * traceSize
		}
		if traced != trace || im.RecorderLen != want {
			t.Errorf("trace %v: flag %v, recorder %d bytes, want %d", trace, traced, im.RecorderLen, want)
		}
		if base := int64(binary.LittleEndian.Uint64(im.Head[8:])); base != p.Base {
			t.Errorf("base %#x, want %#x", base, p.Base)
		}
	}
}

// The header that the interpreter is compiled with is the one of this package.
func TestHeader(t *testing.T) {
	got, err := os.ReadFile("../nsexec/program.h")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Header(), string(got)); d != "" {
		t.Errorf("program.h is not up to date; run go generate ./libcontainer/nsexec (-want +got):\n%s", d)
	}
}

func TestMessage(t *testing.T) {
	for _, m := range []Message{{MsgSync, 7, 3, -1}, {MsgFail, 1, 1 << 31, 2}, {MsgGo, 0, 0, 1 << 62}, {MsgProgram, 0xffff, 0, 0}} {
		b := m.Encode()
		got, err := DecodeMessage(b[:])
		if err != nil || got != m {
			t.Errorf("%+v: got %+v, %v", m, got, err)
		}
	}
	good := Message{Kind: MsgGo}.Encode()
	unknown, none := good, good
	unknown[0], none[0] = MsgProgram+1, 0
	for name, b := range map[string][]byte{
		"empty": nil, "short": good[:15], "long": append(good[:], 0), "unknown kind": unknown[:], "no kind": none[:],
	} {
		if m, err := DecodeMessage(b); err == nil {
			t.Errorf("%s: got %+v, want an error", name, m)
		}
	}
}

func TestRecorder(t *testing.T) {
	b := make([]byte, recorderSize+2*traceSize)
	le := binary.LittleEndian
	le.PutUint32(b, 5)
	le.PutUint32(b[4:], 2)
	for i, v := range []uint64{10, 20, 30, 40, 50, ^uint64(0)} {
		le.PutUint64(b[recorderSize+8*i:], v)
	}
	r := Recorder(b)
	if insn, loaded := r.Position(); insn != 5 || loaded != 2 {
		t.Errorf("position %d, %d", insn, loaded)
	}
	for i, want := range map[int]Trace{0: {10, 20, 30}, 1: {40, 50, -1}, 2: {}, -1: {}, 1 << 40: {}} {
		if got := r.Trace(i); got != want {
			t.Errorf("trace %d: %+v, want %+v", i, got, want)
		}
	}
	if insn, loaded := Recorder(b[:recorderSize-1]).Position(); insn != 0 || loaded != 0 {
		t.Errorf("short recorder: position %d, %d", insn, loaded)
	}
}

func TestBuilderLimits(t *testing.T) {
	for _, tt := range []struct {
		name  string
		build func(*Builder)
		want  string
	}{
		{"slots", func(b *Builder) {
			for range NumSlots {
				b.Alloc()
			}
		}, "more than 64 descriptors"},
		{"errnos", func(b *Builder) {
			l := b.NewLabel()
			b.Fchdir(Number(0)).Jump(l, 1, 2, 3, 4, 5, 6, 7)
			b.Bind(l)
		}, "more than 6 errnos"},
		{"backwards", func(b *Builder) {
			b.Exit(0)
			l := b.NewLabel()
			b.Bind(l)
			b.Jump(l)
		}, "backwards"},
		{"NUL", func(b *Builder) { b.Str("a\x00b") }, "NUL"},
		{"blob", func(b *Builder) { b.Zero(MaxBlob) }, "bytes of data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBuilder("limits", 0, 5)
			b.At("/here")
			tt.build(b)
			b.Exit(0)
			if _, err := b.Finish(); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "/here") {
				t.Errorf("got %v, want an error about %q at /here", err, tt.want)
			}
		})
	}
}

func TestBuilder(t *testing.T) {
	b := NewBuilder("builder", 1, 9)
	text, how := b.Str("x"), b.How(1, 2, 3)
	if b.Str("x") != text || b.How(1, 2, 3) != how || b.How(1, 2, 4) == how {
		t.Error("equal data is not shared, or unequal data is")
	}
	r := b.Alloc()
	b.Free(r)
	if again := b.Alloc(); again != r {
		t.Errorf("slot %d is not given again, but %d", r, again)
	}
	if r := b.Alloc(); r == SyncSlot {
		t.Error("the sync slot was given away")
	}
	if n := b.Need(Need{Kind: NeedTree}); n != Number(9) || b.NextFD() != 10 {
		t.Errorf("need got %v, next %d", n, b.NextFD())
	}
	arr := b.Strings([]string{"a", "b"})
	b.Exit(0)
	p, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if p.Base != Base+Stride {
		t.Errorf("base %#x", p.Base)
	}
	if d := cmp.Diff([]uint32{uint32(arr), uint32(arr) + 8}, p.Pointers); d != "" {
		t.Errorf("pointers (-want +got):\n%s", d)
	}
	for i, want := range []string{"a", "b"} {
		at := binary.LittleEndian.Uint64(p.Blob[int(arr)+8*i:]) - uint64(p.addr(0))
		if got := string(p.Blob[at : at+2]); got != want+"\x00" {
			t.Errorf("string %d: %q", i, got)
		}
	}
}

func TestErrnoWords(t *testing.T) {
	for e, want := range map[unix.Errno]string{
		unix.ENOENT: "no such file or directory (ENOENT)", 0: "errno 0", 4000: "errno 4000",
	} {
		if got := ErrnoWords(e); got != want {
			t.Errorf("%d: %q, want %q", int(e), got, want)
		}
	}
}

// setupProgram and processProgram are a session in small: every kind of
// instruction, in the order that Verify wants.
func setupProgram(t testing.TB) *Program { return finish(t, buildSetup()) }

func processProgram(t testing.TB) *Program { return finish(t, buildProcess(nil)) }

func finish(t testing.TB, b *Builder) *Program {
	t.Helper()
	p, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func buildSetup() *Builder {
	b := NewBuilder("setup", 0, 5)
	b.Note("start clean")
	b.SetName("kist:init")
	b.CloseOnExec(3)
	b.Call(unix.SYS_SETSID).Ignore(unix.EPERM)
	b.Prctl(unix.PR_SET_DUMPABLE, I(0))
	b.At("/linux/namespaces")
	b.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWUTS)
	b.At("/hostname")
	b.Call(unix.SYS_SETHOSTNAME, b.Str("box").V(), I(3))
	b.At("/linux/rootfsPropagation")
	slash, _ := b.Openat2(Cwd, "/", unix.O_PATH|unix.O_DIRECTORY, 0, 0)
	b.MountSetattr(slash.FD(), true, 0, 0, unix.MS_SLAVE)
	b.Close(slash)
	b.At("/root/path")
	at, _ := b.Openat2(Cwd, "/rootfs", unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0, 0)
	root, _ := b.OpenTree(Cwd, "/rootfs", true)
	b.MoveMount(root.FD(), at.FD())
	b.Close(at)

	b.AtItem("/mounts", 0)
	fs := b.Fsopen("proc")
	b.FsconfigString(fs, "source", "proc")
	b.FsconfigFlag(fs, "ro")
	b.FsconfigCreate(fs)
	mnt, _ := b.Fsmount(fs, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	b.Close(fs)
	missing, there := b.NewLabel(), b.NewLabel()
	at, on := b.Openat2(root.FD(), "/proc", unix.O_PATH|unix.O_DIRECTORY, 0, InRoot)
	on.Jump(missing, unix.ENOENT)
	b.Jump(there)
	b.Bind(missing)
	b.Mkdirat(root.FD(), "proc", 0o755).Ignore(unix.EEXIST)
	b.Call(unix.SYS_OPENAT2, root.V(), b.Str("/proc").V(), b.How(unix.O_PATH|unix.O_DIRECTORY, 0, InRoot).V(), I(unix.SizeofOpenHow)).Into(at)
	b.Bind(there)
	b.MoveMount(mnt.FD(), at.FD())
	b.Close(at)
	b.Close(mnt)

	b.AtItem("/linux/devices", 0)
	dev, _ := b.Openat2(root.FD(), "/dev", unix.O_PATH|unix.O_DIRECTORY, 0, InRoot)
	b.Mknodat(dev.FD(), "null", unix.S_IFCHR|0o666, unix.Mkdev(1, 3)).Ignore(unix.EEXIST)
	null, _ := b.Openat2(dev.FD(), "null", unix.O_PATH|unix.O_NOFOLLOW, 0, InRoot)
	b.Statx(null.FD())
	b.CheckType(unix.S_IFCHR, unix.ENODEV)
	b.CheckRdev(1, 3, unix.ENODEV)
	b.Close(null)
	b.Symlinkat("/proc/self/fd", dev.FD(), "fd").Ignore(unix.EEXIST)
	b.Close(dev)

	b.Note("the host's procfs")
	proc, _ := b.Openat2(Cwd, "/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0, 0)
	b.CheckFS(proc.FD(), unix.PROC_SUPER_MAGIC, unix.ENOTSUP)
	b.At("/process/apparmorProfile")
	own, _ := b.Openat2(proc.FD(), "thread-self/attr", unix.O_PATH|unix.O_DIRECTORY, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS)
	b.Close(proc)
	label, _ := b.Openat2(own.FD(), "exec", unix.O_WRONLY, 0, OnProc)
	if label != proc { // the process program below counts on it
		panic("the label is not in the slot that is expected")
	}
	b.Close(own)

	b.At("/root/path")
	b.Fchdir(root.FD())
	b.Call(unix.SYS_PIVOT_ROOT, b.Str(".").V(), b.Str(".").V())
	b.Call(unix.SYS_UMOUNT2, b.Str(".").V(), I(unix.MNT_DETACH))
	b.Call(unix.SYS_CHDIR, b.Str("/").V())
	b.At("/root/readonly")
	b.MountSetattr(root.FD(), false, unix.MOUNT_ATTR_RDONLY, 0, 0)
	b.Note("ready")
	b.Sync(10, I(0), None)
	b.Exit(1)
	return b
}

// labelSlot is where buildSetup leaves the open label file.
const labelSlot = Reg(1)

// tail is the order of credentials; a test replaces or drops one part.
type tail map[string]func(*Builder)

// parts is the order in which the parts of a process program come.
var parts = []string{
	"cwd", "label", "bounding", "keepcaps", "groups", "gid", "uid", "keepcaps off", "getcwd", "capset", "ambient", "nnp", "sweep", "filter", "exec",
}

func goodTail() tail {
	return tail{
		"cwd": func(b *Builder) { b.Call(unix.SYS_CHDIR, b.Str("/work").V()) },
		"label": func(b *Builder) {
			b.At("/process/apparmorProfile")
			b.Write(labelSlot.FD(), "exec box")
			b.Close(labelSlot)
		},
		"bounding":     func(b *Builder) { b.Prctl(unix.PR_CAPBSET_DROP, I(unix.CAP_SYS_ADMIN)) },
		"keepcaps":     func(b *Builder) { b.Prctl(unix.PR_SET_KEEPCAPS, I(1)) },
		"groups":       func(b *Builder) { b.Call(unix.SYS_SETGROUPS, I(2), b.Words(10|20<<32).V()) },
		"gid":          func(b *Builder) { b.Call(unix.SYS_SETRESGID, I(100), I(100), I(100)) },
		"uid":          func(b *Builder) { b.Call(unix.SYS_SETRESUID, I(1000), I(1000), I(1000)) },
		"keepcaps off": func(b *Builder) { b.Prctl(unix.PR_SET_KEEPCAPS, I(0)) },
		"getcwd": func(b *Builder) {
			buf := b.Zero(4096)
			b.Call(unix.SYS_GETCWD, buf.V(), I(4096))
			b.Check(buf, 0xff, '/', unix.ENOENT)
		},
		"capset": func(b *Builder) { b.Capset(1<<unix.CAP_KILL, 1<<unix.CAP_KILL|1<<unix.CAP_CHOWN, 1<<unix.CAP_KILL) },
		"ambient": func(b *Builder) {
			b.Prctl(unix.PR_CAP_AMBIENT, I(unix.PR_CAP_AMBIENT_CLEAR_ALL), I(0), I(0), I(0))
			b.Prctl(unix.PR_CAP_AMBIENT, I(unix.PR_CAP_AMBIENT_RAISE), I(unix.CAP_KILL), I(0), I(0))
		},
		"nnp":   func(b *Builder) { b.Prctl(unix.PR_SET_NO_NEW_PRIVS, I(1), I(0), I(0), I(0)) },
		"sweep": func(b *Builder) { b.CloseOnExec(3) },
		"filter": func(b *Builder) {
			b.At("/linux/seccomp")
			b.Seccomp(make([]byte, 24), unix.SECCOMP_FILTER_FLAG_LOG)
		},
		"exec": func(b *Builder) {
			b.AtItem("/process/args", 0)
			argv, envp := b.Strings([]string{"sh", "-c", "exit"}), b.Strings([]string{"PATH=/bin"})
			b.Execve("/usr/bin/sh", argv, envp).Ignore(unix.ENOENT, unix.EACCES)
			b.Execve("/bin/sh", argv, envp)
		},
	}
}

// buildProcess is a good process program, with the parts in change instead.
func buildProcess(change tail) *Builder {
	b := NewBuilder("process", 1, 0)
	b.Reserve(labelSlot)
	b.At("/process")
	good := goodTail()
	for _, name := range parts {
		if f, ok := change[name]; ok {
			if f != nil {
				f(b)
			}
			continue
		}
		good[name](b)
	}
	return b
}

func FuzzDecodeMessage(f *testing.F) {
	good := Message{MsgSync, 1, 2, 3}.Encode()
	f.Add(good[:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMessage(b)
		if err != nil {
			return
		}
		if again := m.Encode(); string(again[:]) != string(b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}

func FuzzRecorder(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add(make([]byte, recorderSize+traceSize), 1)
	f.Fuzz(func(t *testing.T, b []byte, i int) {
		r := Recorder(b)
		r.Position()
		if tr := r.Trace(i); i >= (len(b)-recorderSize)/traceSize && tr != (Trace{}) {
			t.Errorf("trace %d of %d bytes: %+v", i, len(b), tr)
		}
	})
}

// randomProgram makes a program of any bytes whatever, so that printer and
// verifier see what no builder makes.
func randomProgram(insns, blob []byte, base int64, pointers uint8) *Program {
	p := &Program{Name: "random", Base: base, Blob: blob}
	p.Insns = make([]Insn, len(insns)/insnSize)
	for i := range p.Insns {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&p.Insns[i])), insnSize), insns[i*insnSize:])
	}
	for i := range uint32(pointers) {
		p.Pointers = append(p.Pointers, 8*i)
	}
	return p
}

func addRandomSeeds(f *testing.F) {
	for _, p := range []*Program{finish(f, buildSetup()), finish(f, buildProcess(nil))} {
		im := p.Encode(false)
		f.Add(append([]byte{}, im.Insns...), append([]byte{}, im.Blob...), p.Base, uint8(0))
		f.Add(append([]byte{}, im.Insns[:5*insnSize]...), append([]byte{}, im.Blob...), p.Base, uint8(len(p.Pointers)))
	}
	f.Add([]byte{}, []byte{}, int64(0), uint8(3))
}

func FuzzVerify(f *testing.F) {
	addRandomSeeds(f)
	good := finish(f, buildSetup())
	f.Fuzz(func(t *testing.T, insns, blob []byte, base int64, pointers uint8) {
		p := randomProgram(insns, blob, base, pointers)
		for _, err := range []error{Verify(p), Verify(p, p), Verify(good, p)} {
			var ve *VerifyError
			if err != nil && (!errors.As(err, &ve) || err.Error() == "") {
				t.Errorf("not a *VerifyError: %v", err)
			}
		}
	})
}
