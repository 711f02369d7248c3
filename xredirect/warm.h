/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_WARM_H
#define XSOCKET_XREDIRECT_WARM_H

/* Connections to brokers that a thread keeps between its sockets. See warm.c. */

/*
 * Connections, like all that is held ready, get numbers from this one on; or in the upper half
 * where there are not that many.
 */
#define WARM_LOWEST 512
int warm_lowest(void);

/*
 * As socket(2), by the broker, and a resolver file of its namespace (client.h). Return a descriptor
 * or a negative errno. Async-signal-safe; the caller holds back cancellation.
 */
int warm_socket(const char *server, int domain, int type, int protocol);
int warm_file(const char *server, int file);

#endif
