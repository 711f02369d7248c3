/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_PRELOAD_EPOLL_H
#define XSOCKET_TESTS_PRELOAD_EPOLL_H

/* More for programs whose sockets are in epoll sets. */

#include "tests/preload/program.h"

#include <stdint.h>
#include <sys/epoll.h>

static inline int add(int set, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static inline void print_events(const char *who, int set, int timeout)
{
	struct epoll_event events[8];
	int n = epoll_wait(set, events, 8, timeout);

	printf("%s: %d", who, n);
	for (int i = 0; i < n; i++)
		printf(" %x:%llx", events[i].events, (unsigned long long)events[i].data.u64);
	printf("\n");
	fflush(stdout);
}

/* A connection of the last run may still wait. */
static inline int listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return fd;
}

/* Connected to a port of the target: the way to a socket there is to bind it to a listed port. */
static inline int client(unsigned port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", port);

	bind_port(fd, 0);
	return connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in)) < 0 ? -1 : fd;
}

#endif
