/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_SOCKOPT_H
#define XSOCKET_BRIDGE_SOCKOPT_H

/* Socket options that more than one kind of socket gets. Families: AF_INET, AF_INET6. */

#include "bridge/endpoint.h"

/* setsockopt(2) of a number. Returns 0 or a negative errno, as all of these do. */
int sockopt_set(int fd, int level, int option, int value);
int sockopt_set_tos(int fd, int family, int tos);
int sockopt_set_ttl(int fd, int family, int ttl);

/* What an endpoint asks for at either side: interface, mark, and a TOS and TTL of its own. */
int sockopt_set_endpoint(int fd, int family, const struct endpoint *endpoint);

/*
 * What every stream has: urgent bytes stay where they are in it (SO_OOBINLINE); and what its
 * endpoint says of nodelay and keepalive. Better with it, but no reason to refuse anybody.
 */
void sockopt_set_stream(int fd, const struct endpoint *endpoint);

#endif
