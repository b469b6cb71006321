// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// The wire format: a header, the instructions, the blob, then from the next
// page boundary the recorder, which both sides map shared.
const (
	magic        = 0x7473696b // "kist"
	Version      = 1
	FlagTrace    = 1
	headerSize   = 48
	pageSize     = 65536 // the largest of any kernel: arm64 may have it
	recorderSize = 16
	traceSize    = 24
	insnSize     = 64
)

// SyncSlot is the slot that holds the socket to the parent. A program that
// waits for `kist start` puts the accepted connection there.
const SyncSlot = 0

// The kinds of messages on that socket.
const (
	MsgSync    = 1 // nsexec → parent: reached a sync point
	MsgFail    = 2 // nsexec → parent: instruction insn of program code failed with errno value
	MsgGo      = 3 // parent → nsexec: go on
	MsgProgram = 4 // parent → nsexec: go on with the program in the attached descriptor
)

// MessageSize is the size of every message in bytes.
const MessageSize = 16

// Message is one fixed-size message of the sync protocol.
type Message struct {
	Kind  uint16
	Code  uint16
	Insn  uint32
	Value int64
}

// Encode gives the message in wire form.
func (m Message) Encode() [MessageSize]byte {
	var b [MessageSize]byte
	binary.LittleEndian.PutUint16(b[0:], m.Kind)
	binary.LittleEndian.PutUint16(b[2:], m.Code)
	binary.LittleEndian.PutUint32(b[4:], m.Insn)
	binary.LittleEndian.PutUint64(b[8:], uint64(m.Value))
	return b
}

// DecodeMessage reads a message. The sender is inside the container and not
// to be trusted: anything but exactly one message is an error.
func DecodeMessage(b []byte) (Message, error) {
	if len(b) != MessageSize {
		return Message{}, fmt.Errorf("sync message: %d bytes, want %d", len(b), MessageSize)
	}
	m := Message{
		Kind:  binary.LittleEndian.Uint16(b[0:]),
		Code:  binary.LittleEndian.Uint16(b[2:]),
		Insn:  binary.LittleEndian.Uint32(b[4:]),
		Value: int64(binary.LittleEndian.Uint64(b[8:])),
	}
	if m.Kind < MsgSync || m.Kind > MsgProgram {
		return Message{}, fmt.Errorf("sync message: unknown kind %d", m.Kind)
	}
	return m, nil
}

// Image is a program laid out for nsexec.
type Image struct {
	Head        [headerSize]byte
	Insns       []byte
	Blob        []byte
	RecorderOff int64 // where in the file the recorder begins, page aligned
	RecorderLen int64
}

// Encode lays the program out. The parts alias the program: write them, in
// order, before the program changes.
func (p *Program) Encode(trace bool) Image {
	n := len(p.Insns)
	im := Image{Blob: p.Blob}
	if n > 0 {
		// The structure is the wire format (see TestLayout), so there is nothing to convert.
		im.Insns = unsafe.Slice((*byte)(unsafe.Pointer(&p.Insns[0])), n*insnSize)
	}
	blobOff := headerSize + n*insnSize
	end := int64(blobOff + len(p.Blob))
	im.RecorderOff = (end + pageSize - 1) / pageSize * pageSize
	im.RecorderLen = recorderSize
	var flags uint16
	if trace {
		flags = FlagTrace
		im.RecorderLen += int64(n) * traceSize
	}
	le := binary.LittleEndian
	le.PutUint32(im.Head[0:], magic)
	le.PutUint16(im.Head[4:], Version)
	le.PutUint16(im.Head[6:], flags)
	le.PutUint64(im.Head[8:], uint64(p.Base))
	le.PutUint32(im.Head[16:], uint32(n))
	le.PutUint32(im.Head[20:], uint32(blobOff))
	le.PutUint32(im.Head[24:], uint32(len(p.Blob)))
	le.PutUint32(im.Head[28:], uint32(im.RecorderOff))
	le.PutUint32(im.Head[32:], uint32(im.RecorderLen))
	return im
}

// Addr gives the address that offset off of the blob will have in nsexec,
// for pointers inside the blob: argv, iovecs, filters.
func (p *Program) addr(off uint32) int64 {
	return p.Base + headerSize + int64(len(p.Insns))*insnSize + int64(off)
}

// Trace is what the recorder keeps of one instruction; times in nanoseconds
// of CLOCK_REALTIME, zero if it was not reached.
type Trace struct {
	Begin, End, Result int64
}

// Recorder reads the shared page. What it holds was written by a process
// inside the container: every value is checked by those who use it.
type Recorder []byte

// Position gives the instruction that was last begun, and how many programs
// had been loaded by then.
func (r Recorder) Position() (insn, loaded int) {
	if len(r) < recorderSize {
		return 0, 0
	}
	return int(binary.LittleEndian.Uint32(r[0:])), int(binary.LittleEndian.Uint32(r[4:]))
}

// Trace gives the record of instruction i.
func (r Recorder) Trace(i int) Trace {
	off := recorderSize + i*traceSize
	if i < 0 || off+traceSize > len(r) {
		return Trace{}
	}
	le := binary.LittleEndian
	return Trace{int64(le.Uint64(r[off:])), int64(le.Uint64(r[off+8:])), int64(le.Uint64(r[off+16:]))}
}

// Header gives program.h, the same format for the interpreter.
func Header() string {
	return fmt.Sprintf(`/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from package program by go generate; do not edit. */
#ifndef KIST_PROGRAM_H
#define KIST_PROGRAM_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

enum { OP_SYSCALL = %d, OP_LOAD = %d, OP_STORE = %d, OP_CHECK = %d, OP_JUMP = %d, OP_SYNC = %d };
enum { KIND_IMM = %d, KIND_ADDR = %d, KIND_SLOT = %d, REPORT_FD = %#x };
enum { NUM_SLOTS = %d, SYNC_SLOT = %d, MAX_ARGS = %d, MAX_ERRS = %d, ANY_ERR = %#x };
enum { MSG_SYNC = %d, MSG_FAIL = %d, MSG_GO = %d, MSG_PROGRAM = %d };
enum { PROGRAM_MAGIC = %#x, PROGRAM_VERSION = %d, FLAG_TRACE = %d };
enum { PROGRAM_BASE = %#x, PROGRAM_STRIDE = %#x, MAX_LOADED = %d, MAX_INSNS = %d, MAX_BLOB = %d };

struct insn {
	u8 op, dst;
	u16 nr;
	u32 target;
	u16 kinds;
	u8 errs[MAX_ERRS];
	s64 args[MAX_ARGS];
};
struct header {
	u32 magic;
	u16 version, flags;
	u64 base;
	u32 num_insns, blob_off, blob_len, rec_off, rec_len, pad[3];
};
struct message {
	u16 kind, code;
	u32 insn;
	s64 value;
};
struct trace {
	s64 begin, end, result;
};
struct recorder {
	u32 insn, program, tracing, pad;
	struct trace trace[];
};

_Static_assert(sizeof(struct insn) == %d, "insn");
_Static_assert(sizeof(struct header) == %d, "header");
_Static_assert(sizeof(struct message) == %d, "message");
_Static_assert(sizeof(struct trace) == %d, "trace");
_Static_assert(sizeof(struct recorder) == %d, "recorder");

#endif
`, OpSyscall, OpLoad, OpStore, OpCheck, OpJump, OpSync,
		Imm, Addr, Slot, ReportFD,
		NumSlots, SyncSlot, MaxArgs, MaxErrs, AnyErr,
		MsgSync, MsgFail, MsgGo, MsgProgram,
		magic, Version, FlagTrace,
		Base, Stride, MaxLoaded, MaxInsns, MaxBlob,
		insnSize, headerSize, MessageSize, traceSize, recorderSize)
}
