/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_REDIRECT_LOCAL_H
#define XSOCKET_TESTS_REDIRECT_LOCAL_H

/* For programs about XREDIRECT_LOCAL: an address that it has, one that it has not, who is there. */

#include "tests/redirect/program.h"

#define LISTED	 "127.1.2.3"
#define UNLISTED "127.0.0.5"

/* A socket of this namespace that waits for nobody: a server at LISTED, or an ear elsewhere. */
static inline int listen_here(int domain, int type, const char *address, unsigned port)
{
	int fd = raw_socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage at = address_of(domain, address, port);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	MUST(syscall(SYS_bind, fd, &at, length_of(&at)) == 0);
	MUST(type != SOCK_STREAM || listen(fd, 100) == 0);
	return fd;
}

#endif
