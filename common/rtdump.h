/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_RTDUMP_H
#define XSOCKET_COMMON_RTDUMP_H

/*
 * Asks the kernel for all interfaces, or all addresses, of the namespace that a netlink socket
 * belongs to. No malloc(3); async-signal-safe, but for errno.
 */

#include "common/rtnl.h"

/* The messages that came, one behind the other. All zeros is an empty one. */
struct rtdump {
	unsigned char *bytes; /* mapped */
	size_t length, size;
	uint32_t sequence; /* of the last request */
};

/*
 * Asks by fd, an AF_NETLINK socket of NETLINK_ROUTE which nobody else uses. type: RTM_GETLINK or
 * RTM_GETADDR. What is in *dump is replaced; what it becomes has to be freed, also after an error.
 *
 * Returns 0; -EAGAIN: something changed meanwhile, ask again by the same socket; -ENOBUFS: messages
 * were lost, ask again by a new one; -EPROTO: the answer made no sense; -ETIMEDOUT: there was none;
 * or what the kernel says. After any error but -EAGAIN the socket is of no use any more.
 */
int rtdump_ask(struct rtdump *dump, int fd, int type);

/* To be read by rtnl_next(). */
static inline struct rtnl_span rtdump_span(const struct rtdump *dump)
{
	return (struct rtnl_span){dump->bytes, dump->length};
}

void rtdump_free(struct rtdump *dump);

#endif
