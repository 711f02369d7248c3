/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_DESTINATION_H
#define XSOCKET_XREDIRECT_DESTINATION_H

/* Which side a socket is on is decided by the first address it is used with. See destination.c. */

#include "xredirect/uses.h"

#include <stdbool.h>
#include <sys/socket.h>

/* What a call does with an address. */
enum destination_call {
	DESTINATION_CONNECT,
	DESTINATION_BIND,
	DESTINATION_SEND, /* to whom a stream is connected does not change by it */
};

/*
 * Before a call that uses a socket with an address: makes sure that the socket is one of this
 * namespace where XREDIRECT_LOCAL has the address, and not one that this had made here for
 * another address where it has not.
 *
 * Returns 0: the call may be made, and uses_end() is to follow it; or a negative errno, with a
 * line, and it must not be made. errno is left alone. use is in the frame of the interposed call.
 */
int destination_settle(int fd, const struct sockaddr *address, socklen_t length,
	enum destination_call call, struct use *use);

/*
 * Before connect(2) with AF_UNSPEC, after which a TCP socket may be used for another address: marks
 * one of this namespace, that a listener here has accepted.
 */
void destination_dissolve(int fd);

/* For calls that send to many addresses: whether two are to be dealt with in the same way. */
bool destination_same(
	const struct sockaddr *a, socklen_t a_length, const struct sockaddr *b, socklen_t b_length);

/* Whether there is a list at all: without one there is nothing to settle. */
bool destination_matters(void);

#endif
