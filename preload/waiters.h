/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_WAITERS_H
#define XSOCKET_PRELOAD_WAITERS_H

/* Threads of this process that wait, inside a system call, for a socket that is to be replaced. */

#include "preload/descriptors.h"

enum waiters {
	WAITERS_NONE,
	WAITERS_AGAIN,	 /* for a time, or for other descriptors too: they will look again */
	WAITERS_FOREVER, /* to receive from that socket, without a limit of time */
};

/*
 * Looks for them, if there are other threads at all and the socket is one that can be waited for
 * before bind(2). May be mistaken about a thread that begins or ends to wait just now, and knows
 * nothing where /proc does not tell.
 */
enum waiters waiters_find(const struct descriptors *found, int fd);

/*
 * What a line of /proc/PID/task/TID/syscall says, for tests: the number of the call and its six
 * arguments. Returns false where the thread is in none.
 */
bool waiters_parse(const char *line, uint64_t call[7]);

#endif
