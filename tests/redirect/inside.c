/* SPDX-License-Identifier: MIT */
/*
 * What comes in the middle of libxredirect's own work (XREDIRECT_LOCAL as in reach.c): it calls
 * fstat(2), by which it looks at a socket, getsockopt(2), by which it finds what goes along, and
 * dup3(2), by which it moves one. These are this program's.
 */
#include "tests/redirect/local.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PORT 3900

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

static int ear; /* listens here, at the address that is not in the list */
static int sock;
static _Thread_local void (*at_look)(void), (*at_option)(void), (*at_move)(void);
static atomic_int inside, go_on;
static sigjmp_buf back;

static void once(void (**what)(void))
{
	void (*now)(void) = *what;

	*what = NULL;
	if (now)
		now();
}

int fstat(int fd, struct stat *ret)
{
	once(&at_look);
	return (int)syscall(SYS_newfstatat, fd, "", ret, AT_EMPTY_PATH);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	/* Among those that are read to be set again. */
	if (level == SOL_SOCKET && name == SO_BUF_LOCK)
		once(&at_option);
	return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
}

int dup3(int from, int to, int flags)
{
	once(&at_move);
	return (int)syscall(SYS_dup3, from, to, flags);
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
	close(sock);
}

static void wait_inside(void)
{
	atomic_store(&inside, 1);
	while (!atomic_load(&go_on))
		usleep(1000);
}

static void *first_thread(void *data)
{
	at_look = wait_inside;
	SAY(send_to(sock, "word", AF_INET, UNLISTED, PORT));
	return data;
}

static void *second_thread(void *data)
{
	SAY(send_to(sock, "word", AF_INET, LISTED, PORT));
	atomic_store(&go_on, 1);
	return data;
}

/* Another thread is about to look at the socket. */
static void while_looked_at(void)
{
	pthread_t first, second;

	printf("-- looked at\n");
	sock = udp();
	MUST(pthread_create(&first, NULL, first_thread, NULL) == 0);
	while (!atomic_load(&inside))
		usleep(1000);
	MUST(pthread_create(&second, NULL, second_thread, NULL) == 0);
	pthread_join(second, NULL);
	pthread_join(first, NULL);
	say_heard();
}

/* Moves a socket that has nothing to do with it, and uses one that has. */
static void handle(int signal)
{
	int other = udp();

	(void)signal;
	SAY(send_to(other, "word", AF_INET, LISTED, PORT));
	WHERE(other);
	SAY(send_to(other, "word", AF_INET, UNLISTED, PORT));
	close(other);
	SAY(send_to(sock, "word", AF_INET, UNLISTED, PORT));
}

static void interrupt(void)
{
	raise(SIGTRAP);
}

/* Of the signals that are never held back, since who causes one has to have it at once. */
static void while_moved(void)
{
	struct sigaction action = {.sa_handler = handle};

	printf("-- moved\n");
	sigaction(SIGTRAP, &action, NULL);
	sock = udp();
	at_move = interrupt;
	SAY(send_to(sock, "word", AF_INET, LISTED, PORT));
	say_heard();
}

static void jump(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void interrupt_to_jump(void)
{
	raise(SIGUSR1);
}

/* Nothing is left of what was made for it. */
static void while_options_are_read(void)
{
	static volatile int jumps;
	int before;

	printf("-- jumped out of\n");
	signal(SIGUSR1, jump);
	before = all_descriptors();
	for (volatile int i = 0; i < 10; i++) {
		sock = udp();
		at_option = interrupt_to_jump;
		if (sigsetjmp(back, 1) == 0)
			send_to(sock, "word", AF_INET, LISTED, PORT);
		else
			jumps = jumps + 1;
		close(sock);
	}
	SAY(jumps);
	SAY(all_descriptors() - before);
}

static void *move_slowly(void *data)
{
	at_move = wait_inside;
	SAY(send_to(sock, "word", AF_INET, LISTED, PORT));
	return data;
}

static void give_up(int signal)
{
	_exit(signal);
}

/* In a pid namespace of its own, where it may have the same number as its parent in that one's. */
static void a_child_while_moved(void)
{
	int other = udp(), status;
	pthread_t thread;
	pid_t child;

	printf("-- a child\n");
	sock = udp();
	atomic_store(&inside, 0);
	atomic_store(&go_on, 0);
	MUST(pthread_create(&thread, NULL, move_slowly, NULL) == 0);
	while (!atomic_load(&inside))
		usleep(1000);
	MUST(unshare(CLONE_NEWPID) == 0);
	child = fork();
	if (child == 0) {
		signal(SIGALRM, give_up);
		alarm(10);
		SAY(send_to(other, "word", AF_INET, UNLISTED, PORT));
		exit(0);
	}
	MUST(waitpid(child, &status, 0) == child);
	SAY(status);
	atomic_store(&go_on, 1);
	pthread_join(thread, NULL);
	close(other);
	say_heard();
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	ear = listen_here(AF_INET, SOCK_DGRAM, UNLISTED, PORT);
	while_looked_at();
	while_moved();
	while_options_are_read();
	a_child_while_moved();
	return 0;
}
