/* SPDX-License-Identifier: MIT */
/* A signal handler that binds, on a small stack, at any moment of a program that binds as well. */
#include "tests/preload/program.h"

#include <signal.h>
#include <sys/auxv.h>
#include <sys/time.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static volatile sig_atomic_t calls, failed;

static void handler(int number)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), saved = errno;

	calls = calls + 1;
	if (set_int(fd, SOL_SOCKET, SO_RCVBUF, 12345) < 0 || bind_port(fd, 0) < 0 || !in_target(fd))
		failed = failed + 1;
	close(fd);
	errno = saved;
}

int main(void)
{
	/* The least that a program may count on; what AddressSanitizer adds comes on top. */
	size_t size = SANITIZED ? 65536 : 8192 + getauxval(AT_MINSIGSTKSZ) - 2048;
	char *stack = malloc(size);
	stack_t alternative = {.ss_sp = stack, .ss_size = size};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
	struct itimerval timer = {.it_interval.tv_usec = 700, .it_value.tv_usec = 700};
	int bad = 0;

	sigaltstack(&alternative, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; (i < 300 || calls < 100) && i < 10000000; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		bad += set_int(fd, SOL_SOCKET, SO_RCVBUF, 20000) < 0;
		bad += bind_port(fd, i % 2 ? 0 : 3070) < 0;
		bad += !in_target(fd) || get_int(fd, SOL_SOCKET, SO_RCVBUF) != 40000;
		close(fd);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	printf("bad %d failed %d\n", bad, (int)failed);
	return 0;
}
