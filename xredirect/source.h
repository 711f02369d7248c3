/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_SOURCE_H
#define XSOCKET_XREDIRECT_SOURCE_H

/* Sockets and files of a broker's namespace, by the fastest way there is. Async-signal-safe. */

#include "xredirect/route.h"

#include <stdbool.h>

/* Whether sockets of that kind are made by brokers. All others are left alone. */
bool source_is_for(int domain, int protocol);

/*
 * As socket(2), by route->server. Returns a descriptor, or a negative errno that socket(2) may fail
 * with, after a line that says what to do. call: for that line, as in "socket()".
 */
int source_socket(const struct route *route, const char *call, int domain, int type, int protocol);

/*
 * One of the files of the namespace's resolver (XSOCKET_RESOLV_CONF and so on). Returns a
 * descriptor, or a negative errno and nothing was reported.
 */
int source_file(const struct route *route, int file);

#endif
