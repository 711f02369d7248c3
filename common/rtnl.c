/* SPDX-License-Identifier: MIT */
#include "common/rtnl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

/* What is behind the first bytes of a span, rounded up as messages and attributes are. */
static void skip(struct rtnl_span *span, size_t length)
{
	length = NLMSG_ALIGN(length);
	if (length > span->length)
		length = span->length;
	span->bytes += length;
	span->length -= length;
}

bool rtnl_next(struct rtnl_span *left, struct rtnl_message *ret)
{
	struct nlmsghdr header;

	if (left->length < sizeof(header))
		return false;
	memcpy(&header, left->bytes, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > left->length)
		return false;
	*ret = (struct rtnl_message){
		.type = header.nlmsg_type,
		.flags = header.nlmsg_flags,
		.sequence = header.nlmsg_seq,
		.whole = {left->bytes, header.nlmsg_len},
		.payload = {left->bytes + sizeof(header), header.nlmsg_len - sizeof(header)},
	};
	skip(left, header.nlmsg_len);
	return true;
}

int rtnl_error(const struct rtnl_message *message)
{
	int32_t error;

	/* The end of a dump had no number in old kernels. */
	if (message->type == NLMSG_DONE && message->payload.length == 0)
		return 0;
	if (message->payload.length < sizeof(error))
		return -EPROTO;
	memcpy(&error, message->payload.bytes, sizeof(error));
	return error > 0 || error < -4095 ? -EPROTO : error;
}

struct attribute {
	unsigned short type;
	struct rtnl_span value;
};

static bool next_attribute(struct rtnl_span *left, struct attribute *ret)
{
	struct rtattr header;

	if (left->length < sizeof(header))
		return false;
	memcpy(&header, left->bytes, sizeof(header));
	if (header.rta_len < sizeof(header) || header.rta_len > left->length)
		return false;
	ret->type = header.rta_type;
	ret->value =
		(struct rtnl_span){left->bytes + sizeof(header), header.rta_len - sizeof(header)};
	skip(left, header.rta_len);
	return true;
}

/* A name, up to its zero byte, if it is one. */
static struct rtnl_span name_in(struct rtnl_span value)
{
	const unsigned char *end = memchr(value.bytes, '\0', value.length);

	if (end)
		value.length = (size_t)(end - value.bytes);
	return value.length > 0 && value.length < IF_NAMESIZE ? value : (struct rtnl_span){0};
}

/* Reads the fixed part of a message, and leaves the attributes. */
static bool read_fixed(const struct rtnl_message *message, unsigned type, void *ret, size_t size,
	struct rtnl_span *left)
{
	if (message->type != type || message->payload.length < size)
		return false;
	memcpy(ret, message->payload.bytes, size);
	*left = message->payload;
	skip(left, size);
	return true;
}

bool rtnl_link_read(const struct rtnl_message *message, struct rtnl_link *ret)
{
	struct attribute attribute;
	struct ifinfomsg fixed;
	struct rtnl_span left;

	if (!read_fixed(message, RTM_NEWLINK, &fixed, sizeof(fixed), &left))
		return false;
	*ret = (struct rtnl_link){
		.index = (unsigned)fixed.ifi_index,
		.flags = fixed.ifi_flags,
		.kind = fixed.ifi_type,
	};
	while (next_attribute(&left, &attribute)) {
		if (attribute.type == IFLA_IFNAME)
			ret->name = name_in(attribute.value);
		else if (attribute.type == IFLA_ADDRESS)
			ret->address = attribute.value;
		else if (attribute.type == IFLA_BROADCAST)
			ret->broadcast = attribute.value;
		else if (attribute.type == IFLA_STATS)
			ret->stats = attribute.value;
	}
	return true;
}

bool rtnl_address_read(const struct rtnl_message *message, struct rtnl_address *ret)
{
	struct attribute attribute;
	struct ifaddrmsg fixed;
	struct rtnl_span left;

	if (!read_fixed(message, RTM_NEWADDR, &fixed, sizeof(fixed), &left))
		return false;
	*ret = (struct rtnl_address){
		.index = fixed.ifa_index,
		.family = fixed.ifa_family,
		.prefix = fixed.ifa_prefixlen,
		.flags = fixed.ifa_flags,
		.scope = fixed.ifa_scope,
	};
	while (next_attribute(&left, &attribute)) {
		if (attribute.type == IFA_LOCAL)
			ret->local = attribute.value;
		else if (attribute.type == IFA_ADDRESS)
			ret->peer = attribute.value;
		else if (attribute.type == IFA_BROADCAST)
			ret->broadcast = attribute.value;
		else if (attribute.type == IFA_LABEL)
			ret->label = name_in(attribute.value);
	}
	return true;
}
