/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_REDIRECT_KEPT_H
#define XSOCKET_TESTS_REDIRECT_KEPT_H

/* For tests of what libxredirect keeps in descriptors: looks at those, and threads of its own. */

#include "tests/unit/unit.h"

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

/* Runs in a thread that has kept nothing yet, and waits for its end. */
static inline void in_thread(void *(*run)(void *), void *data)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, run, data) == 0);
	must(pthread_join(thread, NULL) == 0);
}

#endif
