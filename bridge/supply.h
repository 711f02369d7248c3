/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_SUPPLY_H
#define XSOCKET_BRIDGE_SUPPLY_H

/* Sockets of a broker, for threads that cannot wait for it. See supply.c. */

struct supply;

/*
 * news: called by the supply's thread when sockets have come that were not there, or will not come.
 */
struct supply *supply_new(const char *server, void (*news)(void *data), void *data);
void supply_free(struct supply *supply);

/*
 * A close-on-exec, non-blocking socket of a domain (AF_INET, AF_INET6) and type (SOCK_STREAM,
 * SOCK_DGRAM). Never waits. Returns it, -EINPROGRESS: ask again when there is news, or a negative
 * errno.
 */
int supply_take(struct supply *supply, int domain, int type);

#endif
