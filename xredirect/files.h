/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_FILES_H
#define XSOCKET_XREDIRECT_FILES_H

/*
 * Files that programs with a resolver of their own read: /etc/resolv.conf, /etc/hosts and
 * /etc/nsswitch.conf; and /proc/net/if_inet6, which has IPv6 addresses. Where the calling thread's
 * sockets are those of a broker, what is opened by exactly these paths is of its namespace.
 */

#include "xredirect/route.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * One of the files that a broker hands out (enum xsocket_resolver_file of lib/xsocket.h). Returns a
 * close-on-exec descriptor or a negative errno. *ret_answered tells for -ENOENT and -EACCES whether
 * that is what the broker said of the file, or why the broker could not be asked.
 */
int files_ask(const struct route *route, int file, bool *ret_answered);

/*
 * Whether a file is to come from the broker, when it is opened as open(2) would. If so it was, and
 * *ret is a descriptor, or -1 and errno is set: ENOENT where there is no such file there; where the
 * broker could not be had another one, and a line was written. If not nothing was done. path may
 * lead nowhere. Async-signal-safe.
 */
bool files_open(const char *path, int flags, int *ret);

/* The same for fopen(3). *ret is NULL where that fails. Not for signal handlers. */
bool files_stream(const char *path, const char *mode, FILE **ret);

#endif
