/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_GUARD_H
#define XSOCKET_XREDIRECT_GUARD_H

/* Services of this machine that look names up: they would ask from its own namespace. See guard.c.
 */

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Whether an address is that of such a service, and so is not to be connected to. caller is the
 * address that the call returns to.
 */
bool guard_refuses(const struct sockaddr *address, socklen_t length, const void *caller);

#endif
