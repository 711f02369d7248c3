/* SPDX-License-Identifier: MIT */
#include "xredirect/source.h"

#include "common/cancel.h"
#include "preload/advice.h"
#include "preload/report.h"
#include "preload/socket.h"
#include "xredirect/pool.h"
#include "xredirect/warm.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

bool source_is_for(int domain, int protocol)
{
	return domain == AF_INET || domain == AF_INET6 ||
	       (domain == AF_NETLINK && protocol == NETLINK_ROUTE);
}

/*
 * What a namespace does not have is found out by asking for it, natively too: IPv6 that is switched
 * off, MPTCP, SCTP. A program that asks goes on without. That TCP or UDP is missing means something
 * else: a broker that does not speak our version.
 */
static bool is_probe(int error, int domain, int protocol)
{
	switch (error) {
	case EAFNOSUPPORT:
		return domain == AF_INET6;
	case EPROTONOSUPPORT:
	case ENOPROTOOPT:
		return protocol != 0 && protocol != IPPROTO_TCP && protocol != IPPROTO_UDP;
	case ESOCKTNOSUPPORT:
		return true;
	default:
		return false;
	}
}

static bool is_ping(int protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static void tell(const struct route *route, const char *call, int error, int domain, int protocol)
{
	const struct advice_call what = {call, ""};
	char unknown[16];

	if (is_probe(error, domain, protocol))
		report(REPORT_DEBUG, "%s of family %d: %s there", call, domain,
			report_strerror(error, unknown));
	else if (error == EACCES && domain == AF_NETLINK)
		report(REPORT_ERROR,
			"%s of AF_NETLINK: the broker %s does not hand them out; to let programs "
			"see the interfaces there add \"route\" to AllowSockets= of its "
			"configuration (if this user may connect to it at all: as root, "
			"xsocket-server --grant %s u:USER)",
			call, route->server, route->server);
	else if (error == EACCES && domain != AF_NETLINK && is_ping(protocol))
		report(REPORT_ERROR,
			"%s of ICMP: the broker %s does not hand it out; to let programs ping from "
			"there add \"ping\" to AllowSockets= of its configuration, and the broker's "
			"group to net.ipv4.ping_group_range of the namespace (if this user may "
			"connect to it at all: as root, xsocket-server --grant %s u:USER)",
			call, route->server, route->server);
	else if (error == EAFNOSUPPORT && domain == AF_NETLINK)
		report(REPORT_ERROR,
			"%s of AF_NETLINK by %s failed: the sandbox of the broker's unit forbids "
			"them; add RestrictAddressFamilies=AF_NETLINK to it (xsocket.units(7), "
			"ROUTES)",
			call, route->server);
	else
		advice_report(&what, route->server, error);
}

/* An errno of a broker as one of socket(2)'s; that of a socket(2) over there is one. */
static int program_errno(int error, int domain, int protocol)
{
	int r = advice_errno(error);

	if (is_probe(error, domain, protocol))
		return error;
	return r ? r : ENETDOWN;
}

int source_ask(const struct route *route, int domain, int type, int protocol)
{
	struct cancel cancel;
	int r;

	if (route->broken)
		return -EINVAL;
	r = pool_socket(route->pool, route->server, domain, type, protocol);
	if (r >= 0)
		return r;
	cancel_hold(&cancel);
	if (r == -EAGAIN)
		r = warm_socket(route->server, domain, type, protocol);
	cancel_release(&cancel);
	return r;
}

int source_fail(const struct route *route, const char *call, int error, int domain, int protocol)
{
	struct cancel cancel;

	/* That has been reported, with what is wrong in it. */
	if (route->broken)
		return -EINVAL;
	cancel_hold(&cancel);
	tell(route, call, error, domain, protocol);
	cancel_release(&cancel);
	return -program_errno(error, domain, protocol);
}

int source_socket(const struct route *route, const char *call, int domain, int type, int protocol)
{
	int r = source_ask(route, domain, type, protocol);

	return r < 0 ? source_fail(route, call, -r, domain, protocol) : r;
}

int source_file(const struct route *route, int file)
{
	struct cancel cancel;
	int r;

	cancel_hold(&cancel);
	r = warm_file(route->server, file);
	cancel_release(&cancel);
	return r;
}
