/* SPDX-License-Identifier: MIT */
/*
 * Two that bind one socket, cancelled threads, tables of descriptors that are shared and that are
 * not, and what other threads do with theirs meanwhile. With an argument: a thread that closes
 * everything.
 */
#include "tests/preload/program.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define THREADS 4
#define ROUNDS	40

static pthread_barrier_t barrier;
static atomic_int shared = -1;
static atomic_bool stop;
static unsigned spread;

struct one {
	unsigned index, won;
	int others; /* failures but "is bound already" */
};

static void *one_of_many(void *argument)
{
	struct one *one = argument;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		if (bind_port(shared, 3050 + one->index * spread) == 0)
			one->won |= 1U << (i % 2);
		/* Of one port, it may be the port that is found to be in use. */
		else if (errno != EINVAL && !(spread == 0 && errno == EADDRINUSE))
			one->others++;
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* One of them succeeds, and it is that one's port. */
static void same_socket(const char *text, unsigned between)
{
	struct one ones[THREADS] = {0};
	pthread_t threads[THREADS];
	int good = 0, others = 0;

	printf("-- one socket, %s\n", text);
	spread = between;
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (unsigned i = 0; i < THREADS; i++) {
		ones[i].index = i;
		pthread_create(&threads[i], NULL, one_of_many, &ones[i]);
	}
	for (int i = 0; i < ROUNDS; i++) {
		unsigned winners = 0, right = 0;

		shared = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		set_int(shared, SOL_SOCKET, SO_REUSEADDR, 1);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (unsigned t = 0; t < THREADS; t++) {
			winners += ones[t].won != 0;
			right += ones[t].won != 0 && port_of(shared) == 3050 + t * spread;
			ones[t].won = 0;
		}
		good += winners == 1 && right == 1 && in_target(shared);
		close(shared);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		others += ones[i].others;
	}
	printf("rounds with one winner: %d, other failures: %d\n", good, others);
}

static volatile sig_atomic_t handled;

static void handler(int number)
{
	int saved = errno;

	if (shared >= 0 && handled == 0)
		handled = bind_port(shared, 3055) == 0 ? 1 : errno == EINVAL ? 2 : 3;
	errno = saved;
}

/* A signal handler binds the socket that is being bound. */
static void interrupted(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	int good = 0, bad = 0;

	printf("-- interrupted\n");
	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 400; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;
		struct itimerval timer = {.it_value.tv_usec = 20 + i * 3};
		unsigned port;

		handled = 0;
		shared = fd;
		setitimer(ITIMER_REAL, &timer, NULL);
		r = bind_port(fd, 3056) == 0 ? 1 : errno == EINVAL ? 2 : 3;
		while (handled == 0)
			usleep(100);
		shared = -1;
		port = port_of(fd);
		if (in_target(fd) && ((r == 1 && handled == 2 && port == 3056) ||
					     (r == 2 && handled == 1 && port == 3055)))
			good++;
		else
			bad++;
		close(fd);
	}
	printf("good: %d, bad: %d\n", good, bad);
}

static void *cancelled(void *argument)
{
	const int *fds = argument;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (int i = 0; i < 20; i++) {
		bind_port(fds[i], 0);
		shared = i;
	}
	while (!stop)
		;
	return NULL;
}

/* Cancelled at any moment, even in the middle of bind(2): nothing stays open, all can go on. */
static void asynchronous(void)
{
	int fds[20], bad = 0;

	printf("-- cancelled\n");
	for (int round = 0; round < 40; round++) {
		pthread_t thread;
		int before, after;

		for (int i = 0; i < 20; i++)
			fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		shared = -1;
		before = descriptors();
		pthread_create(&thread, NULL, cancelled, fds);
		while (shared < round % 4)
			sched_yield();
		usleep((unsigned)round * 7);
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		after = descriptors();
		bad += before != after;
		for (int i = 0; i < 20; i++) {
			if (port_of(fds[i]) == 0)
				bad += bind_port(fds[i], 0) < 0;
			bad += !in_target(fds[i]);
			close(fds[i]);
		}
	}
	printf("bad: %d\n", bad);
}

static int bind_and_end(void *argument)
{
	return bind_port(*(int *)argument, 3057) == 0 ? 0 : errno;
}

/* A process, no thread, that has the same table. */
static void same_table(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = -1;
	pid_t pid;

	printf("-- a process with the same table\n");
	pid = clone(bind_and_end, stack + sizeof(stack),
		CLONE_VM | CLONE_FILES | CLONE_VFORK | SIGCHLD, &fd);
	waitpid(pid, &status, 0);
	printf("status: %x\n", (unsigned)status);
	SAY(in_target(fd));
	SAY(port_of(fd));
	close(fd);
}

static void *own_table(void *argument)
{
	int set, fd, same;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 9};

	SAY(syscall(SYS_unshare, CLONE_FILES));
	set = epoll_create1(EPOLL_CLOEXEC);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	same = fcntl(fd, F_DUPFD_CLOEXEC, 150);
	*(int *)argument = fd;
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	SAY(bind_port(same, 3058));
	SAY(in_target(fd));
	SAY(in_target(same));
	SAY(fcntl(same, F_GETFD));
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* Its numbers are other files than those of the rest of the program. */
static void thread_with_own_table(void)
{
	pthread_t thread;
	int number, fd;

	printf("-- a thread with a table of its own\n");
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, own_table, &number);
	pthread_barrier_wait(&barrier);
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, number);
	SAY(fd == number);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	SAY(get_int(fd, SOL_SOCKET, SO_TYPE));
	SAY(fcntl(fd, F_GETFD));
	close(fd);
}

static void *opens_and_closes(void *argument)
{
	while (!stop) {
		int set = epoll_create1(EPOLL_CLOEXEC), fd = dup(STDIN_FILENO);

		close(set);
		set = epoll_create1(EPOLL_CLOEXEC);
		close(fd);
		close(set);
	}
	return NULL;
}

/* Descriptors come and go while they are looked at. */
static void restless(void)
{
	pthread_t threads[2];
	int bad = 0;

	printf("-- restless\n");
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, opens_and_closes, NULL);
	for (int i = 0; i < 200; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		bad += bind_port(fd, 0) < 0 || !in_target(fd);
		close(fd);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("bad: %d\n", bad);
	stop = false;
}

static void *closes_all(void *argument)
{
	pthread_barrier_wait(&barrier);
	usleep((unsigned)(long)argument);
	syscall(SYS_close_range, 3, ~0U, 0);
	return NULL;
}

/* A daemon that closes all it does not know, at any moment. It may fail, but not worse. */
static void close_range_meanwhile(void)
{
	int fine = 0;

	pthread_barrier_init(&barrier, NULL, 2);
	for (long i = 0; i < 100; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		pthread_t thread;

		pthread_create(&thread, NULL, closes_all, (void *)(i * 3));
		pthread_barrier_wait(&barrier);
		bind_port(fd, 0);
		pthread_join(thread, NULL);
		syscall(SYS_close_range, 3, ~0U, 0);
		/* Everything is as ever. */
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		fine += fd == 3 && bind_port(fd, 0) == 0 && in_target(fd);
		close(fd);
		fine += descriptors() == 3;
	}
	printf("fine: %d\n", fine);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		close_range_meanwhile();
		return 0;
	}
	same_socket("many ports", 1);
	same_socket("one port", 0);
	interrupted();
	asynchronous();
	same_table();
	thread_with_own_table();
	restless();
	return 0;
}
