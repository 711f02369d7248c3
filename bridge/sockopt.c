/* SPDX-License-Identifier: MIT */
#include "bridge/sockopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

int sockopt_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int sockopt_set_tos(int fd, int family, int tos)
{
	return family == AF_INET ? sockopt_set(fd, IPPROTO_IP, IP_TOS, tos)
				 : sockopt_set(fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
}

int sockopt_set_ttl(int fd, int family, int ttl)
{
	return family == AF_INET ? sockopt_set(fd, IPPROTO_IP, IP_TTL, ttl)
				 : sockopt_set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
}

static int bind_to_interface(int fd, const char *name)
{
	socklen_t length = (socklen_t)strlen(name) + 1;

	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, length) < 0 ? -errno : 0;
}

int sockopt_set_endpoint(int fd, int family, const struct endpoint *endpoint)
{
	int r = endpoint->interface ? bind_to_interface(fd, endpoint->interface) : 0;

	if (r == 0 && endpoint->mark >= 0)
		r = sockopt_set(fd, SOL_SOCKET, SO_MARK, endpoint->mark);
	if (r == 0 && endpoint->tos >= 0)
		r = sockopt_set_tos(fd, family, endpoint->tos);
	if (r == 0 && endpoint->ttl >= 0)
		r = sockopt_set_ttl(fd, family, endpoint->ttl);
	return r;
}

void sockopt_set_stream(int fd, const struct endpoint *endpoint)
{
	sockopt_set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	if (endpoint->nodelay)
		sockopt_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (endpoint->keepalive >= 0)
		sockopt_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (endpoint->keepalive > 0)
		sockopt_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, endpoint->keepalive);
}
