/* SPDX-License-Identifier: MIT */
/* Sockets that were put into epoll sets before bind(2), as Boost.Asio does. */
#include "tests/preload/epoll.h"

static void one_mode(const char *text, uint32_t events, unsigned port)
{
	int set = epoll_create1(EPOLL_CLOEXEC), other = epoll_create1(EPOLL_CLOEXEC);
	int fd = listener(), same = dup(fd);
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x77};

	printf("-- %s\n", text);
	SAY(add(set, fd, events, 0x123456789abcdef0));
	SAY(add(set, same, events, 0xfedcba9876543210));
	SAY(add(other, fd, events, 0x11));
	SAY(bind_port(fd, port));
	SAY(in_target(fd));
	SAY(listen(fd, 5));
	print_events("events", set, 0);
	SAY(client(port) >= 0);
	print_events("events", set, 2000);
	print_events("events", other, 2000);
	print_events("events", set, 0);
	SAY(accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0);
	print_events("events", set, 0);
	SAY(client(port) >= 0);
	print_events("events", set, 500);
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
	print_events("events", set, 500);
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, same, NULL));
	SAY(epoll_ctl(other, EPOLL_CTL_DEL, fd, NULL));
	close(fd);
	close(same);
	close(set);
	close(other);
}

/* The first event was taken before bind(2), which disarms an EPOLLONESHOT entry. */
static void disarmed(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), fd = listener();
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 0x5};

	printf("-- disarmed\n");
	SAY(add(set, fd, EPOLLIN | EPOLLONESHOT, 0x5));
	print_events("events", set, 0);
	SAY(bind_port(fd, 3024));
	SAY(listen(fd, 5));
	print_events("events", set, 0);
	SAY(client(3024) >= 0);
	print_events("events", set, 100);
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
	print_events("events", set, 500);
	print_events("events", set, 0);
}

/* Other entries of the same set, and of sets that have nothing to do with it, stay. */
static void others(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), fd = listener(), pipes[2];
	int nested = epoll_create1(EPOLL_CLOEXEC), extra = fcntl(set, F_DUPFD_CLOEXEC, 0);

	printf("-- others\n");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		exit(1);
	for (int i = 0; i < 50; i++)
		add(set, fcntl(pipes[0], F_DUPFD_CLOEXEC, 0), EPOLLIN, (uint64_t)i);
	SAY(add(set, fd, EPOLLIN, 0x42));
	SAY(add(nested, set, EPOLLIN, 0x43));
	SAY(bind_port(fd, 3025));
	SAY(listen(fd, 5));
	print_events("events", set, 0);
	SAY(client(3025) >= 0);
	print_events("events", nested, 1000);
	print_events("events", extra, 1000);
	SAY(write(pipes[1], "x", 1));
	print_events("events", nested, 1000);
}

int main(void)
{
	one_mode("level triggered", EPOLLIN, 3020);
	one_mode("edge triggered", EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, 3021);
	one_mode("once", EPOLLIN | EPOLLONESHOT, 3022);
	one_mode("exclusive", EPOLLIN | EPOLLEXCLUSIVE, 3023);
	disarmed();
	others();
	return 0;
}
