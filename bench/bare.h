/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BENCH_BARE_H
#define XSOCKET_BENCH_BARE_H

/*
 * What the design costs at least on this machine: two processes on one CPU, one of which asks, and
 * the other makes a socket, sends its descriptor, closes its own copy and sends the verdict. The
 * packets have the sizes of docs/PROTOCOL.md, and nothing is done with them: no event loop, no
 * policy, no limits, no accounts, no log, no deadlines.
 */

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct bare {
	int fd; /* the connection, or when each exchange has its own, the listening socket */
	pid_t partner;
	struct sockaddr_un address;
	socklen_t address_length;
};

/*
 * Pins the caller to a CPU and starts a partner on the same one. With `fresh` the exchanges will be
 * on connections of their own. The partner ends with the caller. Returns 0, or -1 and errno.
 */
int bare_start(struct bare *bare, unsigned cpu, bool fresh);

/* One exchange. Returns the descriptor of a new TCP socket, or -1 and errno. */
int bare_socket(struct bare *bare);
int bare_socket_fresh(struct bare *bare);

#endif
