/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SOCKET_H
#define XSOCKET_PRELOAD_SOCKET_H

/* What a descriptor tells about its socket. A file system is never asked, whatever it is. */

#include "common/cookie.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* In the headers of newer systems. */
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct socket_kind {
	int domain, type, protocol; /* as in socket(2), type without flags */
};

/* Returns 0 or a negative errno: -EBADF, -ENOTSOCK. */
int socket_kind_of(int fd, struct socket_kind *ret);

/* Whether a protocol is TCP, or MPTCP, which is TCP to those who bind and wait. */
static inline bool socket_is_tcp(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

/*
 * The port that an internet socket has, or 0 when it is not bound. Returns it, or a negative errno:
 * -EAFNOSUPPORT for another family, -EBADF, -ENOTSOCK.
 */
int socket_port_of(int fd);

/* Whether the kernel tells which namespace a socket is of. */
bool socket_tells_namespace(int fd);

#endif
