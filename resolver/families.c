/* SPDX-License-Identifier: MIT */
/*
 * libc asks by a netlink socket, which a broker does not give to everybody, and whose refusal is a
 * line in its log for each name. So this does with UDP sockets. IPv4 addresses are in the list of
 * interfaces. IPv6 ones are not: a socket is connected, which sends nothing and only looks for a
 * way and an address to go from, to the world, and to the neighbours on each interface, for
 * addresses that lead to no world. Interfaces are numbered from 1; those far behind are not looked
 * at.
 *
 * Any interface that gets an IPv6 address has that way, also one without multicast (WireGuard); but
 * for the loopback interface. What that has besides ::1 is seen by libc, and not by this.
 */
#include "resolver/families.h"

#include "resolver/direct.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#define INTERFACES 64

static int socket_of(const struct resolver_source *source, int family)
{
	return source->socket(source->data, family, SOCK_DGRAM, 0);
}

static int has_ipv4(const struct resolver_source *source, bool *ret)
{
	_cleanup_fd_ int fd = socket_of(source, AF_INET);
	struct ifreq interfaces[INTERFACES];
	struct ifconf list = {.ifc_len = sizeof(interfaces), .ifc_req = interfaces};
	struct sockaddr_in address;

	if (fd < 0)
		return fd;
	if (ioctl(fd, SIOCGIFCONF, &list) < 0)
		return -errno;
	for (int i = 0; i < list.ifc_len / (int)sizeof(interfaces[0]); i++) {
		memcpy(&address, &interfaces[i].ifr_addr, sizeof(address));
		*ret = *ret || address.sin_addr.s_addr != htonl(INADDR_LOOPBACK);
	}
	return 0;
}

/* Whether there is a way to an address that does not begin at ::1. */
static bool leads_to(int fd, const char *text, uint32_t scope)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_scope_id = scope};
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	socklen_t length = sizeof(address);

	inet_pton(AF_INET6, text, &address.sin6_addr);
	direct_connect(fd, &none, sizeof(none));
	return direct_connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	       !IN6_IS_ADDR_LOOPBACK(&address.sin6_addr);
}

static int has_ipv6(const struct resolver_source *source, bool *ret)
{
	_cleanup_fd_ int fd = socket_of(source, AF_INET6);
	struct ifreq interface = {0};

	/* A namespace that does not know IPv6 has no such address. All know IPv4. */
	if (fd < 0)
		return fd == -EAFNOSUPPORT ? 0 : fd;
	*ret = leads_to(fd, "2000::1", 0);
	for (interface.ifr_ifindex = 1; !*ret && interface.ifr_ifindex <= INTERFACES;
		interface.ifr_ifindex++) {
		if (ioctl(fd, SIOCGIFNAME, &interface) == 0)
			*ret = leads_to(fd, "ff02::1", (uint32_t)interface.ifr_ifindex);
	}
	return 0;
}

int families_of(const struct resolver_source *source, struct families *ret)
{
	int r;

	*ret = (struct families){0};
	r = has_ipv4(source, &ret->ipv4);
	return r < 0 ? r : has_ipv6(source, &ret->ipv6);
}
