/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsexec in a hosted program, so that the sanitizers can watch it. It runs in
 * tests only, started as the real image is. Signals that would end it are
 * caught without SA_RESTART: tests interrupt its system calls with them.
 */
#include <signal.h>
#include <stddef.h>

_Noreturn void nsexec(const long long *stack);

static void nothing(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = nothing};
	long long stack[] = {argc};

	(void)argv;
	sigaction(SIGUSR1, &sa, NULL);
	nsexec(stack);
}
