/* SPDX-License-Identifier: MIT */
/*
 * Children, while other threads of the parent make sockets all the time: each gets its own, and has
 * nothing of the library's; nor has a program that is executed. "processes count" says how many
 * descriptors there are.
 */
#include "tests/redirect/program.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>

#define THREADS	 3
#define CHILDREN 100
#define HIGHEST	 2000

static atomic_bool stop;
static atomic_int made;

static void *make_sockets(void *data)
{
	int bad = 0;

	while (!atomic_load(&stop)) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		bad += fd < 0 || get_int(fd, SOL_SOCKET, SO_TYPE) != SOCK_DGRAM || !in_target(fd);
		close(fd);
		atomic_fetch_add(&made, 1);
	}
	printf("bad: %d\n", bad);
	return data;
}

/* Internet sockets and connections to brokers, of all the numbers that there are. */
static void count(int *sockets, int *connections)
{
	*sockets = *connections = 0;
	for (int fd = 3; fd < HIGHEST; fd++) {
		int domain = get_int(fd, SOL_SOCKET, SO_DOMAIN);

		*sockets += domain == AF_INET || domain == AF_INET6;
		*connections += domain == AF_UNIX;
	}
}

/* Returns what is wrong, as the status of the child. */
static int child(void)
{
	int sockets, connections, fd;

	count(&sockets, &connections);
	/* Those that other threads had, or were about to get, as without the library. */
	if (sockets > THREADS)
		return 1;
	/* What they had asked by, where that was not kept yet. */
	if (connections > THREADS)
		return 2;
	for (int i = 0; i < 5; i++) {
		fd = socket(AF_INET6, SOCK_STREAM, 0);
		if (fd < 0 || !in_target(fd) || get_int(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM)
			return 3;
		close(fd);
	}
	return 0;
}

static int status_of(pid_t pid)
{
	int status = -1;

	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static void forks(void)
{
	int statuses[8] = {0};

	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(child());
		status = status_of(pid);
		statuses[status < 8 ? status : 7]++;
	}
	printf("fine: %d, too many sockets: %d, too many connections: %d, wrong: %d, ended: %d\n",
		statuses[0], statuses[1], statuses[2], statuses[3], statuses[7]);
}

/* In memory of its parent, which it must leave as it was. */
static __attribute__((noinline)) int in_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		_exit(fd >= 0 && in_target(fd) ? 0 : 1);
	}
	return status_of(pid);
}

/* With what it was given on purpose. */
static void executed(char *self)
{
	char argument[] = "count", *arguments[] = {self, argument, NULL};
	int others = 0;
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		MUST(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0);
		others += status_of(pid);
		pid = fork();
		if (pid == 0) {
			execv(self, arguments);
			_exit(50);
		}
		others += status_of(pid);
	}
	printf("in other programs: %d\n", others);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int bad = 0, before;

	if (argc > 1) {
		int open = 0;

		for (int fd = 3; fd < HIGHEST; fd++)
			open += fcntl(fd, F_GETFD) >= 0;
		return open;
	}
	/* nothing that a child would write once more */
	setvbuf(stdout, NULL, _IOLBF, 0);
	close_range(3, ~0U, 0);
	for (int i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, make_sockets, NULL) == 0);
	while (atomic_load(&made) < 100)
		sched_yield();
	forks();
	executed(argv[0]);
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	close(socket(AF_INET, SOCK_STREAM, 0));
	before = descriptors();
	for (int i = 0; i < 20; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		bad += in_vfork() + !in_target(fd);
		close(fd);
	}
	printf("vfork: %d, left: %d\n", bad, descriptors() - before);
	return 0;
}
