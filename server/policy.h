/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_POLICY_H
#define XSOCKET_SERVER_POLICY_H

/*
 * Who may have what: (policy, peer, request) -> verdict, a pure function without system calls.
 *
 * A request names a kind of socket. What is no kind of this table is never handed out, because a
 * socket carries the rights that its creation needed: raw and packet sockets (CAP_NET_RAW), unix (the
 * namespace's abstract names), vsock, ALG, and netlink but for one protocol.
 *
 * That one, rtnetlink(7), tells addresses, links and routes to everybody. Changing them takes
 * CAP_NET_ADMIN of who asks, in the user namespace that owns the network namespace, and where the
 * request names no destination also of who made the socket, which has none here.
 */

#include <stdint.h>
#include <sys/types.h>

enum policy_kind {
	POLICY_TCP = 1 << 0,
	POLICY_UDP = 1 << 1,
	POLICY_MPTCP = 1 << 2,
	POLICY_SCTP = 1 << 3,
	POLICY_UDPLITE = 1 << 4,
	POLICY_PING = 1 << 5,
	POLICY_ROUTE = 1 << 6,
};

#define POLICY_KINDS_DEFAULT (POLICY_TCP | POLICY_UDP | POLICY_MPTCP)

/* Rules per user are to be added here. */
struct policy {
	unsigned kinds; /* enum policy_kind, those that everybody may have */
};

/* Who asks, as SO_PEERCRED said when the connection was made (unix(7)). */
struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* for logs only: a number can be used again */
};

struct policy_request {
	int domain, type, protocol; /* as for socket(2), with its flags */
};

enum policy_verdict {
	POLICY_GRANT,
	POLICY_DENY_KIND, /* no kind that this broker hands out */
};

/* The kind of that name ("tcp"), or 0. */
unsigned policy_kind_from_name(const char *name);

enum policy_verdict policy_decide(const struct policy *policy, const struct peer *peer,
	const struct policy_request *request);

#endif
