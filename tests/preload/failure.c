/* SPDX-License-Identifier: MIT */
/*
 * bind(2) fails as it does there, and leaves the program its socket. With an argument: it is
 * forbidden altogether.
 */
#include "tests/preload/program.h"
#include "tests/preload/seccomp.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

static void forbidden(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	seccomp_refuse(SYS_bind, 0, SECCOMP_ALWAYS, EPERM);
	SAY(bind_port(fd, 3035));
	SAY(in_own(fd));
}

int main(int argc, char **argv)
{
	int first = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 9};
	struct sockaddr_storage address = address_of(AF_INET, "127.0.0.1", 3031);

	if (argc > 1) {
		forbidden();
		return 0;
	}
	SAY(bind_port(first, 3030));
	SAY(listen(first, 5));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	printf("-- in use, then another port\n");
	SAY(bind_port(fd, 3030));
	SAY(in_own(fd));
	SAY(bind_port(fd, 4000));
	SAY(in_own(fd));
	SAY(listen(fd, 5));
	printf("-- what the kernel refuses\n");
	SAY(bind_port(first, 3032));
	SAY(bind_port(fd, 3032));
	SAY(bind_port(-1, 3032));
	SAY(bind_port(0, 3032));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind(fd, (struct sockaddr *)&address, 8));
	SAY(bind(fd, NULL, 16));
	SAY(bind_to(fd, AF_INET6, "::1", 3033));
	address.ss_family = AF_UNSPEC;
	SAY(bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)));
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	SAY(bind_port(fd, 3033));
	SAY(in_own(fd));
	printf("-- it still works\n");
	SAY(bind_to(fd, AF_INET6, "::1", 3033));
	SAY(in_target(fd));
	printf("-- for old programs\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	address = address_of(AF_INET, "0.0.0.0", 3034);
	address.ss_family = AF_UNSPEC;
	SAY(bind(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in)));
	SAY(in_target(fd));
	return 0;
}
