// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reg is a slot in use. Most hold a descriptor inside nsexec.
type Reg uint8

// FD is a descriptor as an argument: a slot, or a number known beforehand.
type FD struct {
	slot bool
	n    int64
}

// FD makes the descriptor in a slot an argument.
func (r Reg) FD() FD { return FD{true, int64(r)} }

// Number makes a descriptor known by number an argument.
func Number(fd int) FD { return FD{false, int64(fd)} }

// Cwd is AT_FDCWD: paths are taken from where nsexec stands. Before the root
// is entered that is the host's view, and Verify allows only sources there.
var Cwd = FD{false, unix.AT_FDCWD}

// Label is a place ahead in the program.
type Label struct {
	at    uint32   // where it is bound, 0 if it is not yet
	users []uint32 // instructions that wait for it
}

// Value is an argument under construction.
type Value struct {
	kind Kind
	v    int64
}

// I is an immediate.
func I[T ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64 | ~uint16](v T) Value {
	return Value{Imm, int64(v)}
}

// V makes a descriptor a system call argument.
func (f FD) V() Value {
	if f.slot {
		return Value{Slot, f.n}
	}
	return Value{Imm, f.n}
}

// V makes the content of a slot an argument.
func (r Reg) V() Value { return Value{Slot, int64(r)} }

// Ref is a place in the blob.
type Ref uint32

// V makes the address of a place in the blob an argument.
func (r Ref) V() Value { return Value{Addr, int64(r)} }

// Null is a null pointer.
var Null = Value{Imm, 0}

type pointer struct{ at, to Ref }

// Builder assembles a program. It keeps the first error (a limit that was
// crossed) until Finish, so that the compiler reads like the code it replaces.
type Builder struct {
	name     string
	base     int64
	insns    []Insn
	causes   []Cause
	cause    Cause
	blob     []byte
	strings  map[string]Ref
	pointers []pointer
	needs    []Need
	used     [NumSlots]bool
	scratch  Ref // statx buffer, shared by all checks
	extra    int // number of the next descriptor the parent hands in
	err      error
}

// NewBuilder begins a program. index is its place in the session: 0 for the
// one that nsexec is started with. firstFD is the number of the first
// descriptor that the parent may hand in.
func NewBuilder(name string, index, firstFD int) *Builder {
	b := &Builder{name: name, base: Base + int64(index)*Stride, strings: make(map[string]Ref, 64), extra: firstFD}
	b.insns = make([]Insn, 0, 256)
	b.causes = make([]Cause, 0, 256)
	b.blob = make([]byte, 8, 8192) // offset 0 is nobody's
	b.used[SyncSlot] = true
	return b
}

// For sets the cause of what follows and gives back the earlier one.
func (b *Builder) For(c Cause) Cause {
	old := b.cause
	b.cause = c
	return old
}

// At is For with a JSON pointer alone.
func (b *Builder) At(pointer string) { b.cause = Cause{Pointer: pointer, Index: -1} }

// AtItem is For with a JSON pointer to an array's element.
func (b *Builder) AtItem(pointer string, i int) { b.cause = Cause{Pointer: pointer, Index: i} }

// Note is For with words: something that no property asked for.
func (b *Builder) Note(words string) { b.cause = Cause{Index: -1, Note: words} }

// Reserve marks a slot as holding something already.
func (b *Builder) Reserve(r Reg) { b.used[r] = true }

func (b *Builder) alloc() Reg {
	for i := 1; i < NumSlots; i++ {
		if !b.used[i] {
			b.used[i] = true
			return Reg(i)
		}
	}
	b.fail("more than %d descriptors at a time", NumSlots)
	return NumSlots - 1
}

// Free gives a slot back without closing what is in it.
func (b *Builder) Free(r Reg) { b.used[r] = false }

func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("program %s: %s: %s", b.name, b.cause, fmt.Sprintf(format, args...))
	}
}

// On is an instruction just emitted, to which an error policy can be added.
type On struct {
	b  *Builder
	at int
}

// Jump sends the listed errnos to l.
func (o On) Jump(l *Label, errs ...unix.Errno) On {
	in := &o.b.insns[o.at]
	if len(errs) > MaxErrs {
		o.b.fail("more than %d errnos in a handler", MaxErrs)
		return o
	}
	for i, e := range errs {
		in.Errs[i] = uint8(e)
	}
	o.b.use(l, o.at)
	return o
}

// Any sends every errno to l.
func (o On) Any(l *Label) On {
	o.b.insns[o.at].Errs[0] = AnyErr
	o.b.use(l, o.at)
	return o
}

// Ignore goes on with the next instruction after the listed errnos.
func (o On) Ignore(errs ...unix.Errno) On {
	for i, e := range errs {
		o.b.insns[o.at].Errs[i] = uint8(e)
	}
	o.b.insns[o.at].Target = uint32(o.at + 1)
	return o
}

// IgnoreAny goes on with the next instruction whatever happens.
func (o On) IgnoreAny() On {
	o.b.insns[o.at].Errs[0] = AnyErr
	o.b.insns[o.at].Target = uint32(o.at + 1)
	return o
}

// Report attaches the descriptor in the first argument to a failure report.
func (o On) Report() On {
	o.b.insns[o.at].Kinds |= ReportFD
	return o
}

// Into keeps the result in slot r.
func (o On) Into(r Reg) On {
	o.b.insns[o.at].Dst = uint8(r)
	return o
}

// NewLabel makes a label to be bound later.
func (b *Builder) NewLabel() *Label { return &Label{} }

func (b *Builder) use(l *Label, at int) {
	if l.at != 0 {
		b.fail("jump backwards")
		return
	}
	l.users = append(l.users, uint32(at))
}

// Bind puts the label at the next instruction.
func (b *Builder) Bind(l *Label) {
	l.at = uint32(len(b.insns))
	for _, u := range l.users {
		b.insns[u].Target = l.at
	}
}

func (b *Builder) emit(op Op, nr uint16, args ...Value) On {
	b.insns = append(b.insns, Insn{Op: op, Dst: NoSlot, Nr: nr})
	in := &b.insns[len(b.insns)-1]
	for i, a := range args {
		in.Args[i] = a.v
		in.Kinds |= uint16(a.kind) << (2 * i)
	}
	b.causes = append(b.causes, b.cause)
	return On{b, len(b.insns) - 1}
}

// Call emits a system call.
func (b *Builder) Call(nr uint16, args ...Value) On { return b.emit(OpSyscall, nr, args...) }

// Jump goes on at l.
func (b *Builder) Jump(l *Label) {
	o := b.emit(OpJump, 0, I(1))
	b.use(l, o.at)
}

// JumpIf goes on at l if slot r is not zero.
func (b *Builder) JumpIf(r Reg, l *Label) {
	o := b.emit(OpJump, 0, r.V())
	b.use(l, o.at)
}

// Load reads an int (width 4) or long (8) from the blob into a slot.
func (b *Builder) Load(from Ref, width int) Reg {
	r := b.alloc()
	b.emit(OpLoad, 0, from.V(), I(width)).Into(r)
	return r
}

// Store writes a slot or immediate into the blob.
func (b *Builder) Store(to Ref, v Value, width int) { b.emit(OpStore, 0, to.V(), v, I(width)) }

// Check compares eight bytes of the blob under a mask; a mismatch is errno e.
func (b *Builder) Check(at Ref, mask, value uint64, e unix.Errno) On {
	return b.emit(OpCheck, 0, at.V(), I(mask), I(value), I(int(e)))
}

// None stands for "no descriptor" in a sync.
var None = FD{false, -1}

// Sync tells the parent that point code is reached, with a value and perhaps
// a descriptor, and waits for its word. The parent's answer (a value or a
// descriptor) can be kept with Into; it may also be a further program.
func (b *Builder) Sync(code int, value Value, fd FD) On {
	return b.emit(OpSync, 0, I(code), value, fd.V(), I(1))
}

// Tell is Sync without waiting.
func (b *Builder) Tell(code int, value Value) On {
	return b.emit(OpSync, 0, I(code), value, None.V(), I(0))
}

// Alloc gives a new slot.
func (b *Builder) Alloc() Reg { return b.alloc() }

// Need asks the parent for a descriptor and returns its number.
func (b *Builder) Need(n Need) FD {
	n.FD = b.extra
	n.Cause = b.cause
	b.extra++
	b.needs = append(b.needs, n)
	return Number(n.FD)
}

// Keep puts a descriptor known by number into a slot, to be used like any other.
func (b *Builder) Keep(fd FD) Reg { return b.Load(b.Words(uint64(fd.n)), 8) }

// NextFD is the number that the next need would get.
func (b *Builder) NextFD() int { return b.extra }

// Str puts a NUL-terminated string into the blob, once.
func (b *Builder) Str(s string) Ref {
	if r, ok := b.strings[s]; ok {
		return r
	}
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			b.fail("string %q contains a NUL byte", s)
			break
		}
	}
	r := Ref(len(b.blob))
	b.blob = append(b.blob, s...)
	b.blob = append(b.blob, 0)
	b.strings[s] = r
	return r
}

// Bytes puts data into the blob, aligned to eight bytes.
func (b *Builder) Bytes(data []byte) Ref {
	r := b.Zero(0)
	b.blob = append(b.blob, data...)
	return r
}

// Zero reserves n zero bytes, aligned to eight.
func (b *Builder) Zero(n int) Ref {
	if pad := -len(b.blob) & 7; pad != 0 {
		b.blob = append(b.blob, make([]byte, pad)...)
	}
	r := Ref(len(b.blob))
	if n > 0 {
		b.blob = append(b.blob, make([]byte, n)...)
	}
	if len(b.blob) > MaxBlob {
		b.fail("more than %d bytes of data", MaxBlob)
	}
	return r
}

// Words puts 64-bit values into the blob.
func (b *Builder) Words(w ...uint64) Ref {
	r := b.Zero(0)
	for _, v := range w {
		b.blob = binary.LittleEndian.AppendUint64(b.blob, v)
	}
	return r
}

// Point makes the eight bytes at at hold the address of to.
func (b *Builder) Point(at, to Ref) { b.pointers = append(b.pointers, pointer{at, to}) }

// Strings puts a NULL-terminated array of string pointers into the blob.
func (b *Builder) Strings(ss []string) Ref {
	refs := make([]Ref, len(ss))
	for i, s := range ss {
		refs[i] = b.Str(s)
	}
	arr := b.Zero(8 * (len(ss) + 1))
	for i, r := range refs {
		b.Point(arr+Ref(8*i), r)
	}
	return arr
}

// Len is the number of instructions so far.
func (b *Builder) Len() int { return len(b.insns) }

// Finish resolves pointers and gives the program.
func (b *Builder) Finish() (*Program, error) {
	if len(b.insns) > MaxInsns {
		b.fail("more than %d instructions", MaxInsns)
	}
	if b.err != nil {
		return nil, b.err
	}
	p := &Program{Name: b.name, Base: b.base, Insns: b.insns, Blob: b.blob, Causes: b.causes, Needs: b.needs}
	p.Pointers = make([]uint32, len(b.pointers))
	for i, q := range b.pointers {
		binary.LittleEndian.PutUint64(b.blob[q.at:], uint64(p.addr(uint32(q.to))))
		p.Pointers[i] = uint32(q.at)
	}
	return p, nil
}

// insn layout is the wire format; a change here must be one there.
var _ [insnSize - unsafe.Sizeof(Insn{})]byte
var _ [unsafe.Sizeof(Insn{}) - insnSize]byte
