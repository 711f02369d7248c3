/* SPDX-License-Identifier: MIT */
/*
 * A UDP socket that is connected to an address, which sends nothing, tells whether there is a way
 * to it and from which address of the namespace. Rules compare destinations, and these sources.
 *
 * Rules 3, 4 and 7 of RFC 3484 are about what is known of addresses by netlink only (deprecated,
 * home, native); they are left out. The tables are the ones that glibc has where gai.conf(5) says
 * nothing; that file of this machine says nothing about another namespace.
 */
#include "resolver/order.h"

#include "resolver/direct.h"

#include "common/cleanup.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

struct candidate {
	const struct found_address *address;
	unsigned index;
	bool reachable;
	struct in6_addr to, from; /* IPv4 as mapped ones */
	uint32_t mask;		  /* of IPv4: the network that from is in; 0: not known */
};

/* ---- tables ---- */

struct row {
	struct in6_addr prefix;
	unsigned bits;
	int value;
};

#define ROW(bits, value, ...)                                                                      \
	{                                                                                          \
		{{{__VA_ARGS__}}}, bits, value                                                     \
	}

static const struct row labels[] = {
	ROW(128, 0, [15] = 1),
	ROW(16, 2, 0x20, 0x02),
	ROW(96, 3, 0),
	ROW(96, 4, [10] = 0xff, [11] = 0xff),
	ROW(10, 5, 0xfe, 0xc0),
	ROW(7, 6, 0xfc),
	ROW(32, 7, 0x20, 0x01),
	ROW(0, 1, 0),
};

static const struct row precedences[] = {
	ROW(128, 50, [15] = 1),
	ROW(16, 30, 0x20, 0x02),
	ROW(96, 20, 0),
	ROW(96, 10, [10] = 0xff, [11] = 0xff),
	ROW(0, 40, 0),
};

static unsigned bits_in_common(const struct in6_addr *a, const struct in6_addr *b)
{
	unsigned i = 0;

	while (i < 16 && a->s6_addr[i] == b->s6_addr[i])
		i++;
	return i == 16 ? 128
		       : i * 8 +
				 (unsigned)__builtin_clz(
					 (unsigned)(a->s6_addr[i] ^ b->s6_addr[i])) -
				 24;
}

static int value_of(const struct row *rows, const struct in6_addr *address)
{
	while (bits_in_common(&rows->prefix, address) < rows->bits)
		rows++;
	return rows->value;
}

/* As in multicast addresses: 2 for a link, 5 for a site, 14 for the world. */
static int scope_of(int family, const struct in6_addr *address)
{
	const unsigned char *ipv4 = &address->s6_addr[12];

	if (family == AF_INET)
		return ipv4[0] == 127 || (ipv4[0] == 169 && ipv4[1] == 254) ? 2 : 14;
	if (IN6_IS_ADDR_MULTICAST(address))
		return address->s6_addr[1] & 0xf;
	if (IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_LOOPBACK(address))
		return 2;
	return IN6_IS_ADDR_SITELOCAL(address) ? 5 : 14;
}

/* ---- what the namespace says ---- */

static struct in6_addr as_ipv6(int family, const void *bytes)
{
	struct in6_addr ret = {0};

	if (family == AF_INET6) {
		memcpy(&ret, bytes, sizeof(ret));
		return ret;
	}
	ret.s6_addr[10] = ret.s6_addr[11] = 0xff;
	memcpy(&ret.s6_addr[12], bytes, 4);
	return ret;
}

union any_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t destination(const struct found_address *address, union any_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa.sa_family = (sa_family_t)address->family;
	if (address->family == AF_INET) {
		ret->in.sin_port = htons(53);
		ret->in.sin_addr = address->bytes.in;
		return sizeof(ret->in);
	}
	ret->in6.sin6_port = htons(53);
	ret->in6.sin6_addr = address->bytes.in6;
	ret->in6.sin6_scope_id = address->scope;
	return sizeof(ret->in6);
}

/* A socket is connected again and again, and forgets its source address in between. */
static void find_source(int fd, struct candidate *candidate)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	union any_address address;
	socklen_t length = destination(candidate->address, &address);

	direct_connect(fd, &none, sizeof(none));
	if (direct_connect(fd, &address.sa, length) < 0)
		return;
	length = sizeof(address);
	if (getsockname(fd, &address.sa, &length) < 0)
		return;
	candidate->reachable = true;
	candidate->from = address.sa.sa_family == AF_INET
				  ? as_ipv6(AF_INET, &address.in.sin_addr)
				  : as_ipv6(AF_INET6, &address.in6.sin6_addr);
}

/* The network of an IPv4 address of the namespace. */
static uint32_t mask_of(int fd, const struct ifconf *list, const struct in6_addr *from)
{
	for (int i = 0; i < list->ifc_len / (int)sizeof(list->ifc_req[0]); i++) {
		struct ifreq request = list->ifc_req[i];
		struct sockaddr_in address;

		memcpy(&address, &request.ifr_addr, sizeof(address));
		if (memcmp(&address.sin_addr, &from->s6_addr[12], 4) != 0 ||
			ioctl(fd, SIOCGIFNETMASK, &request) < 0)
			continue;
		memcpy(&address, &request.ifr_netmask, sizeof(address));
		return address.sin_addr.s_addr;
	}
	return 0;
}

static void find_family(
	const struct resolver_source *source, int family, struct candidate *candidates, unsigned n)
{
	_cleanup_fd_ int fd = -1;
	struct ifreq interfaces[64];
	struct ifconf list = {.ifc_len = sizeof(interfaces), .ifc_req = interfaces};

	for (unsigned i = 0; i < n; i++) {
		if (candidates[i].address->family != family)
			continue;
		if (fd < 0) {
			fd = source->socket(source->data, family, SOCK_DGRAM, 0);
			if (fd < 0)
				return;
			if (family != AF_INET || ioctl(fd, SIOCGIFCONF, &list) < 0)
				list.ifc_len = 0;
		}
		find_source(fd, &candidates[i]);
		if (family == AF_INET && candidates[i].reachable)
			candidates[i].mask = mask_of(fd, &list, &candidates[i].from);
	}
}

/* ---- rules ---- */

/* How much of the way two addresses have in common; of IPv4, within one network only. */
static unsigned nearness(const struct candidate *candidate)
{
	uint32_t to, from;

	if (candidate->address->family == AF_INET6)
		return bits_in_common(&candidate->to, &candidate->from);
	memcpy(&to, &candidate->to.s6_addr[12], 4);
	memcpy(&from, &candidate->from.s6_addr[12], 4);
	if (!candidate->mask || (to & candidate->mask) != (from & candidate->mask))
		return 0;
	return bits_in_common(&candidate->to, &candidate->from);
}

static bool has_source_of_scope(const struct candidate *candidate)
{
	int family = candidate->address->family;

	return scope_of(family, &candidate->to) == scope_of(family, &candidate->from);
}

static bool has_source_of_label(const struct candidate *candidate)
{
	return value_of(labels, &candidate->to) == value_of(labels, &candidate->from);
}

/* Negative: a comes first. Rules 1, 2, 5, 6, 8, 9 and 10. */
static int compare(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;
	int difference;

	if (a->reachable != b->reachable)
		return a->reachable ? -1 : 1;
	if (a->reachable) {
		difference = has_source_of_scope(b) - has_source_of_scope(a);
		if (difference == 0)
			difference = has_source_of_label(b) - has_source_of_label(a);
		if (difference != 0)
			return difference;
	}
	difference = value_of(precedences, &b->to) - value_of(precedences, &a->to);
	if (difference == 0)
		difference =
			scope_of(a->address->family, &a->to) - scope_of(b->address->family, &b->to);
	if (difference == 0 && a->reachable && a->address->family == b->address->family)
		difference = (int)nearness(b) - (int)nearness(a);
	return difference ? difference : (int)a->index - (int)b->index;
}

void order_addresses(
	const struct resolver_source *source, struct found_address *addresses, unsigned n)
{
	struct candidate *candidates;
	struct found_address *ordered;

	if (n < 2)
		return;
	candidates = calloc(n, sizeof(*candidates));
	ordered = calloc(n, sizeof(*ordered));
	for (unsigned i = 0; candidates && ordered && i < n; i++) {
		candidates[i].address = &addresses[i];
		candidates[i].index = i;
		candidates[i].to = as_ipv6(addresses[i].family, &addresses[i].bytes);
	}
	if (candidates && ordered) {
		find_family(source, AF_INET, candidates, n);
		find_family(source, AF_INET6, candidates, n);
		qsort(candidates, n, sizeof(*candidates), compare);
		for (unsigned i = 0; i < n; i++)
			ordered[i] = *candidates[i].address;
		memcpy(addresses, ordered, n * sizeof(*ordered));
	}
	free(candidates);
	free(ordered);
}
