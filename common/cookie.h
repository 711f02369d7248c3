/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_COOKIE_H
#define XSOCKET_COMMON_COOKIE_H

/*
 * Numbers of the kernel by which a socket is known, whatever its descriptor is; and its network
 * namespace, whatever that is called. They are counted up, so that none is given twice (Linux,
 * net/core/sock_diag.c and net_namespace.c).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* In the headers of newer systems. */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* That of a socket (kernel 4.12); 0 and errno when fd is not one, or a sandbox does not let see it.
 */
static inline uint64_t cookie_of_socket(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0 ? 0 : cookie;
}

/* That of the namespace of a socket (kernel 5.14). Returns false where it is not told. */
static inline bool cookie_of_namespace(int fd, uint64_t *ret)
{
	socklen_t length = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &length) == 0;
}

/* Whether two sockets are known to be of different namespaces. */
static inline bool cookies_are_apart(int fd, int other)
{
	uint64_t a, b;

	return cookie_of_namespace(fd, &a) && cookie_of_namespace(other, &b) && a != b;
}

#endif
