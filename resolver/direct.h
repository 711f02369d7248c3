/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_DIRECT_H
#define XSOCKET_RESOLVER_DIRECT_H

/*
 * connect(2) that no library stands in front of. A name server at 127.0.0.1 is one of the
 * namespace's, whatever a preloaded library keeps for 127.0.0.1 of the program's own.
 */

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int direct_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return (int)syscall(SYS_connect, fd, address, length);
}

#endif
