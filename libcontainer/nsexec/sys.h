/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nsexec needs from a libc and a kernel header, and no more: types,
 * numbers that are the same for ever (they are the kernel's ABI), and the
 * system call instruction of each architecture.
 */
#ifndef KIST_SYS_H
#define KIST_SYS_H

enum { MAX_ERRNO = 4095, EINTR = 4, ENOEXEC = 8, EAGAIN = 11, EFAULT = 14, EEXIST = 17, ENOENT = 2, ENOSYS = 38 };
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED_NOREPLACE = 0x100000 };
enum { SOL_SOCKET = 1, SCM_RIGHTS = 1 };
enum { MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000 };
enum { CLOCK_REALTIME = 0, PAGE_SIZE = 65536, CMSG_FD_LEN = 20 };

struct timespec {
	s64 sec, nsec;
};
struct iovec {
	void *base;
	u64 len;
};
struct msghdr {
	void *name;
	u32 namelen, pad0;
	struct iovec *iov;
	u64 iovlen;
	void *control;
	u64 controllen;
	s32 flags, pad1;
};
/* A control message that carries one descriptor. */
struct cmsg {
	u64 len;
	s32 level, type, fd, pad;
};

#if defined(__x86_64__)
enum {
	SYS_CLOSE = 3,
	SYS_MMAP = 9,
	SYS_PREAD64 = 17,
	SYS_SENDMSG = 46,
	SYS_RECVMSG = 47,
	SYS_EXECVE = 59,
	SYS_CLOCK_GETTIME = 228,
	SYS_EXIT_GROUP = 231,
	SYS_OPENAT2 = 437,
};

static inline s64 syscall6(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
	register s64 r10 __asm__("r10") = d;
	register s64 r8 __asm__("r8") = e;
	register s64 r9 __asm__("r9") = f;
	s64 r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

#ifndef HOSTED
/* The kernel hands argc, argv and the rest on the stack; the ABI wants it aligned at a call. */
__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call nsexec\n"
	"	hlt\n");
#endif

#elif defined(__aarch64__)
enum {
	SYS_CLOSE = 57,
	SYS_PREAD64 = 67,
	SYS_EXIT_GROUP = 94,
	SYS_CLOCK_GETTIME = 113,
	SYS_SENDMSG = 211,
	SYS_RECVMSG = 212,
	SYS_EXECVE = 221,
	SYS_MMAP = 222,
	SYS_OPENAT2 = 437,
};

static inline s64 syscall6(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
	register s64 x8 __asm__("x8") = nr;
	register s64 x0 __asm__("x0") = a;
	register s64 x1 __asm__("x1") = b;
	register s64 x2 __asm__("x2") = c;
	register s64 x3 __asm__("x3") = d;
	register s64 x4 __asm__("x4") = e;
	register s64 x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}

#ifndef HOSTED
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	bl nsexec\n"
	"	brk #1\n");
#endif

#else
#error "nsexec: no system call instruction known for this architecture"
#endif

static inline s64 syscall1(s64 nr, s64 a)
{
	return syscall6(nr, a, 0, 0, 0, 0, 0);
}
static inline s64 syscall2(s64 nr, s64 a, s64 b)
{
	return syscall6(nr, a, b, 0, 0, 0, 0);
}
static inline s64 syscall3(s64 nr, s64 a, s64 b, s64 c)
{
	return syscall6(nr, a, b, c, 0, 0, 0);
}
static inline s64 syscall4(s64 nr, s64 a, s64 b, s64 c, s64 d)
{
	return syscall6(nr, a, b, c, d, 0, 0);
}

#endif
