/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_REDIRECT_KEPT_H
#define XSOCKET_TESTS_REDIRECT_KEPT_H

/* For tests of what libxredirect keeps in descriptors: looks at those, and threads of its own. */

#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "xredirect/pool.h"
#include "xredirect/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#define KEPT_NUMBERS 2048 /* no test has more */

/* Connections to brokers are packets; what is handed out is not. */
static inline bool kept_is_connection(int fd)
{
	return fd_is_socket(fd, SOCK_SEQPACKET, 0);
}

static inline unsigned kept_connections(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < KEPT_NUMBERS; fd++)
		count += kept_is_connection(fd);
	return count;
}

/* The lowest number that a connection has. */
static inline int kept_lowest(void)
{
	for (int fd = 0; fd < KEPT_NUMBERS; fd++) {
		if (kept_is_connection(fd))
			return fd;
	}
	return -1;
}

/* Sockets that are held. */
static inline unsigned held(void)
{
	unsigned count = 0;
	int domain;
	socklen_t length = sizeof(domain);

	for (int fd = WARM_LOWEST; fd < KEPT_NUMBERS; fd++) {
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0)
			count += domain == AF_INET || domain == AF_INET6;
	}
	return count;
}

/* As libxredirect gets a socket. */
static inline int ask(
	const struct fake_broker *of, unsigned size, int domain, int type, int protocol)
{
	int fd = pool_socket(size, of->server, domain, type, protocol);

	return fd == -EAGAIN ? warm_socket(of->server, domain, type, protocol) : fd;
}

static inline void is_kind(int fd, int domain, int type, int protocol)
{
	int found;
	socklen_t length = sizeof(found);

	assert_true(fd >= 0 && fd < 100 && fd_is_socket(fd, type, protocol));
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &found, &length), 0);
	assert_int_equal(found, domain);
}

/* One at the lowest number, as it was asked for. */
static inline void is_ready(const struct fake_broker *of, unsigned size, int type, int protocol)
{
	int lowest = fds_lowest(), fd = ask(of, size, AF_INET, type, 0);

	must(fd == lowest);
	must(fd_is_socket(fd, type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK), protocol));
	must(fd_is_cloexec(fd) == !!(type & SOCK_CLOEXEC));
	must(fd_is_nonblocking(fd) == !!(type & SOCK_NONBLOCK));
	must((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	close(fd);
}

/* Runs in a thread that has kept nothing yet, and waits for its end. */
static inline void in_thread(void *(*run)(void *), void *data)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, run, data) == 0);
	must(pthread_join(thread, NULL) == 0);
}

#endif
