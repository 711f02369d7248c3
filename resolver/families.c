/* SPDX-License-Identifier: MIT */
#include "resolver/families.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define NETLINK_MS 1000 /* the kernel answers at once */

/* ---- by netlink ---- */

static void take_address(const struct nlmsghdr *header, struct families *ret)
{
	const struct ifaddrmsg *message = NLMSG_DATA(header);
	int left = (int)IFA_PAYLOAD(header);
	const unsigned char *local = NULL, *address = NULL;
	uint32_t ipv4;

	for (const struct rtattr *each = IFA_RTA(message); RTA_OK(each, left);
		each = RTA_NEXT(each, left)) {
		if (each->rta_type == IFA_LOCAL)
			local = RTA_DATA(each);
		else if (each->rta_type == IFA_ADDRESS)
			address = RTA_DATA(each);
	}
	if (local)
		address = local;
	if (!address)
		return;
	if (message->ifa_family == AF_INET) {
		memcpy(&ipv4, address, sizeof(ipv4));
		ret->ipv4 = ret->ipv4 || ipv4 != htonl(INADDR_LOOPBACK);
	} else if (message->ifa_family == AF_INET6) {
		ret->ipv6 = ret->ipv6 || memcmp(address, &in6addr_loopback, 16) != 0;
	}
}

/* Takes in what one datagram has. Returns 1 if more follows, 0 at the end, or -1: it is an error.
 */
static int take_messages(const void *buffer, ssize_t length, struct families *ret)
{
	unsigned left = (unsigned)length;

	for (const struct nlmsghdr *header = buffer; NLMSG_OK(header, left);
		header = NLMSG_NEXT(header, left)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return -1;
		if (header->nlmsg_type == RTM_NEWADDR)
			take_address(header, ret);
	}
	return 1;
}

static bool by_netlink(const struct resolver_source *source, struct families *ret)
{
	_cleanup_fd_ int fd = source->socket(source->data, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	const struct {
		struct nlmsghdr header;
		struct ifaddrmsg message;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.message = {.ifa_family = AF_UNSPEC},
	};
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	_Alignas(struct nlmsghdr) char buffer[8192];
	ssize_t length;
	int more = 1;

	if (fd < 0 || sendto(fd, &request, sizeof(request), MSG_NOSIGNAL,
			      (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return false;
	while (more > 0) {
		if (poll(&readable, 1, NETLINK_MS) <= 0)
			return false;
		length = recv(fd, buffer, sizeof(buffer), 0);
		if (length <= 0)
			return false;
		more = take_messages(buffer, length, ret);
	}
	return more == 0;
}

/* ---- by sockets that every broker gives ---- */

/* A kind of address that the namespace does not know is one that it has none of. */
static int socket_of(const struct resolver_source *source, int family)
{
	return source->socket(source->data, family, SOCK_DGRAM, 0);
}

static int has_ipv4(const struct resolver_source *source, bool *ret)
{
	_cleanup_fd_ int fd = socket_of(source, AF_INET);
	struct ifreq interfaces[64];
	struct ifconf list = {.ifc_len = sizeof(interfaces), .ifc_req = interfaces};
	struct sockaddr_in address;

	if (fd < 0)
		return fd == -EAFNOSUPPORT ? 0 : fd;
	if (ioctl(fd, SIOCGIFCONF, &list) < 0)
		return -errno;
	for (int i = 0; i < list.ifc_len / (int)sizeof(interfaces[0]); i++) {
		memcpy(&address, &interfaces[i].ifr_addr, sizeof(address));
		*ret = *ret || address.sin_addr.s_addr != htonl(INADDR_LOOPBACK);
	}
	return 0;
}

/* To connect a UDP socket sends nothing: it only looks for a way. */
static int has_ipv6(const struct resolver_source *source, bool *ret)
{
	_cleanup_fd_ int fd = socket_of(source, AF_INET6);
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(53)};

	if (fd < 0)
		return fd == -EAFNOSUPPORT ? 0 : fd;
	inet_pton(AF_INET6, "2000::1", &address.sin6_addr);
	*ret = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	return 0;
}

int families_of(const struct resolver_source *source, struct families *ret)
{
	int r;

	*ret = (struct families){0};
	if (by_netlink(source, ret))
		return 0;
	*ret = (struct families){0};
	r = has_ipv4(source, &ret->ipv4);
	return r < 0 ? r : has_ipv6(source, &ret->ipv6);
}
