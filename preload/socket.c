/* SPDX-License-Identifier: MIT */
#include "preload/socket.h"

#include <errno.h>
#include <sys/socket.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int socket_kind_of(int fd, struct socket_kind *ret)
{
	socklen_t length = sizeof(int);
	struct socket_kind kind;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &kind.domain, &length) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind.type, &length) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &kind.protocol, &length) < 0)
		return -errno;
	*ret = kind;
	return 0;
}

int socket_port_of(int fd)
{
	struct sockaddr_in6 address = {0};
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	/* It is at the same place in a struct sockaddr_in. */
	return address.sin6_family == AF_INET || address.sin6_family == AF_INET6
		       ? ntohs(address.sin6_port)
		       : -EAFNOSUPPORT;
}

uint64_t socket_cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0)
		return 0;
	return cookie;
}

bool socket_namespace_of(int fd, uint64_t *ret)
{
	socklen_t length = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &length) == 0;
}

bool socket_is_elsewhere(int fd, int other)
{
	uint64_t a, b;

	return socket_namespace_of(fd, &a) && socket_namespace_of(other, &b) && a != b;
}

bool socket_tells_namespace(int fd)
{
	uint64_t cookie;

	return socket_namespace_of(fd, &cookie);
}
