/* SPDX-License-Identifier: MIT */
/*
 * Many look-ups in one process, in one way (ways.h), by what a program may do meanwhile:
 *
 *   load threads WAY...   eight threads look names up again and again
 *   load fork WAY...      children of a process with threads that are looking names up do so, too
 *   load cancel WAY...    a thread is cancelled while it waits for an answer: it returns first, and
 *                         nothing is left behind
 *   load deadline there...  an answer is waited for until the time is up, and no longer
 *   load flood there...   the same, where there is always one more datagram that is no answer
 *   load jump WAY...      a signal handler leaves the first look-up by siglongjmp(3), at a signal
 * that somebody sends at the first dlopen(3); later ones are answered
 *
 * Exits with 0 when all is as it should be. web.example is to be 10.2.0.1 and fd00::21, and nobody
 * is to answer to silent.example. What is said to flood.example is no answer.
 */
#include "tests/resolver/ways.h"

#include "common/clock.h"
#include "resolver/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS	25

static const struct way *way;
static atomic_bool ended;

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s does not hold (%s): %s\n", __FILE__, __LINE__,  \
				#condition, strerror(errno), way->why());                          \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static unsigned fds_open(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1000; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void look_up(void)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;

	must(way->getaddrinfo("web.example", "80", &hints, &list) == 0);
	must(list && list->ai_next && !list->ai_next->ai_next);
	way->freeaddrinfo(list);
	must(way->getaddrinfo("nope.example", "80", &hints, &list) == EAI_NONAME);
	must(way->getaddrinfo("hosts.example", "80", &hints, &list) == 0);
	way->freeaddrinfo(list);
}

static void *look_up_often(void *data)
{
	for (int i = 0; i < ROUNDS && !ended; i++)
		look_up();
	return NULL;
}

static void start_all(pthread_t threads[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		must(pthread_create(&threads[i], NULL, look_up_often, NULL) == 0);
}

static void join_all(pthread_t threads[THREADS])
{
	for (int i = 0; i < THREADS; i++)
		must(pthread_join(threads[i], NULL) == 0);
}

static void run_threads(void)
{
	pthread_t threads[THREADS];

	start_all(threads);
	join_all(threads);
}

/* A child that is made while another thread loads c-ares may wait for ever: dlopen(3) has a lock.
 */
static void run_fork(void)
{
	pthread_t threads[THREADS];
	int status;

	look_up();
	start_all(threads);
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		must(child >= 0);
		if (child == 0) {
			alarm(30);
			look_up();
			_exit(0);
		}
		must(waitpid(child, &status, 0) == child);
		must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	ended = true;
	join_all(threads);
}

/* Cancellation is at work at once, wherever the thread is. */
static void *wait_for_silence(void *data)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	way->getaddrinfo("silent.example", "80", &hints, &list);
	for (;;)
		pause();
	return NULL;
}

static void run_cancel(void)
{
	unsigned before;
	pthread_t thread;

	look_up();
	before = fds_open();
	must(pthread_create(&thread, NULL, wait_for_silence, NULL) == 0);
	while (fds_open() <= before) /* until it has a socket to wait at */
		usleep(1000);
	must(pthread_cancel(thread) == 0);
	must(pthread_join(thread, NULL) == 0);
	must(fds_open() == before);
}

static atomic_bool flooded;

/* resolver/ finds this one, not libc's. */
ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
	socklen_t *length)
{
	ssize_t n = syscall(SYS_recvfrom, fd, buffer, size, flags, address, length);

	if (n < 0 && errno == EAGAIN && atomic_load(&flooded)) {
		memset(buffer, 0, 4);
		return 4;
	}
	return n;
}

static void run_deadline(const char *name)
{
	const struct lookup_wanted wanted = {.family = AF_UNSPEC};
	uint64_t begin = clock_ms(CLOCK_MONOTONIC);
	struct lookup lookup;
	struct found found = {0};

	lookup_begin(&lookup, &way_source, NULL);
	must(lookup.deadline > begin + 20000 && lookup.deadline < begin + 40000);
	lookup.deadline = begin + 300;
	must(lookup_name(&lookup, name, &wanted, &found) == OUTCOME_AGAIN);
	must(clock_ms(CLOCK_MONOTONIC) >= begin + 300);
	must(clock_ms(CLOCK_MONOTONIC) < begin + 1800);
	must(lookup.status == CHANNEL_TIMEOUT && found.n == 0);
	lookup_end(&lookup);
}

static void run_flood(void)
{
	alarm(20);
	atomic_store(&flooded, true);
	run_deadline("flood.example");
}

static sigjmp_buf before_jump;

static void leave(int signal)
{
	siglongjmp(before_jump, 1);
}

/* What was open when it jumped is lost. */
static unsigned run_jump(void)
{
	struct sigaction action = {.sa_handler = leave};
	unsigned lost;
	pthread_t thread;

	must(sigaction(SIGUSR1, &action, NULL) == 0);
	if (sigsetjmp(before_jump, 1) == 0) {
		look_up();
		must(!"it came back");
	}
	lost = fds_open();
	alarm(30);
	look_up();
	must(pthread_create(&thread, NULL, look_up_often, NULL) == 0);
	must(pthread_join(thread, NULL) == 0);
	return lost;
}

int main(int argc, char **argv)
{
	unsigned before;

	way = argc > 2 ? way_of(argc - 2, argv + 2) : NULL;
	if (!way)
		return 2;
	before = fds_open();
	if (strcmp(argv[1], "threads") == 0)
		run_threads();
	else if (strcmp(argv[1], "fork") == 0)
		run_fork();
	else if (strcmp(argv[1], "cancel") == 0)
		run_cancel();
	else if (strcmp(argv[1], "deadline") == 0)
		run_deadline("silent.example");
	else if (strcmp(argv[1], "flood") == 0)
		run_flood();
	else if (strcmp(argv[1], "jump") == 0)
		before = run_jump();
	else
		return 2;
	must(fds_open() == before);
	return 0;
}
