/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_LIB_EXCHANGE_H
#define XSOCKET_LIB_EXCHANGE_H

/*
 * One question to a broker and its answer, each with a deadline.
 *
 * Nothing here allocates, locks or logs: it runs in signal handlers and in preloaded hooks.
 * Negative errno values mean that there is no descriptor and the connection is of no more use.
 */

#include "common/address.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange {
	int fd;		     /* the connection, owned */
	int lowest_fd;	     /* what number a new fd should have at least */
	int64_t deadline_ns; /* CLOCK_MONOTONIC */
	int64_t armed_ms;    /* what SO_RCVTIMEO and SO_SNDTIMEO of fd were last set to */
};

/* What is asked for. */
struct request {
	uint32_t opcode; /* which of them */
	union {
		struct wire_socket socket;     /* WIRE_OP_SOCKET */
		struct wire_resolver resolver; /* WIRE_OP_RESOLVER */
	};
};

/* The deadline of an exchange that begins now. */
int64_t exchange_deadline(void);

/*
 * Makes exchange->fd, close-on-exec, to be connected. It has a lower number than
 * exchange->lowest_fd only where there is no other. Returns 0 or a negative errno of socket(2).
 */
int exchange_open(struct exchange *exchange);

/*
 * Connects exchange->fd before exchange->deadline_ns. Returns 0, or a negative errno and it is of
 * no more use: those of connect(2), -ETIMEDOUT, -EPROTO (the socket is of another type).
 */
int exchange_connect(struct exchange *exchange, const struct address *address);

/*
 * Asks, and waits for the verdict, so that the broker keeps no copy of what it handed out. fds has
 * room for request->socket.count descriptors, or for the one of a file; they arrive close-on-exec.
 *
 * Returns how many there are (at least one), or a negative errno. -ECONNRESET means that the
 * broker hung up without an answer: asking again on a new connection may help. Where the broker
 * answered with an errno, *ret_alive tells whether the connection may be used again.
 */
int exchange_ask(
	struct exchange *exchange, const struct request *request, int *fds, bool *ret_alive);

#endif
