/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_LISTEN_H
#define XSOCKET_SERVER_LISTEN_H

/* Control sockets that were inherited from the service manager. */

#include "common/address.h"

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

#endif
