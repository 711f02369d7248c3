/* SPDX-License-Identifier: MIT */
/* Children that bind while the parent has other threads, which bind as well. */
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

int main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, busy, NULL);
	for (int i = 0; i < 30; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			int one = socket(AF_INET, SOCK_STREAM, 0);

			set_int(one, SOL_SOCKET, SO_REUSEADDR, 1);
			_exit(bind_port(one, 3062) < 0 ? errno : in_target(one) ? 100 : 101);
		}
		waitpid(pid, &status, 0);
		printf("status: %x\n", (unsigned)status);
		fflush(stdout);
	}
	stop = true;
	pthread_join(thread, NULL);
	return 0;
}
