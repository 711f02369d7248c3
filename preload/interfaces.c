/* SPDX-License-Identifier: MIT */
#include "preload/interfaces.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

/* The same in IPPROTO_IP and IPPROTO_IPV6. */
#define EITHER (-1)

/* Where in a value the number is. A shorter value has none (struct in_addr, struct ip_mreq). */
static const struct place {
	int level, name;
	size_t offset;
	bool network_order;
} places[] = {
	{SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, 0, false},
	{IPPROTO_IP, IP_ADD_MEMBERSHIP, offsetof(struct ip_mreqn, imr_ifindex), false},
	{IPPROTO_IP, IP_DROP_MEMBERSHIP, offsetof(struct ip_mreqn, imr_ifindex), false},
	{IPPROTO_IP, IP_MULTICAST_IF, offsetof(struct ip_mreqn, imr_ifindex), false},
	{IPPROTO_IP, IP_UNICAST_IF, 0, true},
	{IPPROTO_IPV6, IPV6_JOIN_GROUP, offsetof(struct ipv6_mreq, ipv6mr_interface), false},
	{IPPROTO_IPV6, IPV6_LEAVE_GROUP, offsetof(struct ipv6_mreq, ipv6mr_interface), false},
	{IPPROTO_IPV6, IPV6_JOIN_ANYCAST, offsetof(struct ipv6_mreq, ipv6mr_interface), false},
	{IPPROTO_IPV6, IPV6_LEAVE_ANYCAST, offsetof(struct ipv6_mreq, ipv6mr_interface), false},
	{IPPROTO_IPV6, IPV6_MULTICAST_IF, 0, false},
	{IPPROTO_IPV6, IPV6_UNICAST_IF, 0, true},
	{IPPROTO_IPV6, IPV6_PKTINFO, offsetof(struct in6_pktinfo, ipi6_ifindex), false},
	{EITHER, MCAST_JOIN_GROUP, offsetof(struct group_req, gr_interface), false},
	{EITHER, MCAST_LEAVE_GROUP, offsetof(struct group_req, gr_interface), false},
	{EITHER, MCAST_JOIN_SOURCE_GROUP, offsetof(struct group_source_req, gsr_interface), false},
	{EITHER, MCAST_LEAVE_SOURCE_GROUP, offsetof(struct group_source_req, gsr_interface), false},
	{EITHER, MCAST_BLOCK_SOURCE, offsetof(struct group_source_req, gsr_interface), false},
	{EITHER, MCAST_UNBLOCK_SOURCE, offsetof(struct group_source_req, gsr_interface), false},
	{EITHER, MCAST_MSFILTER, offsetof(struct group_filter, gf_interface), false},
	{IPPROTO_TCP, TCP_MD5SIG_EXT, offsetof(struct tcp_md5sig, tcpm_ifindex), false},
};

static const struct place *place_of(int level, int name, size_t length)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bool fits = places[i].level == EITHER ? level == IPPROTO_IP || level == IPPROTO_IPV6
						      : places[i].level == level;

		if (fits && places[i].name == name && length >= places[i].offset + sizeof(uint32_t))
			return &places[i];
	}
	return NULL;
}

static int index_there(int to, struct ifreq *request)
{
	return ioctl(to, SIOCGIFINDEX, request) < 0 ? -ENODEV : request->ifr_ifindex;
}

int interfaces_index(int to, const char *name)
{
	struct ifreq request = {.ifr_ifindex = 0};

	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	return index_there(to, &request);
}

int interfaces_map(int from, int to, int index)
{
	struct ifreq request = {.ifr_ifindex = index};

	if (ioctl(from, SIOCGIFNAME, &request) < 0)
		return index;
	return index_there(to, &request);
}

int interfaces_map_option(int from, int to, int level, int name, void *value, size_t length)
{
	const struct place *place = place_of(level, name, length);
	uint32_t number;
	int index;

	if (!place)
		return 0;
	memcpy(&number, (char *)value + place->offset, sizeof(number));
	if (number == 0)
		return 0;
	index = interfaces_map(from, to, (int)(place->network_order ? ntohl(number) : number));
	if (index < 0)
		return index;
	number = place->network_order ? htonl((uint32_t)index) : (uint32_t)index;
	memcpy((char *)value + place->offset, &number, sizeof(number));
	return 0;
}
