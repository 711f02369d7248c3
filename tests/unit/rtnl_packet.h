/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_RTNL_PACKET_H
#define XSOCKET_TESTS_RTNL_PACKET_H

/* Messages of rtnetlink, put together by hand: right ones, and with any length put in later. */

#include "tests/unit/unit.h"

#include "common/rtnl.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

struct packet {
	_Alignas(4) unsigned char bytes[16384];
	size_t length;
	size_t message, attribute; /* where the last ones begin */
};

static inline struct rtnl_span packet_span(const struct packet *packet)
{
	return (struct rtnl_span){packet->bytes, packet->length};
}

static inline void packet_put(struct packet *packet, const void *bytes, size_t length)
{
	must(packet->length + NLMSG_ALIGN(length) <= sizeof(packet->bytes));
	memcpy(packet->bytes + packet->length, bytes, length);
	packet->length += NLMSG_ALIGN(length);
}

/* The length of the last message, as it tells it. */
static inline void packet_set_length(struct packet *packet, size_t length)
{
	uint32_t told = (uint32_t)length;

	memcpy(packet->bytes + packet->message, &told, sizeof(told));
}

static inline void packet_begin(struct packet *packet, int type, int flags, uint32_t sequence)
{
	struct nlmsghdr header = {
		.nlmsg_len = sizeof(header),
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)flags,
		.nlmsg_seq = sequence,
	};

	packet->message = packet->length;
	packet_put(packet, &header, sizeof(header));
}

static inline void packet_add(struct packet *packet, const void *bytes, size_t length)
{
	packet_put(packet, bytes, length);
	packet_set_length(packet, packet->length - packet->message);
}

static inline void packet_set_attribute_length(struct packet *packet, size_t length)
{
	unsigned short told = (unsigned short)length;

	memcpy(packet->bytes + packet->attribute, &told, sizeof(told));
}

static inline void packet_attribute(
	struct packet *packet, int type, const void *value, size_t length)
{
	struct rtattr header = {
		.rta_len = (unsigned short)(sizeof(header) + length),
		.rta_type = (unsigned short)type,
	};

	packet->attribute = packet->length;
	packet_add(packet, &header, sizeof(header));
	packet_add(packet, value, length);
}

static inline void packet_text(struct packet *packet, int type, const char *text)
{
	packet_attribute(packet, type, text, strlen(text) + 1);
}

static inline void packet_link(
	struct packet *packet, uint32_t sequence, int index, const char *name)
{
	struct ifinfomsg fixed = {
		.ifi_index = index, .ifi_type = 1, .ifi_flags = IFF_UP | IFF_BROADCAST};

	packet_begin(packet, RTM_NEWLINK, NLM_F_MULTI, sequence);
	packet_add(packet, &fixed, sizeof(fixed));
	if (name)
		packet_text(packet, IFLA_IFNAME, name);
}

static inline void packet_address(
	struct packet *packet, uint32_t sequence, unsigned index, int family, unsigned prefix)
{
	struct ifaddrmsg fixed = {
		.ifa_index = index,
		.ifa_family = (unsigned char)family,
		.ifa_prefixlen = (unsigned char)prefix,
	};

	packet_begin(packet, RTM_NEWADDR, NLM_F_MULTI, sequence);
	packet_add(packet, &fixed, sizeof(fixed));
}

/* NLMSG_DONE or NLMSG_ERROR. */
static inline void packet_end(
	struct packet *packet, int type, int flags, uint32_t sequence, int32_t error)
{
	packet_begin(packet, type, flags, sequence);
	packet_add(packet, &error, sizeof(error));
}

#endif
