/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SOCKET_H
#define XSOCKET_PRELOAD_SOCKET_H

/* What a descriptor tells about its socket. A file system is never asked, whatever it is. */

#include <stdint.h>

struct socket_kind {
	int domain, type, protocol; /* as in socket(2), type without flags */
};

/* Returns 0 or a negative errno: -EBADF, -ENOTSOCK. */
int socket_kind_of(int fd, struct socket_kind *ret);

/* What tells sockets from each other; 0 and errno when fd is not a socket. */
uint64_t socket_cookie_of(int fd);

#endif
