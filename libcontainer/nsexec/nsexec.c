// SPDX-License-Identifier: Apache-2.0
//go:build ignore
// (the go tool would take this file for cgo; the Makefile builds it)

/*
 * nsexec: the interpreter that becomes a container's process.
 *
 * kist compiles a container into a program of system calls (see package
 * program). nsexec maps that program, runs it from the first instruction to
 * the last, and the last one is execve. It decides nothing: no parsing, no
 * strings, no heap, no libc. It is the only code of kist that ever runs inside
 * a container, so there is little of it and it holds little: its descriptors
 * are the socket to the parent and those the program opens.
 *
 * Started with descriptor 2+argc the socket to the parent and 3+argc the first
 * program (argc counts, it is not read: a number is all that must be told
 * before the program can be mapped). The parent's end closing means that kist
 * is gone: whoever waits for its word then exits, so nothing is left behind.
 */
#include "program.h"
#include "sys.h"

static s64 slots[NUM_SLOTS];
static u32 loaded; /* programs mapped so far */

static const struct insn *insns;
static u32 num_insns;
static u64 blob, blob_len;
static struct recorder *recorder;
static struct trace *traces; /* in the recorder; null when nobody wants times */

/* Leaves at once; a container's init must not linger half made. */
_Noreturn static void leave(int status)
{
	for (;;)
		syscall1(SYS_EXIT_GROUP, status);
}

/*
 * CLOCK_REALTIME, since it is the one clock that time namespaces do not shift:
 * the parent puts its own phases on the same axis.
 */
static s64 now(void)
{
	struct timespec ts;

	if (syscall2(SYS_CLOCK_GETTIME, CLOCK_REALTIME, (s64)&ts) < 0)
		return 0;
	return ts.sec * 1000000000 + ts.nsec;
}

/* Sends one message, with descriptor fd unless it is negative. */
static s64 tell(u16 kind, u16 code, u32 insn, s64 value, s64 fd)
{
	struct message m = {.kind = kind, .code = code, .insn = insn, .value = value};
	struct iovec iov = {.base = &m, .len = sizeof(m)};
	struct cmsg c = {.len = CMSG_FD_LEN, .level = SOL_SOCKET, .type = SCM_RIGHTS, .fd = (s32)fd};
	struct msghdr h = {.iov = &iov, .iovlen = 1};
	s64 r;

	if (fd >= 0) {
		h.control = &c;
		h.controllen = sizeof(c);
	}
	do
		r = syscall3(SYS_SENDMSG, slots[SYNC_SLOT], (s64)&h, MSG_NOSIGNAL);
	while (r == -EINTR);
	return r;
}

/*
 * Waits for the parent's word, at most one descriptor with it. Says whether
 * there was one: the other end closed means that the parent is gone. A
 * truncated message is none either: when the kernel could not install the
 * descriptor (EMFILE, an LSM), the value would be taken for it.
 */
static int hear(struct message *m, s64 *fd)
{
	struct iovec iov = {.base = m, .len = sizeof(*m)};
	struct cmsg c = {0};
	struct msghdr h = {.iov = &iov, .iovlen = 1, .control = &c, .controllen = CMSG_FD_LEN};
	s64 r;

	do
		r = syscall3(SYS_RECVMSG, slots[SYNC_SLOT], (s64)&h, MSG_CMSG_CLOEXEC);
	while (r == -EINTR);
	*fd = h.controllen >= CMSG_FD_LEN && c.level == SOL_SOCKET && c.type == SCM_RIGHTS ? c.fd : -1;
	return r == sizeof(*m) && !(h.flags & (MSG_TRUNC | MSG_CTRUNC));
}

/*
 * Maps the program in fd and makes it the current one. The checks are those
 * that keep the interpreter itself from reading outside the map; whether the
 * program is a safe one is decided by program.Verify before it comes here.
 */
static s64 load(s64 fd)
{
	struct header h;
	u8 last;
	u64 base = PROGRAM_BASE + (u64)loaded * PROGRAM_STRIDE;
	s64 r = syscall4(SYS_PREAD64, fd, (s64)&h, sizeof(h), 0);

	if (r != sizeof(h))
		return -ENOEXEC;
	if (h.magic != PROGRAM_MAGIC || h.version != PROGRAM_VERSION || h.base != base || loaded >= MAX_LOADED)
		return -ENOEXEC;
	if (h.num_insns == 0 || h.num_insns > MAX_INSNS || h.blob_len > MAX_BLOB)
		return -ENOEXEC;
	if (h.blob_off != sizeof(h) + (u64)h.num_insns * sizeof(struct insn) || h.rec_off % PAGE_SIZE != 0 ||
	    h.rec_off < h.blob_off + h.blob_len || h.rec_off > PROGRAM_STRIDE || h.rec_len < sizeof(struct recorder))
		return -ENOEXEC;
	if (h.flags & FLAG_TRACE && h.rec_len < sizeof(struct recorder) + (u64)h.num_insns * sizeof(struct trace))
		return -ENOEXEC;
	/* A file that is too short would be a SIGBUS later. */
	if (syscall4(SYS_PREAD64, fd, (s64)&last, 1, (s64)h.rec_off + h.rec_len - 1) != 1)
		return -ENOEXEC;

	/* Private: results are written into the blob, and only this process sees them. */
	r = syscall6(SYS_MMAP, (s64)base, (s64)h.rec_off, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd,
		     0);
	if (r != (s64)base)
		return r < 0 ? r : -EEXIST;
	/* Shared: the parent reads here where a silent death struck. */
	r = syscall6(SYS_MMAP, 0, (s64)h.rec_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (s64)h.rec_off);
	if (r < 0 && r >= -MAX_ERRNO)
		return r;
	recorder = (struct recorder *)r;
	insns = (const struct insn *)(base + sizeof(h));
	num_insns = h.num_insns;
	blob = base + h.blob_off;
	blob_len = h.blob_len;
	/* Decided here once and for all: what lies in shared memory is not asked again. */
	traces = h.flags & FLAG_TRACE ? recorder->trace : 0;
	loaded++;
	return 0;
}

/* Argument i of an instruction; *bad is set when it points outside the blob. */
static s64 argument(const struct insn *in, int i, int *bad)
{
	u64 v = (u64)in->args[i];

	switch (in->kinds >> (2 * i) & 3) {
	case KIND_IMM:
		return (s64)v;
	case KIND_ADDR:
		if (v < blob_len)
			return (s64)(blob + v);
		break;
	case KIND_SLOT:
		if (v < NUM_SLOTS)
			return slots[v];
		break;
	}
	*bad = 1;
	return 0;
}

/* Whether n bytes at address a lie in the blob. */
static int inside(s64 a, u64 n)
{
	u64 off = (u64)a - blob; /* wraps to something large below the blob */

	return off <= blob_len && n <= blob_len - off;
}

static s64 load_memory(const s64 *a)
{
	s32 narrow;
	s64 wide;

	if ((a[1] != 4 && a[1] != 8) || !inside(a[0], (u64)a[1]))
		return -EFAULT;
	if (a[1] == 4) {
		__builtin_memcpy(&narrow, (const void *)a[0], 4);
		return narrow;
	}
	__builtin_memcpy(&wide, (const void *)a[0], 8);
	return wide;
}

static s64 store_memory(const s64 *a)
{
	s32 narrow = (s32)a[1];

	if ((a[2] != 4 && a[2] != 8) || !inside(a[0], (u64)a[2]))
		return -EFAULT;
	if (a[2] == 4)
		__builtin_memcpy((void *)a[0], &narrow, 4);
	else
		__builtin_memcpy((void *)a[0], &a[1], 8);
	return 0;
}

static s64 check_memory(const s64 *a)
{
	u64 v;

	/* An errno that is none would make a mismatch look like success. */
	if (!inside(a[0], sizeof(v)) || a[3] <= 0 || a[3] > MAX_ERRNO)
		return -EFAULT;
	__builtin_memcpy(&v, (const void *)a[0], sizeof(v));
	return (v & (u64)a[1]) == (u64)a[2] ? 0 : -a[3];
}

/*
 * A system call. EINTR is retried (close(2) excepted, where the descriptor is
 * gone whatever it says). openat2 answers EAGAIN when somebody renames while
 * ".." is resolved: retried a bounded number of times, then the attacker has
 * won a failed create and nothing else.
 */
static s64 call(u16 nr, const s64 *a)
{
	s64 r;
	int tries = 0;

	do
		r = syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	while ((r == -EINTR && nr != SYS_CLOSE) || (r == -EAGAIN && nr == SYS_OPENAT2 && ++tries < 128));
	return r;
}

/* Tells the parent, waits if asked, and loads the program it may send. */
static s64 sync_parent(u32 pc, const s64 *a, int *jumped)
{
	struct message m;
	s64 fd, r = tell(MSG_SYNC, (u16)a[0], pc, a[1], a[2]);

	if (r < 0 || !a[3])
		return r < 0 ? r : 0;
	if (!hear(&m, &fd))
		leave(1);
	if (m.kind == MSG_GO)
		return fd >= 0 ? fd : m.value;
	if (m.kind != MSG_PROGRAM || fd < 0)
		leave(1);
	r = load(fd);
	syscall1(SYS_CLOSE, fd);
	*jumped = r == 0;
	return r;
}

/*
 * Where to go after error e: the instruction's target if e is listed, else 0
 * (no instruction jumps to the first one).
 */
static u32 handler(const struct insn *in, s64 e)
{
	if (in->errs[0] == ANY_ERR)
		return in->target;
	for (int i = 0; i < MAX_ERRS && in->errs[i]; i++)
		if (in->errs[i] == e)
			return in->target;
	return 0;
}

/* Reports a failure, then waits until the parent has looked and hung up. */
_Noreturn static void fail(const struct insn *in, u32 pc, s64 e, s64 fd)
{
	struct message m;

	if (tell(MSG_FAIL, (u16)loaded, pc, e, in->kinds & REPORT_FD ? fd : -1) >= 0)
		hear(&m, &fd);
	/* Nobody listens any more: say it as a shell would. */
	if (in->op == OP_SYSCALL && in->nr == SYS_EXECVE)
		leave(e == ENOENT ? 127 : 126);
	leave(1);
}

static void run(void)
{
	u32 pc = 0;

	while (pc < num_insns) {
		const struct insn *in = &insns[pc];
		struct trace *t = traces ? &traces[pc] : 0;
		s64 a[MAX_ARGS], r = 0;
		u32 next = pc + 1;
		int bad = 0, jumped = 0;

		recorder->insn = pc;
		recorder->program = loaded;
		for (int i = 0; i < MAX_ARGS; i++)
			a[i] = argument(in, i, &bad);
		if (t)
			t->begin = now();
		/* Forward only, and a jump needs a target: every program ends. */
		if (bad || in->target >= num_insns || (in->target ? in->target <= pc : in->op == OP_JUMP))
			fail(in, pc, EFAULT, -1);
		switch (in->op) {
		case OP_SYSCALL:
			r = call(in->nr, a);
			break;
		case OP_LOAD:
			r = load_memory(a);
			break;
		case OP_STORE:
			r = store_memory(a);
			break;
		case OP_CHECK:
			r = check_memory(a);
			break;
		case OP_JUMP:
			if (a[0])
				next = in->target;
			break;
		case OP_SYNC:
			r = sync_parent(pc, a, &jumped);
			break;
		default:
			r = -ENOSYS;
		}
		if (t) {
			t->end = now();
			t->result = r;
		}
		if (jumped) {
			pc = 0;
			continue;
		}
		if (r < 0 && r >= -MAX_ERRNO) {
			next = handler(in, -r);
			if (!next)
				fail(in, pc, -r, a[0]);
		} else if (in->dst < NUM_SLOTS) {
			slots[in->dst] = r;
		}
		pc = next;
	}
}

_Noreturn void nsexec(const s64 *stack)
{
	s64 argc = stack[0], r;

	slots[SYNC_SLOT] = 2 + argc;
	r = load(3 + argc);
	if (r < 0) {
		tell(MSG_FAIL, 0, 0, -r, -1);
		leave(1);
	}
	syscall1(SYS_CLOSE, 3 + argc);
	run();
	leave(0);
}
