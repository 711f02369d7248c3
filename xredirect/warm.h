/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_WARM_H
#define XSOCKET_XREDIRECT_WARM_H

/* Connections to brokers that a thread keeps between its sockets. See warm.c. */

#include <stdbool.h>

/*
 * Connections, like all that is held ready, get numbers from this one on; or in the upper half
 * where there are not that many.
 */
#define WARM_LOWEST 512
int warm_lowest(void);

/*
 * Whether a connection to a broker may be kept, and what came by it: a relative path is another
 * broker's once the process has gone elsewhere.
 */
bool warm_may_keep(const char *server);

/*
 * As socket(2), by the broker, and a resolver file of its namespace (client.h). Return a descriptor
 * or a negative errno. Async-signal-safe; the caller holds back cancellation.
 */
int warm_socket(const char *server, int domain, int type, int protocol);
int warm_file(const char *server, int file);

#endif
