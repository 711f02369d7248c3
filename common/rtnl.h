/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_RTNL_H
#define XSOCKET_COMMON_RTNL_H

/*
 * What the kernel tells of interfaces and their addresses (rtnetlink(7)), read from memory. Any
 * bytes may be given: what is found lies within them, at any alignment. No system calls.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else. bytes NULL: not there. */
struct rtnl_span {
	const unsigned char *bytes;
	size_t length;
};

struct rtnl_message {
	uint16_t type, flags;
	uint32_t sequence;
	struct rtnl_span whole, payload;
};

/* Takes the next message off. Returns false at the end, and where no message begins. */
bool rtnl_next(struct rtnl_span *left, struct rtnl_message *ret);

/* What NLMSG_ERROR and NLMSG_DONE tell: 0 or a negative errno; -EPROTO: nonsense. */
int rtnl_error(const struct rtnl_message *message);

/* An interface. */
struct rtnl_link {
	unsigned index, flags; /* IFF_* */
	unsigned short kind;   /* ARPHRD_* */
	struct rtnl_span name, address, broadcast, stats;
};

/* One of its addresses. local or peer is there; both where they differ, and always for IPv4. */
struct rtnl_address {
	unsigned index;
	unsigned char family, prefix, flags, scope; /* IFA_F_*, RT_SCOPE_* */
	struct rtnl_span local, peer, broadcast, label;
};

/*
 * Reads a message of the type RTM_NEWLINK or RTM_NEWADDR. Names have no zero byte, and are shorter
 * than IF_NAMESIZE; what is not is not there. Attributes are read up to the first that does not fit
 * into the message. Returns false for messages of other types, and those that are too short.
 */
bool rtnl_link_read(const struct rtnl_message *message, struct rtnl_link *ret);
bool rtnl_address_read(const struct rtnl_message *message, struct rtnl_address *ret);

#endif
