/* SPDX-License-Identifier: MIT */
/*
 * Programs bind a socket to 0.0.0.0 and port 0 before they send or connect, as if they had not
 * (libuv, Java). The socket was the broker's and stays so; but it may still be moved here, and
 * bound so once more, when it is first used with an address in XREDIRECT_LOCAL.
 *
 * Nothing shows afterwards that a socket was bound so, and whether anything was sent. So it is
 * remembered, in a table by the socket's cookie, of which every use over there takes it out. What
 * the table has no room for any more, and what another program was given, is not moved.
 */
#include "xredirect/bound.h"

#include "preload/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>

#define PLACES 256

static _Atomic uint64_t cookies[PLACES];
static atomic_bool any; /* or else there is nothing to look for */

bool bound_to_anything(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET6)
		return in6->sin6_port == 0 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
	return in->sin_port == 0 && in->sin_addr.s_addr == INADDR_ANY;
}

bool bound_without_port(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);

	return socket_port_of(fd) == 0 &&
	       getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	       !bound_to_anything(&address);
}

void bound_note(int fd)
{
	uint64_t cookie = cookie_of_socket(fd);

	if (cookie == 0 || socket_port_of(fd) != 0)
		return;
	atomic_store(&cookies[cookie % PLACES], cookie);
	atomic_store(&any, true);
}

void bound_used(int fd)
{
	uint64_t cookie = atomic_load(&any) ? cookie_of_socket(fd) : 0;

	if (cookie != 0)
		atomic_compare_exchange_strong(&cookies[cookie % PLACES], &cookie, 0);
}

void bound_failed(int fd)
{
	int saved_errno = errno;

	if (atomic_load(&any) && socket_port_of(fd) == 0)
		bound_used(fd);
	errno = saved_errno;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
}

/* UDP does not know the option, and does not listen. */
static bool listens(int fd)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value;
}

static bool has_received(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) != 0 && (poll_fd.revents & POLLIN);
}

bool bound_is_unused(int fd, uint64_t cookie)
{
	return cookie != 0 && atomic_load(&cookies[cookie % PLACES]) == cookie &&
	       !is_connected(fd) && !listens(fd) && !has_received(fd);
}
