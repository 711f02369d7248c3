/* SPDX-License-Identifier: MIT */
/*
 * One socket in two calls at once, with addresses of both sides (XREDIRECT_LOCAL as in reach.c):
 * the first one has been looked at by libxredirect and is not in the kernel yet (pause.c) when the
 * second one begins.
 */
#include "tests/redirect/between.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define PORT 3700

typedef int call_function(int fd, const char *address);

void at_call(const struct sockaddr *address);
void at_look(void);

static int ear; /* listens here, at the address that is not in the list */
_Thread_local void (*between)(void), (*after_look)(void);
static atomic_int inside, go_on;
int sock;
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

void at_look(void)
{
	void (*now)(void) = after_look;

	after_look = NULL;
	if (now)
		now();
}

int by_sendto(int fd, const char *address)
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

int udp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void say_heard(void)
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
	int looks; /* it waits as soon as it has looked */
};

static void *first_thread(void *data)
{
	struct first *first = data;

	*(first->looks ? &after_look : &between) = wait_inside;
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
	struct first first = {call, one, 0, 0};
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
	struct first first = {by_sendto, UNLISTED, 0, 0};
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

/* What the first one has seen must not change before it is written down. */
static void looked(void)
{
	struct first first = {by_sendto, UNLISTED, 0, 1};
	pthread_t thread;

	printf("-- looked\n");
	sock = udp();
	thread = begin(&first);
	SAY(by_sendto(sock, LISTED));
	atomic_store(&go_on, 1);
	pthread_join(thread, NULL);
	SAY(first.result);
	say_heard();
	close(sock);
}

/* The next one with the same number is another one. */
static void cancelled(void)
{
	struct first first = {by_sendto, UNLISTED, 0, 0};
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

/* The same in a place that a thread has left: the first one is taken. */
static void looked_there(void)
{
	int fd = udp();

	between = looked;
	SAY(by_sendto(fd, UNLISTED));
	close(fd);
}

/* It has no thread that uses the socket, but was told so. */
static void forked(void)
{
	struct first first = {by_sendto, UNLISTED, 0, 0};
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
	setvbuf(stdout, NULL, _IOLBF, 0);
	ear = listen_here(AF_INET, SOCK_DGRAM, UNLISTED, PORT);
	two_threads_all();
	another_socket();
	looked();
	cancelled();
	jumped();
	interrupted_all();
	interrupted_look(LISTED);
	interrupted_look(UNLISTED);
	scheduled();
	forked();
	ended_often();
	looked_there();
	return 0;
}
