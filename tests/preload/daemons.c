/* SPDX-License-Identifier: MIT */
/* What daemons do between socket(2) and bind(2): dup2, fork, close the rest, exec, limits. */
#include "tests/preload/epoll.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* With an option that is to be found wherever it gets to. */
static int kept_alive(void)
{
	int fd = listener();

	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	return fd;
}

/* Binds, and tells what all ways of waiting say. */
static void serve(int fd, int set, unsigned port)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};
	struct timeval time = {.tv_sec = 2};
	struct epoll_event event = {0};
	fd_set reads;

	SAY(poll(&ready, 1, 0));
	printf("before: %x\n", ready.revents);
	SAY(bind_port(fd, port));
	SAY(in_target(fd));
	SAY(get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	SAY(poll(&ready, 1, 0));
	printf("bound: %x\n", ready.revents);
	SAY(listen(fd, 5));
	SAY(poll(&ready, 1, 0));
	SAY(client(port) >= 0);
	SAY(poll(&ready, 1, 2000));
	printf("client: %x\n", ready.revents);
	FD_ZERO(&reads);
	FD_SET(fd, &reads);
	SAY(select(fd + 1, &reads, NULL, NULL, &time));
	SAY(epoll_wait(set, &event, 1, 2000));
	printf("event: %x:%llx\n", event.events, (unsigned long long)event.data.u64);
	SAY(accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0);
	SAY(epoll_wait(set, &event, 1, 0));
	fflush(stdout);
}

static void wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	printf("status: %x\n", (unsigned)status);
	fflush(stdout);
}

static void numbers(void)
{
	int fd = kept_alive(), set = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0xabc};

	printf("-- dup2\n");
	/* where a shell has its own files, and where the program had another */
	SAY(dup2(fd, 10) == 10);
	SAY(dup3(fd, set + 20, O_CLOEXEC) == set + 20);
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, 10, &event));
	close(fd);
	serve(set + 20, set, 3060);
	SAY(in_target(10));
	SAY(fcntl(10, F_GETFD));
	SAY(fcntl(set + 20, F_GETFD));
	close(10);
	close(set + 20);
	close(set);
}

/* The parent has gone, the rest is closed. */
static void daemonized(void)
{
	int fd = kept_alive(), set = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0xdae};
	pid_t pid;

	printf("-- daemon\n");
	fflush(stdout);
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	pid = fork();
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0) {
			SAY(dup2(fd, 40) == 40);
			SAY(dup2(set, 41) == 41);
			SAY(syscall(SYS_close_range, 3, 39, 0));
			SAY(syscall(SYS_close_range, 42, ~0U, 0));
			serve(40, 41, 3061);
			_exit(0);
		}
		close(fd);
		wait_for(pid);
		_exit(0);
	}
	wait_for(pid);
	close(fd);
	close(set);
}

/* Another program gets a socket that is not bound, in a set. */
static void executed(const char *self)
{
	int fd = kept_alive(), set = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 0xe8ec};
	char numbers[2][16];
	pid_t pid;

	printf("-- exec\n");
	fflush(stdout);
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	snprintf(numbers[0], sizeof(numbers[0]), "%d", fd);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", set);
	pid = fork();
	if (pid == 0) {
		execl(self, self, "exec", numbers[0], numbers[1], NULL);
		_exit(1);
	}
	close(fd);
	wait_for(pid);
	close(set);
}

/* All numbers but a few are in use. */
static void nearly_full(void)
{
	struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};

	setrlimit(RLIMIT_NOFILE, &limit);
	for (int spare = 0; spare <= 8; spare++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), same = dup(fd);
		int set = epoll_create1(EPOLL_CLOEXEC), before, r;
		struct epoll_event event = {.events = EPOLLIN};

		epoll_ctl(set, EPOLL_CTL_ADD, same, &event);
		while (dup(STDIN_FILENO) >= 0)
			;
		for (int i = 0; i < spare; i++)
			close(63 - i);
		before = descriptors();
		r = bind_port(fd, 0);
		printf("spare %d: %s\n", spare, r == 0 ? "0" : strerrorname_np(errno));
		fflush(stdout);
		if (before != descriptors() || in_target(fd) != (r == 0) ||
			in_target(same) != (r == 0))
			printf("bad\n");
		/* Whatever it was, it can go on. */
		for (int i = spare; i < 30; i++)
			close(63 - i);
		if (r < 0)
			SAY(bind_port(same, 0));
		SAY(in_target(fd));
		SAY(epoll_ctl(set, EPOLL_CTL_MOD, same, &event));
		syscall(SYS_close_range, 3, ~0U, 0);
	}
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "exec") == 0) {
		serve(atoi(argv[2]), atoi(argv[3]), 3062);
		return 0;
	}
	if (argc > 1) {
		nearly_full();
		return 0;
	}
	numbers();
	daemonized();
	executed(argv[0]);
	return 0;
}
