// SPDX-License-Identifier: Apache-2.0
//go:build ignore
// (the go tool would take this file for cgo; the Makefile builds it)

/*
 * The reaper that is pid 1 of a container imported in LXC's execute mode; the
 * application is its child, pid 2.
 *
 *	reaper PROGRAM [ARGUMENT]…
 *
 * It runs inside the container, after everything that confines the
 * application: with its ids, capabilities and filter. So it does what a pid 1
 * must and nothing else: it reaps, passes signals on, and ends with the
 * application's status when the last process has gone. SIGTERM and SIGPWR end
 * everybody: SIGTERM at once, SIGKILL a second later.
 *
 * It is freestanding, executed from a sealed memfd, and uses no file of the
 * container but the program it is to run. All signals are blocked and taken
 * one by one, so there is no handler and no race.
 */
typedef unsigned long u64;
typedef long s64;
typedef int s32;

enum { SIGKILL = 9, SIGTERM = 15, SIGCHLD = 17, SIGPWR = 30 };
enum { SIG_SETMASK = 2, WNOHANG = 1, EINTR = 4, EAGAIN = 11, ENOENT = 2, ENOTDIR = 20, EACCES = 13 };
enum { TIOCSCTTY = 0x540e, PATH_MAX = 4096, MASK_SIZE = 8 };

#if defined(__x86_64__)
enum {
	SYS_CLOSE = 3,
	SYS_RT_SIGACTION = 13,
	SYS_RT_SIGPROCMASK = 14,
	SYS_IOCTL = 16,
	SYS_CLONE = 56,
	SYS_EXECVE = 59,
	SYS_WAIT4 = 61,
	SYS_KILL = 62,
	SYS_SETSID = 112,
	SYS_RT_SIGTIMEDWAIT = 128,
	SYS_PRCTL = 157,
	SYS_EXIT_GROUP = 231,
};

static s64 call(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e)
{
	register s64 r10 __asm__("r10") = d;
	register s64 r8 __asm__("r8") = e;
	s64 r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return r;
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call init\n"
	"	hlt\n");

#elif defined(__aarch64__)
enum {
	SYS_IOCTL = 29,
	SYS_CLOSE = 57,
	SYS_EXIT_GROUP = 94,
	SYS_KILL = 129,
	SYS_RT_SIGACTION = 134,
	SYS_RT_SIGPROCMASK = 135,
	SYS_RT_SIGTIMEDWAIT = 137,
	SYS_SETSID = 157,
	SYS_PRCTL = 167,
	SYS_CLONE = 220,
	SYS_EXECVE = 221,
	SYS_WAIT4 = 260,
};

static s64 call(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e)
{
	register s64 x8 __asm__("x8") = nr;
	register s64 x0 __asm__("x0") = a;
	register s64 x1 __asm__("x1") = b;
	register s64 x2 __asm__("x2") = c;
	register s64 x3 __asm__("x3") = d;
	register s64 x4 __asm__("x4") = e;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	bl init\n"
	"	brk #1\n");

#else
#error "reaper: no system call instruction known for this architecture"
#endif

struct timespec {
	s64 sec, nsec;
};
struct sigaction {
	u64 handler, flags, restorer, mask;
};

_Noreturn static void leave(s64 status)
{
	for (;;)
		call(SYS_EXIT_GROUP, status, 0, 0, 0, 0);
}

static const char *after(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return 0;
	return s;
}

static int has_slash(const char *s)
{
	for (; *s; s++)
		if (*s == '/')
			return 1;
	return 0;
}

/*
 * Puts DIR/NAME together, the current directory for an empty DIR, and says
 * where the next directory of a PATH begins; 0 after the last.
 */
static const char *join(char *to, const char *dir, const char *name)
{
	u64 n = 0;

	if (*dir == ':' || !*dir)
		to[n++] = '.';
	for (; *dir && *dir != ':'; dir++)
		if (n < PATH_MAX - 2)
			to[n++] = *dir;
	to[n++] = '/';
	while (*name && n < PATH_MAX - 1)
		to[n++] = *name++;
	to[n] = 0;
	return *dir ? dir + 1 : 0;
}

/* Becomes the application, looked up as in execvp(3). */
_Noreturn static void become(char **argv, char **envp)
{
	static char path[PATH_MAX];
	const char *dirs = 0;
	s64 r = -ENOENT;

	if (has_slash(argv[0])) {
		r = call(SYS_EXECVE, (s64)argv[0], (s64)argv, (s64)envp, 0, 0);
		leave(r == -ENOENT ? 127 : 126);
	}
	for (char **e = envp; *e; e++)
		if (after(*e, "PATH="))
			dirs = after(*e, "PATH=");
	while (dirs) {
		dirs = join(path, dirs, argv[0]);
		r = call(SYS_EXECVE, (s64)path, (s64)argv, (s64)envp, 0, 0);
		if (r != -ENOENT && r != -ENOTDIR && r != -EACCES)
			break;
	}
	leave(r == -ENOENT ? 127 : 126);
}

/* Starts the application with the signals as they came, and the terminal if there is one. */
static s64 start(char **argv, char **envp, u64 mask)
{
	s64 pid = call(SYS_CLONE, SIGCHLD, 0, 0, 0, 0);

	if (pid != 0)
		return pid;
	call(SYS_SETSID, 0, 0, 0, 0, 0);
	call(SYS_IOCTL, 0, TIOCSCTTY, 0, 0, 0);
	call(SYS_RT_SIGPROCMASK, SIG_SETMASK, (s64)&mask, 0, MASK_SIZE, 0);
	become(argv, envp);
}

/* Reaps all who have ended. Says whether somebody is left. */
static int reap(s64 application, s64 *status)
{
	for (;;) {
		s32 ws;
		s64 pid = call(SYS_WAIT4, -1, (s64)&ws, WNOHANG, 0, 0);

		if (pid == -EINTR)
			continue;
		if (pid <= 0)
			return pid == 0;
		if (pid == application)
			*status = ws & 0x7f ? 128 + (ws & 0x7f) : ws >> 8 & 0xff;
	}
}

_Noreturn void init(s64 *stack)
{
	char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
	struct sigaction dfl = {0};
	struct timespec second = {.sec = 1};
	u64 all = ~0UL, mask = 0;
	s64 application, status = 0;
	int stopping = 0;

	if (stack[0] < 2)
		leave(2);
	call(SYS_PRCTL, 15 /* PR_SET_NAME */, (s64) "init", 0, 0, 0);
	/* An ignored SIGCHLD, inherited over execve, would keep the children's status from us. */
	call(SYS_RT_SIGACTION, SIGCHLD, (s64)&dfl, 0, MASK_SIZE, 0);
	call(SYS_RT_SIGPROCMASK, SIG_SETMASK, (s64)&all, (s64)&mask, MASK_SIZE, 0);
	/* The terminal is the application's. */
	application = start(argv + 1, envp, mask);
	if (application < 0)
		leave(126);
	for (s64 fd = 0; fd < 3; fd++)
		call(SYS_CLOSE, fd, 0, 0, 0, 0);
	for (;;) {
		s64 sig = call(SYS_RT_SIGTIMEDWAIT, (s64)&all, 0, stopping ? (s64)&second : 0, MASK_SIZE, 0);

		if (sig == -EINTR)
			continue;
		if (sig == -EAGAIN) {
			call(SYS_KILL, -1, SIGKILL, 0, 0, 0);
		} else if (sig == SIGTERM || sig == SIGPWR) {
			stopping = 1;
			call(SYS_KILL, -1, SIGTERM, 0, 0, 0);
		} else if (sig == SIGCHLD) {
			if (!reap(application, &status))
				leave(status);
		} else if (sig > 0) {
			call(SYS_KILL, application, sig, 0, 0, 0);
		}
	}
}
