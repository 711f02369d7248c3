/* SPDX-License-Identifier: MIT */
/* What a handler, or a coroutine, does in the middle of a call of the same thread: for between.c.
 */
#include "tests/redirect/between.h"

#include <signal.h>
#include <ucontext.h>

/* linux/signal.h cannot be had beside signal.h. */
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static void handle(int signal)
{
	int other = udp();

	(void)signal;
	SAY(by_sendto(other, UNLISTED));
	SAY(by_sendto(other, LISTED));
	SAY(by_sendto(sock, LISTED));
	close(other);
}

static void interrupt(void)
{
	raise(SIGUSR1);
}

static void interrupted(const char *name, int flags)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = flags};

	printf("-- %s\n", name);
	sigaction(SIGUSR1, &action, NULL);
	sock = udp();
	between = interrupt;
	SAY(by_sendto(sock, UNLISTED));
	say_heard();
	close(sock);
}

void interrupted_all(void)
{
	/* One below this thread's stack, and one above what is in use of it. */
	static char low[65536];
	char high[65536];
	stack_t stack = {.ss_sp = low, .ss_size = sizeof(low)};

	interrupted("a handler", 0);
	sigaltstack(&stack, NULL);
	interrupted("on a stack below", SA_ONSTACK);
	stack.ss_sp = high;
	sigaltstack(&stack, NULL);
	interrupted("on a stack above", SA_ONSTACK);
	/* Within the handler the thread has no such stack, as far as the kernel tells. */
	stack.ss_flags = (int)SS_AUTODISARM;
	sigaltstack(&stack, NULL);
	interrupted("on a stack that is taken off", SA_ONSTACK);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
}

static void handle_look(int signal)
{
	(void)signal;
	SAY(by_sendto(sock, LISTED));
}

/* It has looked, and is interrupted before it goes on: it must not rely on what it saw. */
void interrupted_look(const char *address)
{
	struct sigaction action = {.sa_handler = handle_look};

	printf("-- interrupted, looked for %s\n", address);
	sigaction(SIGUSR1, &action, NULL);
	sock = udp();
	after_look = interrupt;
	SAY(by_sendto(sock, address));
	say_heard();
	close(sock);
}

/* musl does not have makecontext(3). */
#ifdef __GLIBC__
static ucontext_t routine, scheduler;

static void give_way(void)
{
	swapcontext(&routine, &scheduler);
}

static void send_in_routine(void)
{
	between = give_way;
	SAY(by_sendto(sock, UNLISTED));
}

/* The thread goes on with something else in the middle of a call, and not on top of it. */
void scheduled(void)
{
	static char stack[65536];

	printf("-- a coroutine\n");
	sock = udp();
	getcontext(&routine);
	routine.uc_stack.ss_sp = stack;
	routine.uc_stack.ss_size = sizeof(stack);
	routine.uc_link = &scheduler;
	makecontext(&routine, send_in_routine, 0);
	swapcontext(&scheduler, &routine);
	SAY(by_sendto(sock, LISTED));
	swapcontext(&scheduler, &routine);
	say_heard();
	close(sock);
}
#else
void scheduled(void) {}
#endif
