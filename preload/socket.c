/* SPDX-License-Identifier: MIT */
#include "preload/socket.h"

#include <errno.h>
#include <sys/socket.h>

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

bool socket_tells_namespace(int fd)
{
	uint64_t cookie;

	return cookie_of_namespace(fd, &cookie);
}
