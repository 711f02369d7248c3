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
 * The two halves of that, for who has another way where a broker hands out no such sockets:
 * source_ask() returns a descriptor, or the broker's negative errno and nothing was reported
 * (-EINVAL: the configuration is wrong); source_fail() then writes the line about that errno, here
 * a positive one, and returns what socket(2) may fail with, negative.
 */
int source_ask(const struct route *route, int domain, int type, int protocol);
int source_fail(const struct route *route, const char *call, int error, int domain, int protocol);

/*
 * One of the files of the namespace's resolver (XSOCKET_RESOLV_CONF and so on). Returns a
 * descriptor, or a negative errno and nothing was reported.
 */
int source_file(const struct route *route, int file);

#endif
