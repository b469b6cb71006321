// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package main

/*
// Signals that mean the container, or end a create. Handlers in C take them: os/signal hands each signal to a locked
// thread and back before it is caught, which costs a millisecond of processor time for all of them, a tenth of
// `kist run /bin/true`.
//
// Each handler is installed with sigaction(2), on the alternate stack, as Go wants it of C code in its process. Until
// the process is known its signals are remembered.

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int receiver = -1;		// a pidfd
static _Atomic unsigned long long pending;	// signals, bit 0 for the first
static struct sigaction before[_NSIG];		// what Go does with a fault

static void send_pending(void)
{
	unsigned long long signals;
	int pidfd = receiver, sig;

	if (pidfd < 0)
		return;
	signals = atomic_exchange(&pending, 0);
	for (sig = 1; sig < _NSIG; sig++)
		if (signals >> (sig - 1) & 1)
			syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

static void forward(int sig, siginfo_t *info, void *context)
{
	int error = errno;

	// The kernel reports a fault of kist's own with a positive code: that is for Go, which says where it was.
	if (info->si_code > 0 && before[sig].sa_sigaction) {
		before[sig].sa_sigaction(sig, info, context);
		return;
	}
	// Remembered first, and then the receiver looked at: if it is set between the two, kist_forward sends it.
	atomic_fetch_or(&pending, 1ull << (sig - 1));
	send_pending();
	errno = error;
}

// kist_catch takes over every signal that can be meant for the container.
static void kist_catch(void)
{
	struct sigaction action;
	int sig;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = forward;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	sigfillset(&action.sa_mask);
	for (sig = 1; sig < _NSIG; sig++) {
		switch (sig) {
		case SIGKILL:	// not to be caught
		case SIGSTOP:
		case SIGCHLD:	// the end of the container, or of a helper
		case SIGURG:	// Go preempts its goroutines with it
		case SIGPROF:
		case SIGPIPE:	// about kist's own output
		case SIGWINCH:	// the terminal follows it
			continue;
		case SIGSEGV:
		case SIGBUS:
		case SIGFPE:
		case SIGILL:
		case SIGTRAP:
		case SIGSYS:
			sigaction(sig, &action, &before[sig]);
			continue;
		}
		if (sig < 32 || sig >= SIGRTMIN) // between the two are the C library's
			sigaction(sig, &action, NULL);
	}
}

static void kist_forward(int pidfd)
{
	receiver = pidfd;
	send_pending();
}

static int reporter = -1;			// an eventfd

static void report(int sig)
{
	unsigned long long one = 1;
	int error = errno;

	atomic_fetch_or(&pending, 1ull << (sig - 1));
	(void)!write(reporter, &one, sizeof(one));
	errno = error;
}

// kist_report has a signal remembered, and eventfd readable from then on.
static void kist_report(int sig, int eventfd)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = report;
	action.sa_flags = SA_ONSTACK | SA_RESTART;
	reporter = eventfd;
	sigaction(sig, &action, NULL);
}

// kist_reported gives one of the signals that have come.
static int kist_reported(void)
{
	return __builtin_ffsll(pending);
}
*/
import "C"

import (
	"os"

	"golang.org/x/sys/unix"
)

// catchSignals takes over the signals that a container can get, so that none
// of them ends kist and leaves the container behind. They are remembered, each
// once, as the kernel does with those that are blocked.
func catchSignals() { C.kist_catch() }

// forwardSignals sends the process of pidfd what has come, and all that comes.
// pidfd has to stay open: a signal can come as long as kist lives.
func forwardSignals(pidfd int) { C.kist_forward(C.int(pidfd)) }

// awaitSignal takes over some signals, and gives the first of them that comes.
func awaitSignal(signals []unix.Signal) (func() (unix.Signal, error), error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	for _, s := range signals {
		C.kist_report(C.int(s), C.int(fd))
	}
	return func() (unix.Signal, error) {
		var count [8]byte
		if _, err := os.NewFile(uintptr(fd), "eventfd").Read(count[:]); err != nil {
			return 0, err
		}
		return unix.Signal(C.kist_reported()), nil
	}, nil
}
