/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_ROUTE_H
#define XSOCKET_XREDIRECT_ROUTE_H

/*
 * Where the sockets of the calling thread come from: the context it is in (xsocket_push(3)), or
 * else XREDIRECT. Takes no lock and no memory; may be called in signal handlers.
 */

#include "xredirect/config.h"

#include <stdbool.h>

struct route {
	const char *server; /* NULL: sockets are made here */
	bool broken;	    /* the configuration is: they are not made at all */
	unsigned pool;	    /* sockets that may be held ready */
};

/* server is valid until the thread changes its context. */
struct route route_current(void);

/* Whether the thread's sockets are not simply made here. */
static inline bool route_is_elsewhere(const struct route *route)
{
	return route->server || route->broken;
}

/* The list of what stays here. */
const struct local *route_local(void);

#endif
