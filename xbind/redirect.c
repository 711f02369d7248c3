/* SPDX-License-Identifier: MIT */
/*
 * The order is what makes it safe: the new socket is asked for, gets the options of the old one,
 * is bound, and only then replaces it. Until that last step, which is all or nothing (swap.c), the
 * program's socket has not been touched, and after any failure it is as it was.
 */
#include "xbind/redirect.h"

#include "xbind/refusal.h"
#include "xbind/rules.h"
#include "xbind/target.h"

#include "common/address.h"
#include "common/cancel.h"
#include "common/cleanup.h"
#include "lib/client.h"
#include "preload/advice.h"
#include "preload/interfaces.h"
#include "preload/memory.h"
#include "preload/next.h"
#include "preload/options.h"
#include "preload/report.h"
#include "preload/sockaddr.h"
#include "preload/socket.h"
#include "preload/swap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* The port of an address that bind(2) of an internet socket takes, or -1. */
static int address_port(const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_in in;

	if (length < sizeof(in) || !memory_is_pointer(address, sizeof(in)))
		return -1;
	memcpy(&in, address, sizeof(in));
	/* bind(2) takes AF_UNSPEC for AF_INET where the address is 0.0.0.0, for old programs. */
	if (in.sin_family != AF_INET && in.sin_family != AF_UNSPEC &&
		!(in.sin_family == AF_INET6 && length >= SOCKADDR_IN6_SHORT))
		return -1;
	/* It is at the same place in a struct sockaddr_in6. */
	return ntohs(in.sin_port);
}

/* Which rules a socket is for. Returns false for sockets that are none of our business. */
static bool kind_protocol(const struct socket_kind *kind, enum rule_protocol *ret)
{
	if (kind->domain != AF_INET && kind->domain != AF_INET6)
		return false;
	switch (kind->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
	case IPPROTO_SCTP:
		*ret = RULE_TCP;
		return kind->type == SOCK_STREAM || kind->type == SOCK_SEQPACKET;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		*ret = RULE_UDP;
		return kind->type == SOCK_DGRAM;
	default:
		return false;
	}
}

/*
 * Whether a TCP socket with a port is bound. When a connection has failed or ended, the kernel
 * forgets that it had chosen a port, but getsockname(2) goes on telling it. To bind neither an
 * address nor a port is refused to who has one, and changes nothing otherwise. Returns 1, 0, or
 * -EINVAL, with which bind(2) refuses who is bound, when nobody knows.
 */
static int has_port(int fd, int domain)
{
	struct sockaddr_storage nothing = {.ss_family = (sa_family_t)domain};
	int before, late = 1, r;
	socklen_t length = sizeof(before);

	if (getsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &before, &length) < 0 ||
		next_setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late)) < 0)
		return -EINVAL;
	length = domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	r = next_bind(fd, (struct sockaddr *)&nothing, length) < 0;
	next_setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &before, sizeof(before));
	return r;
}

/*
 * Whether bind(2) would fail anyhow, 1; the kernel says it best. What is connected has a port, too.
 * Otherwise 0, or a negative errno.
 */
static int is_bound(int fd, const struct socket_kind *kind)
{
	int port = socket_port_of(fd);

	if (port < 0)
		return 1;
	if (port == 0)
		return 0;
	return socket_is_tcp(kind->protocol) ? has_port(fd, kind->domain) : 1;
}

/* What is to happen instead of a bind(2). */
struct move {
	struct socket_kind kind;
	unsigned port;			 /* the program's */
	const char *server, *interface;	 /* of the rule, or NULL */
	struct sockaddr_storage address; /* there */
	socklen_t length;
};

/* A socket of that kind from the broker, or a negative errno for the program. */
static int broker_socket(const struct move *move)
{
	int type = move->kind.type | SOCK_CLOEXEC, fd;
	char port[REPORT_NUMBER];
	const struct advice_call call = {"bind to port ", report_number(port, move->port)};

	fd = client_once_socket(move->server, move->kind.domain, type, move->kind.protocol);
	/* A kernel without MPTCP, or net.mptcp.enabled=0. */
	if (move->kind.protocol == IPPROTO_MPTCP &&
		(fd == -EPROTONOSUPPORT || fd == -ENOPROTOOPT)) {
		report(REPORT_DEBUG, "no MPTCP there, port %u is bound by TCP", move->port);
		fd = client_once_socket(move->server, move->kind.domain, type, IPPROTO_TCP);
	}
	if (fd >= 0)
		return fd;
	advice_report(&call, move->server, -fd);
	fd = advice_errno(-fd);
	return fd ? -fd : -EADDRNOTAVAIL;
}

/*
 * Binds the new socket. The scope of a link-local address is a number of an interface here, and
 * becomes that of the interface of the same name there. In a rule it is a name from the start.
 */
static int bind_there(int new, int fresh, struct move *move)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&move->address;
	int index = 0;

	if (move->interface)
		index = interfaces_index(new, move->interface);
	else if (in6->sin6_family == AF_INET6 && move->length >= sizeof(*in6) &&
		 in6->sin6_scope_id != 0)
		index = interfaces_map(fresh, new, (int)in6->sin6_scope_id);
	if (index < 0)
		return index;
	if (index > 0)
		in6->sin6_scope_id = (uint32_t)index;
	return next_bind(new, (struct sockaddr *)&move->address, move->length) < 0 ? -errno : 0;
}

static void report_swap(unsigned port, int error)
{
	const char *text = "the program's socket was kept";
	char unknown[16];

	/* Bound by somebody else meanwhile, which bind(2) says so. */
	if (error == EINVAL)
		return;
	if (error == ENOSYS)
		text = "/proc is needed to find what else the program uses its socket for";
	if (error == EADDRNOTAVAIL)
		text = "a thread, an epoll set or an io_uring uses the socket already and cannot "
		       "be told to use another: let the program bind it first";
	if (error == EMFILE)
		text = "a descriptor is beyond the limit, or none is left (LimitNOFILE=)";
	report(REPORT_ERROR, "bind to port %u failed: %s: %s", port,
		report_strerror(error, unknown), text);
}

/*
 * Binds there. Returns 0, a negative errno and the program's socket is untouched, or 1 when this
 * is no case for us.
 */
static int redirect(int fd, struct move *move)
{
	_cleanup_fd_ int fresh = -1, new = -1;
	uint64_t cookie = cookie_of_socket(fd);
	struct swap_lost lost;
	char unknown[16], where[SOCKADDR_TEXT_SIZE];
	int r;

	fresh = socket(move->kind.domain, move->kind.type | SOCK_CLOEXEC, move->kind.protocol);
	if (fresh < 0) {
		r = -errno;
		report(REPORT_ERROR, "bind to port %u failed: no socket to compare with: %s",
			move->port, report_strerror(-r, unknown));
		return r;
	}
	if (cookies_are_apart(fd, fresh))
		return 1;
	new = broker_socket(move);
	if (new < 0)
		return new;
	r = options_carry(fd, fresh, new, &move->kind);
	if (r < 0)
		return r;
	sockaddr_text(&move->address, move->interface, where);
	r = bind_there(new, fresh, move);
	if (r < 0) {
		refusal_report(move->port, move->server, where, -r);
		return r;
	}
	close_fd(&fresh);
	r = swap_socket(fd, cookie, 0, steal_fd(&new), &lost);
	swap_report(&lost);
	if (r < 0)
		report_swap(move->port, -r);
	else
		report(REPORT_DEBUG, "port %u is bound by %s as %s", move->port,
			move->server ? move->server : ADDRESS_DEFAULT, where);
	return r;
}

/* What a socket can be bound to. */
static enum target_socket target_socket_of(int fd, const struct socket_kind *kind)
{
	int only = 0;
	socklen_t length = sizeof(only);

	if (kind->domain == AF_INET)
		return TARGET_IPV4;
	if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0 && only)
		return TARGET_IPV6;
	return TARGET_DUAL;
}

/* Finds out what a listed port becomes. Returns 0, a negative errno, or 1: no case for us. */
static int move_prepare(const struct config *config, int fd, const struct sockaddr *address,
	socklen_t length, struct move *ret)
{
	const struct rules *rules = &config->rules;
	enum rule_protocol protocol;
	const struct rule *rule;
	uint16_t port;
	int r;

	if (socket_kind_of(fd, &ret->kind) < 0 || !kind_protocol(&ret->kind, &protocol) ||
		!sockaddr_copy(address, length, &ret->address))
		return 1;
	port = ntohs(((struct sockaddr_in *)&ret->address)->sin_port);
	rule = rules_find(rules, protocol, port, TARGET_ANY);
	r = rule ? is_bound(fd, &ret->kind) : 1;
	if (r != 0)
		return r;
	ret->port = port;
	if (rules_target(rules, rule)->family != AF_UNSPEC) {
		enum target_socket socket = target_socket_of(fd, &ret->kind);

		rule = rules_find(rules, protocol, port, socket);
		if (!rule) {
			refusal_report_family(port, socket == TARGET_IPV6);
			return -EADDRNOTAVAIL;
		}
	}
	ret->interface = rules_interface(rules, rule);
	ret->server = rules_server(rules, rule);
	if (!ret->server && *config->server)
		ret->server = config->server;
	ret->length = length;
	return target_apply(rules_target(rules, rule), ret->kind.domain,
		(unsigned)(port - rule->first), &ret->address, &ret->length);
}

/* Apart, for the sake of the stack of all other calls of bind(2). */
__attribute__((noinline)) static int redirect_listed(
	const struct config *config, int fd, const struct sockaddr *address, socklen_t length)
{
	struct move move;
	struct cancel cancel;
	int r;

	cancel_hold(&cancel);
	r = move_prepare(config, fd, address, length, &move);
	if (r == 0)
		r = redirect(fd, &move);
	cancel_release(&cancel);
	return r;
}

int redirect_bind(
	const struct config *config, int fd, const struct sockaddr *address, socklen_t length)
{
	int saved_errno = errno, port = address_port(address, length), r;

	if (port < 0)
		return next_bind(fd, address, length);
	if (config->broken) {
		errno = EINVAL;
		return -1;
	}
	if (!rules_mention(&config->rules, (uint16_t)port)) {
		if (config->rules.count > 0)
			report(REPORT_DEBUG, "port %d is not in XBIND: bound here", port);
		return next_bind(fd, address, length);
	}
	r = redirect_listed(config, fd, address, length);
	errno = r < 0 ? -r : saved_errno;
	if (r > 0)
		return next_bind(fd, address, length);
	return r < 0 ? -1 : 0;
}
