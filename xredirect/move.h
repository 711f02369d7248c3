/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_MOVE_H
#define XSOCKET_XREDIRECT_MOVE_H

/*
 * Moves a socket to the other side of XREDIRECT_LOCAL: another one takes its place, with all that
 * the program had set (preload/swap.h). See move.c.
 */

#include <stdbool.h>
#include <sys/stat.h>

struct move {
	int fd;
	bool to_here;	  /* or else to where the thread's sockets come from */
	bool may_be_used; /* bound to anything, it may be bound so once more */
	const char *call; /* for messages, as in "connect to " */
};

/* Whether a socket was moved here. fd is known to be a socket: no file system is asked. */
bool move_is_marked(int fd);

/* The same, when it has been looked at. */
bool move_has_mark(const struct stat *status);

/*
 * Whether a marked socket is of a namespace that this process has had a socket of, by move_socket(),
 * and so was marked by it; or the kernel does not tell.
 */
bool move_is_of_here(int fd);

/* Marks a socket of this namespace as one that was. Returns 0, or a negative errno. */
int move_mark(int fd);

/*
 * Moves it. Returns 0: it is marked as it should be, or another thread has done it; 1: it was here
 * anyhow; or a negative errno, and nothing has changed: those of swap_socket(), of a socket that is
 * not to be had (source.h), -ENETUNREACH: it was made in a context that has ended, -EINVAL: it has
 * been used, -EOPNOTSUPP: what it is cannot be moved, -EXDEV: it has a route of its own
 * (IP_OPTIONS).
 */
int move_socket(const struct move *move);

#endif
