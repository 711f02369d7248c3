/* SPDX-License-Identifier: MIT */
/*
 * The order is what makes it safe: the new socket is asked for, gets the options of the old one,
 * is bound, and only then replaces it. Until that last step, which is all or nothing (swap.c), the
 * program's socket has not been touched, and after any failure it is as it was.
 */
#include "xbind/redirect.h"

#include "xbind/advice.h"
#include "xbind/rules.h"

#include "common/cleanup.h"
#include "lib/xsocket.h"
#include "preload/interfaces.h"
#include "preload/memory.h"
#include "preload/next.h"
#include "preload/options.h"
#include "preload/report.h"
#include "preload/socket.h"
#include "preload/swap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Length of a struct sockaddr_in6 without its scope, which the kernel still takes (RFC 2133). */
#define SOCKADDR_IN6_SHORT 24

/*
 * Whether a pointer may lead somewhere. Mistakes are most often in the first page, where nothing
 * is unless the program insisted, or in the last one (-1), where nothing ever is. Any other one is
 * not worth a system call for a port that may not be listed.
 */
static bool is_pointer(const void *pointer, size_t length)
{
	uintptr_t address = (uintptr_t)pointer;

	return (address >= 4096 && address < UINTPTR_MAX - 4095) ||
	       memory_readable(pointer, length) == length;
}

/* The port of an address that bind(2) of an internet socket takes, or -1. */
static int address_port(const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_in in;

	if (length < sizeof(in) || !is_pointer(address, sizeof(in)))
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

/* Whether bind(2) would fail anyhow; the kernel says it best. */
static bool is_bound_or_connected(int fd)
{
	struct sockaddr_in6 address = {0};
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 || address.sin6_port != 0)
		return true;
	length = sizeof(address);
	return getpeername(fd, (struct sockaddr *)&address, &length) == 0;
}

/* Whether the kernel can read all of an address, and would. */
static bool is_address(const struct sockaddr *address, socklen_t length)
{
	return length <= sizeof(struct sockaddr_storage) &&
	       memory_readable(address, length) == length;
}

/* Whether two sockets are known to be of different namespaces (kernel 5.14). */
static bool is_elsewhere(int fd, int fresh)
{
	uint64_t a, b;
	socklen_t length = sizeof(a);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &a, &length) == 0 &&
	       getsockopt(fresh, SOL_SOCKET, SO_NETNS_COOKIE, &b, &length) == 0 && a != b;
}

/* A socket of that kind from the broker, or a negative errno for the program. */
static int broker_socket(const char *server, const struct socket_kind *kind, unsigned port)
{
	int type = kind->type | SOCK_CLOEXEC, fd;

	fd = xsocket(server, kind->domain, type, kind->protocol);
	/* A kernel without MPTCP, or net.mptcp.enabled=0. */
	if (fd < 0 && kind->protocol == IPPROTO_MPTCP &&
		(errno == EPROTONOSUPPORT || errno == ENOPROTOOPT)) {
		report(REPORT_DEBUG, "no MPTCP there, port %u is bound by TCP", port);
		fd = xsocket(server, kind->domain, type, IPPROTO_TCP);
	}
	if (fd >= 0)
		return fd;
	fd = errno;
	advice_report(port, server, fd);
	return -advice_for(fd)->program_errno;
}

/*
 * Binds the new socket. The scope of a link-local address is a number of an interface here, and
 * becomes that of the interface of the same name there.
 */
static int bind_there(int new, int fresh, const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_in6 in6;
	int index;

	if (address->sa_family == AF_INET6 && length >= sizeof(in6)) {
		memcpy(&in6, address, sizeof(in6));
		if (in6.sin6_scope_id != 0) {
			index = interfaces_map(fresh, new, (int)in6.sin6_scope_id);
			if (index < 0)
				return index;
			in6.sin6_scope_id = (uint32_t)index;
			address = (const struct sockaddr *)&in6;
			length = sizeof(in6);
		}
	}
	return next_bind(new, address, length) < 0 ? -errno : 0;
}

static void report_swap(unsigned port, int error)
{
	const char *text = "the program's socket was kept";
	char unknown[16];

	if (error == ENOSYS)
		text = "/proc is needed to find what else the program uses its socket for";
	if (error == ENOBUFS)
		text = "the socket has too many descriptors, or is in too many epoll sets";
	if (error == EMFILE)
		text = "a descriptor is beyond the limit, or none is left (LimitNOFILE=)";
	report(REPORT_ERROR, "bind to port %u failed: %s: %s", port,
		report_strerror(error, unknown), text);
}

/*
 * Binds there. Returns 0, a negative errno and the program's socket is untouched, or 1 when this
 * is no case for us.
 */
static int redirect(int fd, const struct sockaddr *address, socklen_t length,
	const struct socket_kind *kind, const char *server)
{
	_cleanup_fd_ int fresh = -1, new = -1;
	unsigned port = (unsigned)address_port(address, length);
	char unknown[16];
	int r;

	fresh = socket(kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);
	if (fresh < 0) {
		r = -errno;
		report(REPORT_ERROR, "bind to port %u failed: no socket to compare with: %s", port,
			report_strerror(-r, unknown));
		return r;
	}
	if (is_elsewhere(fd, fresh))
		return 1;
	new = broker_socket(server, kind, port);
	if (new < 0)
		return new;
	r = options_carry(fd, fresh, new, kind);
	if (r < 0)
		return r;
	r = bind_there(new, fresh, address, length);
	if (r < 0) {
		advice_report_refusal(port, server, -r);
		return r;
	}
	close_fd(&fresh);
	r = swap_socket(fd, steal_fd(&new));
	if (r < 0)
		report_swap(port, -r);
	else
		report(REPORT_DEBUG, "port %u is bound by %s", port,
			server ? server : ADDRESS_DEFAULT);
	return r;
}

int redirect_bind(
	const struct config *config, int fd, const struct sockaddr *address, socklen_t length)
{
	int saved_errno = errno, port = address_port(address, length), cancel, r;
	enum rule_protocol protocol;
	const struct rule *rule;
	struct socket_kind kind;
	const char *server;

	if (port < 0)
		return next_bind(fd, address, length);
	if (config->broken) {
		errno = EINVAL;
		return -1;
	}
	if (!rules_mention(&config->rules, (uint16_t)port)) {
		report(REPORT_DEBUG, "port %d is not in XBIND: bound here", port);
		return next_bind(fd, address, length);
	}

	r = 1;
	if (socket_kind_of(fd, &kind) == 0 && kind_protocol(&kind, &protocol) &&
		!is_bound_or_connected(fd) && is_address(address, length)) {
		rule = rules_find(&config->rules, protocol, (uint16_t)port);
		if (rule) {
			server = rules_server(&config->rules, rule);
			if (!server && *config->server)
				server = config->server;
			pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
			r = redirect(fd, address, length, &kind, server);
			pthread_setcancelstate(cancel, NULL);
		}
	}
	errno = r < 0 ? -r : saved_errno;
	if (r > 0)
		return next_bind(fd, address, length);
	return r < 0 ? -1 : 0;
}
