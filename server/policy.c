/* SPDX-License-Identifier: MIT */
#include "server/policy.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

/* protocol 0 stands for the type's own: TCP for streams, UDP for datagrams. */
static const struct {
	const char *name;
	unsigned kind;
	int domain; /* 0: AF_INET and AF_INET6 */
	int type, protocol;
} kinds[] = {
	{"tcp", POLICY_TCP, 0, SOCK_STREAM, 0},
	{"tcp", POLICY_TCP, 0, SOCK_STREAM, IPPROTO_TCP},
	{"udp", POLICY_UDP, 0, SOCK_DGRAM, 0},
	{"udp", POLICY_UDP, 0, SOCK_DGRAM, IPPROTO_UDP},
	{"mptcp", POLICY_MPTCP, 0, SOCK_STREAM, IPPROTO_MPTCP},
	{"sctp", POLICY_SCTP, 0, SOCK_STREAM, IPPROTO_SCTP},
	{"sctp", POLICY_SCTP, 0, SOCK_SEQPACKET, IPPROTO_SCTP},
	{"sctp", POLICY_SCTP, 0, SOCK_SEQPACKET, 0},
	{"udplite", POLICY_UDPLITE, 0, SOCK_DGRAM, IPPROTO_UDPLITE},
	{"ping", POLICY_PING, AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
	{"ping", POLICY_PING, AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6},
	{"route", POLICY_ROUTE, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
	{"route", POLICY_ROUTE, AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

unsigned policy_kind_from_name(const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	}
	return 0;
}

static unsigned kind_of(const struct policy_request *request)
{
	int type = request->type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);

	for (size_t i = 0; i < KINDS; i++) {
		bool domain = kinds[i].domain ? request->domain == kinds[i].domain
					      : request->domain == AF_INET ||
							request->domain == AF_INET6;

		if (domain && type == kinds[i].type && request->protocol == kinds[i].protocol)
			return kinds[i].kind;
	}
	return 0;
}

enum policy_verdict policy_decide(const struct policy *policy, const struct peer *peer,
	const struct policy_request *request)
{
	(void)peer; /* no rule looks at it yet */
	return policy->kinds & kind_of(request) ? POLICY_GRANT : POLICY_DENY_KIND;
}
