/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_UNIXLISTEN_H
#define XSOCKET_DAEMON_UNIXLISTEN_H

/* Unix sockets that a daemon listens on. See unixlisten.c. */

#include "common/address.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Makes a listening socket of a type for the address, its file with this mode less the umask. A
 * socket file that nobody listens on is replaced; one that is alive, or no socket at all, is not.
 *
 * Returns the descriptor, close-on-exec and non-blocking, or a negative errno and a message in
 * error: -EADDRINUSE (alive), -EEXIST (not a socket), and those of socket(2), bind(2), open(2) of
 * the directory.
 */
int unixlisten_open(
	const struct address *address, int type, mode_t mode, char *error, size_t error_size);

/* Removes the file of such a socket, if it still is that of fd. fd listens no more. */
void unixlisten_remove(const struct address *address, int type, int fd);

#endif
