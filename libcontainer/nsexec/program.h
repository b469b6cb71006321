/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from package program by go generate; do not edit. */
#ifndef KIST_PROGRAM_H
#define KIST_PROGRAM_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

enum { OP_SYSCALL = 0, OP_LOAD = 1, OP_STORE = 2, OP_CHECK = 3, OP_JUMP = 4, OP_SYNC = 5 };
enum { KIND_IMM = 0, KIND_ADDR = 1, KIND_SLOT = 2, REPORT_FD = 0x8000 };
enum { NUM_SLOTS = 64, SYNC_SLOT = 0, MAX_ARGS = 6, MAX_ERRS = 6, ANY_ERR = 0xff };
enum { MSG_SYNC = 1, MSG_FAIL = 2, MSG_GO = 3, MSG_PROGRAM = 4 };
enum { PROGRAM_MAGIC = 0x7473696b, PROGRAM_VERSION = 1, FLAG_TRACE = 1 };
enum { PROGRAM_BASE = 0x10000000, PROGRAM_STRIDE = 0x10000000, MAX_LOADED = 4, MAX_INSNS = 1048576, MAX_BLOB = 67108864 };

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

_Static_assert(sizeof(struct insn) == 64, "insn");
_Static_assert(sizeof(struct header) == 48, "header");
_Static_assert(sizeof(struct message) == 16, "message");
_Static_assert(sizeof(struct trace) == 24, "trace");
_Static_assert(sizeof(struct recorder) == 16, "recorder");

#endif
