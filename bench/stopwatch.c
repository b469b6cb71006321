// SPDX-License-Identifier: Apache-2.0
//go:build ignore
// (the go tool would take this file for cgo; bench/run compiles it)

/*
 * stopwatch LOG COMMAND... [ ';' COMMAND... ]: start the commands, all at once,
 * and print how long it took until the last had ended (nanoseconds), the
 * processor time of all (nanoseconds), the largest resident memory of one of
 * them (KiB), and the worst exit status.
 *
 * It exists because a program inherits the memory high-water mark of whoever
 * executes it, and because a garbage collector or a fork of a large process
 * should not be in the time of what is measured. It is small and static, and
 * does nothing meanwhile. What the commands print goes to LOG.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static long long nanoseconds(struct timeval t)
{
	return t.tv_sec * 1000000000ll + t.tv_usec * 1000ll;
}

static void start(char **command, int in, int log)
{
	pid_t pid = vfork();

	if (pid < 0)
		err(2, "vfork");
	if (pid == 0) {
		dup2(in, 0);
		dup2(log, 1);
		dup2(log, 2);
		execvp(command[0], command);
		_exit(127);
	}
}

int main(int argc, char **argv)
{
	long long begin, end, cpu = 0;
	long rss = 0;
	int in, log, worst = 0, running = 0;

	if (argc < 3)
		errx(2, "usage: stopwatch LOG COMMAND... [';' COMMAND...]");
	in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (in < 0 || log < 0)
		err(2, "%s", argv[1]);
	begin = now();
	for (char **command = argv + 2, **next; *command; command = next) {
		for (next = command; *next && strcmp(*next, ";") != 0; next++)
			;
		if (*next)
			*next++ = NULL;
		start(command, in, log);
		running++;
	}
	while (running > 0) {
		struct rusage usage;
		int status;

		if (wait4(-1, &status, 0, &usage) < 0)
			err(2, "wait4");
		running--;
		status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (status > worst)
			worst = status;
		cpu += nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
		if (usage.ru_maxrss > rss)
			rss = usage.ru_maxrss;
	}
	end = now();
	printf("%lld %lld %ld %d\n", end - begin, cpu, rss, worst);
	return 0;
}
