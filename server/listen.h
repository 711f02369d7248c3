/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_LISTEN_H
#define XSOCKET_SERVER_LISTEN_H

/* The control sockets: inherited from the service manager, or our own. See listen.c. */

#include "common/address.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The sockets that the service manager passed (LISTEN_FDS, sd_listen_fds(3)), each checked to be a
 * listening AF_UNIX SOCK_SEQPACKET socket and made close-on-exec and non-blocking.
 *
 * Returns how many, 0 when none was passed, or a negative errno and a message in error. *ret_fds
 * is to be freed by free(3).
 */
int listen_inherited(int **ret_fds, char *error, size_t error_size);

/* SERVER as a message or a file name would have it, of a bound control socket. */
int listen_address(int fd, struct address *ret);

/*
 * Makes a control socket for the address, with mode 0600. A socket file that nobody listens on is
 * replaced; one that is alive, or no socket at all, is not.
 *
 * Returns the descriptor, or a negative errno and a message in error: -EADDRINUSE (alive),
 * -EEXIST (not a socket), and those of socket(2), bind(2), open(2) of the directory.
 */
int listen_own(const struct address *address, char *error, size_t error_size);

/* Removes the file of an own control socket, if it still is that of fd. */
void listen_remove(const struct address *address, int fd);

#endif
