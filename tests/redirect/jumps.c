/* SPDX-License-Identifier: MIT */
/*
 * Signals in the middle of socket(2): handlers that make sockets themselves on a small stack (of
 * those tests/preload/signals.c has more), and such that jump out of it.
 */
#include "tests/redirect/program.h"

#include <setjmp.h>
#include <signal.h>

#define JUMPS 150

static sigjmp_buf out_of_it;
static volatile sig_atomic_t in_socket, jumps;

static void jump(int number)
{
	if (!in_socket)
		return;
	in_socket = 0;
	jumps = jumps + 1;
	siglongjmp(out_of_it, 1);
}

static int bad(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	int wrong = fd < 0 || !in_target(fd) || get_int(fd, SOL_SOCKET, SO_TYPE) != type;

	close(fd);
	return wrong;
}

int main(void)
{
	struct itimerval timer = {.it_interval.tv_usec = 370, .it_value.tv_usec = 370};
	static volatile int wrong;
	sigset_t alarms, before;

	signal(SIGALRM, jump);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (jumps < JUMPS) {
		/* What a jump leaves behind stays, as without the library. */
		close_range(3, 500, 0);
		if (sigsetjmp(out_of_it, 1) == 0) {
			in_socket = 1;
			close(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
			in_socket = 0;
		}
		sigprocmask(SIG_BLOCK, &alarms, &before);
		wrong = wrong + bad(SOCK_DGRAM) + bad(SOCK_STREAM);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	printf("wrong: %d\n", wrong);
	return 0;
}
