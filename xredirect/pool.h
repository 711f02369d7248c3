/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_POOL_H
#define XSOCKET_XREDIRECT_POOL_H

/* Sockets that are held ready (XREDIRECT_POOL). See pool.c. */

/*
 * As socket(2), by a broker: a socket that was held ready, or the first of a batch that is
 * asked for now. size: how many may be held, of all kinds and brokers together. Returns a
 * descriptor, a negative errno, or -EAGAIN: the pool cannot be used just now, ask in another way.
 * Async-signal-safe, and no cancellation point.
 */
int pool_socket(unsigned size, const char *server, int domain, int type, int protocol);

#endif
