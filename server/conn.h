/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_CONN_H
#define XSOCKET_SERVER_CONN_H

/* One connection of a client. See conn.c. */

#include "server/policy.h"
#include "server/user.h"

#include <stdbool.h>
#include <stdint.h>

struct worker;

enum conn_state {
	CONN_SILENT, /* has not asked for anything yet */
	CONN_IDLE,   /* between requests */
	CONN_LEFT,   /* had its last answer: to be closed as soon as that is received */
	CONN_HELD,   /* asked again before it received its answer: the same, once it did */
	CONN_CLOSED, /* to be freed */
};

struct conn {
	struct conn *next, *previous; /* in its worker's list */
	struct user *user;
	struct peer peer;
	int fd;
	uint8_t state;	  /* enum conn_state */
	bool polled;	  /* is in its worker's epoll set */
	uint16_t unread;  /* descriptors sent last and not known to be received */
	uint32_t touched; /* second of the last step (CLOCK_MONOTONIC) */
	uint32_t cpu;	  /* where the client said it runs, or WIRE_CPU_UNKNOWN */
};

/*
 * Takes over a connection just accepted. Returns NULL when it was refused; fd is consumed in any
 * case.
 */
struct conn *conn_new(struct worker *worker, int fd);

/* Closes and frees. */
void conn_free(struct worker *worker, struct conn *conn);

/* Serves one request; false if there was none. Afterwards look at conn->state. */
bool conn_readable(struct worker *worker, struct conn *conn);

/* Forgets descriptors that the client has received. Returns whether none is left. */
bool conn_all_received(struct conn *conn);

/* Looks what the client has received, and whether a deadline has passed. Afterwards as above. */
void conn_tick(struct worker *worker, struct conn *conn);

#endif
