/* SPDX-License-Identifier: MIT */
/* Sockets that were put into epoll sets before bind(2), as Boost.Asio does. */
#include "tests/preload/program.h"

#include <sys/epoll.h>

static int add(int set, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static void print_events(int set, int timeout)
{
	struct epoll_event events[8];
	int n = epoll_wait(set, events, 8, timeout);

	printf("events: %d", n);
	for (int i = 0; i < n; i++)
		printf(" %x:%llx", events[i].events, (unsigned long long)events[i].data.u64);
	printf("\n");
}

static int listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* The last run's connections may still be waiting. */
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return fd;
}

static int client(unsigned port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", port);

	/* The way to a socket of the target is to bind it to a listed port. */
	bind_port(fd, 0);
	return connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in)) < 0 ? -1 : fd;
}

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
	print_events(set, 0);
	SAY(client(port) >= 0);
	print_events(set, 2000);
	print_events(other, 2000);
	print_events(set, 0);
	SAY(accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0);
	print_events(set, 0);
	SAY(client(port) >= 0);
	print_events(set, 500);
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
	print_events(set, 500);
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
	print_events(set, 0);
	SAY(bind_port(fd, 3024));
	SAY(listen(fd, 5));
	print_events(set, 0);
	SAY(client(3024) >= 0);
	print_events(set, 100);
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
	print_events(set, 500);
	print_events(set, 0);
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
	print_events(set, 0);
	SAY(client(3025) >= 0);
	print_events(nested, 1000);
	print_events(extra, 1000);
	SAY(write(pipes[1], "x", 1));
	print_events(nested, 1000);
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
