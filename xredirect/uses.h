/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_USES_H
#define XSOCKET_XREDIRECT_USES_H

/*
 * Which calls use which socket at this moment, so that none is moved to the other side of
 * XREDIRECT_LOCAL between a call's look at it and the call. See uses.c.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* A call. It is in the frame of who makes it, and nobody but uses.c changes it. */
struct use {
	int place; /* or USE_NONE */
	uint64_t user;
};

#define USE_NONE (-1)

/* fd is about to be looked at and used. Waits while a socket is being moved. */
void uses_begin(struct use *use, int fd);

/*
 * Which socket it is: its inode number. To be said once, when it is where it should be. Returns
 * false if a signal handler has moved it since uses_begin(): what was seen of it counts no more.
 */
bool uses_found(const struct use *use, uint64_t inode);

/* It has been used. Leaves errno alone. May be called again, and for USE_NONE. */
void uses_end(struct use *use);

struct hold {
	sigset_t signals;
	bool outermost; /* or it is within another one of this thread, in a handler */
};

/*
 * Holds up all calls of this process that have not begun, and waits for those that use the socket
 * with this inode number, none of which is the caller's own. fd is one of its descriptors.
 *
 * Returns 0, or -EADDRNOTAVAIL: one of them does not end, or -EBADF. uses_release() follows in all
 * cases. Until then no signal handler runs in this thread, but for those of common/signals.h.
 */
int uses_hold(struct hold *ret, int fd);
void uses_release(const struct hold *hold);

#endif
