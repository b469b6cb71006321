// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package main

/*
// Go's runtime starts a thread, sysmon, that sleeps 20 µs at a time for as long as the program is busy: it takes the
// processor from goroutines that block in a system call. A command of kist lives for some milliseconds, in which that
// is a hundred timers, a quarter of its processor time in a virtual machine, and on a busy machine the share of the
// processor that the command itself would have got. Timer slack is how late the kernel may wake a thread, so that it
// can be done together with something else; with 5 ms of it sysmon wakes when there is a reason to.
//
// Sysmon is the first thread that the runtime creates. Slack is inherited: the creator gets its own back at once, so
// that no other thread, and nothing that kist executes, has another one than kist's caller. With one processor sysmon
// is what lets another goroutine run while one blocks, and stays as it is.

#cgo LDFLAGS: -Wl,--wrap=pthread_create

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	static int created;
	cpu_set_t cpus;
	int slack, error;

	if (created++ > 0 || sched_getaffinity(0, sizeof(cpus), &cpus) < 0 || CPU_COUNT(&cpus) < 2 ||
	    (slack = prctl(PR_GET_TIMERSLACK)) <= 0)
		return __real_pthread_create(thread, attr, start, arg);
	prctl(PR_SET_TIMERSLACK, 5000000);
	error = __real_pthread_create(thread, attr, start, arg);
	prctl(PR_SET_TIMERSLACK, slack);
	return error;
}
*/
import "C"
