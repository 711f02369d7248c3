/* SPDX-License-Identifier: MIT */
/*
 * One socket in two calls at once, with addresses of both sides (XREDIRECT_LOCAL as in reach.c):
 * the first one has been looked at by libxredirect and is not in the kernel yet (pause.c) when the
 * second one begins.
 */
#include "tests/redirect/program.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>

#define LISTED	 "127.1.2.3"
#define UNLISTED "127.0.0.5"
#define PORT	 3700

/* linux/signal.h cannot be had beside signal.h. */
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

typedef int call_function(int fd, const char *address);

void at_call(const struct sockaddr *address);

static int ear; /* listens here, at the address that is not in the list */
static _Thread_local void (*between)(void), (*at_look)(void);
static atomic_int inside, go_on;
static int sock;
static sigjmp_buf back;

void at_call(const struct sockaddr *address)
{
	void (*now)(void) = between;

	/* Not the connection to the broker. */
	if (!now || address->sa_family != AF_INET)
		return;
	between = NULL;
	now();
}

int fstat(int fd, struct stat *ret)
{
	void (*now)(void) = at_look;

	at_look = NULL;
	if (now)
		now();
	return (int)syscall(SYS_newfstatat, fd, "", ret, AT_EMPTY_PATH);
}

static int by_sendto(int fd, const char *address)
{
	return (int)send_to(fd, "word", AF_INET, address, PORT);
}

static int by_connect(int fd, const char *address)
{
	return connect_to(fd, AF_INET, address, PORT);
}

static int by_sendmsg(int fd, const char *address)
{
	struct sockaddr_storage to = address_of(AF_INET, address, PORT);
	struct iovec data = {.iov_base = (char[]){"word"}, .iov_len = 4};
	struct msghdr message = {.msg_name = &to,
		.msg_namelen = sizeof(struct sockaddr_in),
		.msg_iov = &data,
		.msg_iovlen = 1};

	return (int)sendmsg(fd, &message, 0);
}

static int udp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void say_heard(void)
{
	char text[8];

	WHERE(sock);
	SAY(recv(ear, text, sizeof(text), 0));
}

/* A cancellation point. */
static void wait_inside(void)
{
	atomic_store(&inside, 1);
	while (!atomic_load(&go_on))
		usleep(1000);
}

struct first {
	call_function *call;
	const char *address;
	int result;
	bool looks; /* it waits before it has looked at the socket */
};

static void *first_thread(void *data)
{
	struct first *first = data;

	*(first->looks ? &at_look : &between) = wait_inside;
	first->result = first->call(sock, first->address);
	return NULL;
}

static pthread_t begin(struct first *first)
{
	pthread_t thread;

	atomic_store(&inside, 0);
	atomic_store(&go_on, 0);
	MUST(pthread_create(&thread, NULL, first_thread, first) == 0);
	while (!atomic_load(&inside))
		usleep(1000);
	return thread;
}

static void two_threads(const char *name, call_function *call, const char *one, const char *other)
{
	struct first first = {call, one, 0, false};
	pthread_t thread;

	printf("-- %s, first %s\n", name, one);
	sock = udp();
	thread = begin(&first);
	SAY(by_sendto(sock, other));
	atomic_store(&go_on, 1);
	pthread_join(thread, NULL);
	printf("first: %s\n", first.result >= 0 ? "good" : "failed");
	say_heard();
	close(sock);
}

static void two_threads_all(void)
{
	static const struct {
		const char *name;
		call_function *call;
	} calls[] = {{"sendto", by_sendto}, {"sendmsg", by_sendmsg}, {"connect", by_connect}};

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		two_threads(calls[i].name, calls[i].call, UNLISTED, LISTED);
		two_threads(calls[i].name, calls[i].call, LISTED, UNLISTED);
	}
}

/* Others are not held up. */
static void another_socket(void)
{
	struct first first = {by_sendto, UNLISTED, 0, false};
	pthread_t thread;
	int fd = udp();

	printf("-- another socket\n");
	sock = udp();
	thread = begin(&first);
	SAY(by_sendto(fd, LISTED));
	WHERE(fd);
	atomic_store(&go_on, 1);
	pthread_join(thread, NULL);
	close(fd);
	close(sock);
}

/* The next one with the same number is another one. */
static void cancelled(void)
{
	struct first first = {by_sendto, UNLISTED, 0, false};
	pthread_t thread;

	printf("-- cancelled\n");
	sock = udp();
	thread = begin(&first);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	close(sock);
	sock = udp();
	SAY(by_sendto(sock, LISTED));
	WHERE(sock);
	close(sock);
}

static void jump(void)
{
	siglongjmp(back, 1);
}

static void jumped(void)
{
	printf("-- jumped\n");
	sock = udp();
	if (sigsetjmp(back, 1) == 0) {
		between = jump;
		by_sendto(sock, UNLISTED);
	}
	close(sock);
	sock = udp();
	SAY(by_sendto(sock, LISTED));
	WHERE(sock);
	close(sock);
}

static void end(void)
{
	pthread_exit(NULL);
}

static void *ends(void *data)
{
	between = end;
	by_sendto(sock, UNLISTED);
	return data;
}

/* More often than there are calls that can be written down. */
static void ended_often(void)
{
	pthread_t thread;

	printf("-- ended often\n");
	sock = raw_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int rounds = 0; rounds < 4200; rounds++) {
		MUST(pthread_create(&thread, NULL, ends, NULL) == 0);
		MUST(pthread_join(thread, NULL) == 0);
	}
	close(sock);
	sock = udp();
	SAY(by_sendto(sock, LISTED));
	WHERE(sock);
	close(sock);
}

/* What was written down for somebody else before does not count. One more call is on its way. */
static void looked_at(void)
{
	struct first one = {by_sendto, UNLISTED, 0, false}, first = {by_sendto, UNLISTED, 0, true};
	pthread_t threads[2];
	int fd = udp();

	printf("-- looked at\n");
	sock = fd;
	threads[0] = begin(&one);
	sock = udp();
	threads[1] = begin(&first);
	SAY(by_sendto(sock, LISTED));
	atomic_store(&go_on, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	SAY(first.result);
	say_heard();
	close(sock);
	close(fd);
}

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

static void interrupted_all(void)
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
static void scheduled(void)
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
static void scheduled(void)
{
}
#endif

/* It has no thread that uses the socket, but was told so. */
static void forked(void)
{
	struct first first = {by_sendto, UNLISTED, 0, false};
	pthread_t thread;
	pid_t child;
	int fd = udp();

	printf("-- a child\n");
	sock = udp();
	thread = begin(&first);
	child = fork();
	if (child == 0) {
		SAY(by_sendto(fd, LISTED));
		WHERE(fd);
		exit(0);
	}
	waitpid(child, NULL, 0);
	atomic_store(&go_on, 1);
	pthread_join(thread, NULL);
	close(fd);
	close(sock);
}

int main(void)
{
	struct sockaddr_storage at = address_of(AF_INET, UNLISTED, PORT);

	setvbuf(stdout, NULL, _IOLBF, 0);
	ear = raw_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	MUST(syscall(SYS_bind, ear, &at, length_of(&at)) == 0);
	two_threads_all();
	another_socket();
	cancelled();
	jumped();
	interrupted_all();
	scheduled();
	forked();
	ended_often();
	looked_at();
	return 0;
}
