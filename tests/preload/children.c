/* SPDX-License-Identifier: MIT */
/* Children that bind: after fork(2), after vfork(2), while the parent has other threads. */
#include "tests/preload/program.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>

static atomic_bool stop;

static void *busy(void *argument)
{
	while (!stop) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		bind_port(fd, 0);
		close(fd);
	}
	return NULL;
}

static void wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	printf("status: %x\n", (unsigned)status);
	fflush(stdout);
}

int main(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread;
	pid_t pid;

	printf("-- fork\n");
	SAY(set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		SAY(bind_port(fd, 3060));
		SAY(in_target(fd));
		SAY(get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
		_exit(0);
	}
	wait_for(pid);
	printf("-- vfork\n");
	pid = vfork();
	if (pid == 0)
		_exit(bind_port(other, 3061) < 0 ? errno : in_target(other) ? 100 : 101);
	wait_for(pid);
	printf("-- fork in a program with threads\n");
	pthread_create(&thread, NULL, busy, NULL);
	for (int i = 0; i < 30; i++) {
		pid = fork();
		if (pid == 0) {
			int one = socket(AF_INET, SOCK_STREAM, 0);

			set_int(one, SOL_SOCKET, SO_REUSEADDR, 1);
			_exit(bind_port(one, 3062) < 0 ? errno : in_target(one) ? 100 : 101);
		}
		wait_for(pid);
	}
	stop = true;
	pthread_join(thread, NULL);
	return 0;
}
