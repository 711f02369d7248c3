/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_NAMES_SOURCE_H
#define XSOCKET_XREDIRECT_NAMES_SOURCE_H

/* The broker of the calling thread as a source of the resolver's, for one look-up. */

#include "resolver/resolver.h"
#include "xredirect/route.h"

#include <stdbool.h>

struct names {
	struct route route;
	struct resolver_source source; /* points to the struct it is in */
	char why[RESOLVER_WHY];
};

/*
 * Whether the thread's names are to be looked up over there. With names->route.broken they are not
 * to be looked up at all.
 */
bool names_begin(struct names *names);

/* Reports why it failed. */
void names_end(const struct names *names);

/*
 * An errno of the resolver's as one for the program: that the broker cannot be had is ENETDOWN, as
 * for a socket, and ECONNREFUSED is not its control socket.
 */
int names_errno(int error);

/*
 * Once the thread is not redirected: what res_init(3) has got over there is not asked from here. To
 * libc the thread then has not called it.
 */
#ifdef __GLIBC__
void names_state_home(void);
#else
static inline void names_state_home(void)
{
}
#endif

/* What getaddrinfo(3) and getnameinfo(3) return then. Sets errno. */
int names_broken(void);

#endif
