/* SPDX-License-Identifier: MIT */
/* Children that bind: after fork(2), after vfork(2). */
#include "tests/preload/program.h"

#include <sys/wait.h>

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
	return 0;
}
