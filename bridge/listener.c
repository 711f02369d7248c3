/* SPDX-License-Identifier: MIT */
/*
 * Accepted sockets inherit TCP_NODELAY, SO_KEEPALIVE and SO_OOBINLINE from the listening one, so
 * each is set once. TCP_SAVE_SYN keeps the client's first packet for its TOS and TTL.
 *
 * Each worker has a datagram socket of its own: SO_REUSEPORT makes the kernel choose one by the
 * client's address, the same one each time. But with SO_REUSEPORT a second bridge of the same user
 * could bind the same port and take half of the clients. So the first socket is bound without it,
 * which fails if anybody is there, and gets the option afterwards, for the others to join it.
 */
#include "bridge/listener.h"

#include "bridge/host.h"
#include "bridge/netaddr.h"
#include "bridge/pacing.h"
#include "bridge/sockopt.h"
#include "bridge/udp.h"

#include "common/cleanup.h"
#include "daemon/explain.h"
#include "daemon/unixlisten.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int fail(const struct endpoint *endpoint, int r, const char *what, char *error, size_t size)
{
	const char *hint = "";

	if (r == -EACCES && endpoint->port > 0 && endpoint->port < 1024)
		hint = " (ports below 1024 need CAP_NET_BIND_SERVICE, or a lower "
		       "net.ipv4.ip_unprivileged_port_start there)";
	else if (r == -EADDRNOTAVAIL)
		hint = " (no interface has that address; freebind listens anyway)";
	return explain(error, size, r, "%s: %s%s%s%s", endpoint->text, what, *what ? ": " : "",
		strerror(-r), hint);
}

void listener_prepare(int fd, const struct endpoint *endpoint)
{
	sockopt_set_stream(fd, endpoint);
	sockopt_set(fd, IPPROTO_TCP, TCP_SAVE_SYN, 1);
}

/* ---- TCP and UDP ---- */

static int set_options(int fd, const struct endpoint *endpoint, const struct netaddr *address)
{
	int family = address->sa.sa_family, r = 0;

	if (family == AF_INET6)
		r = sockopt_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, endpoint->v6only);
	if (r == 0 && endpoint->freebind)
		r = family == AF_INET ? sockopt_set(fd, IPPROTO_IP, IP_FREEBIND, 1)
				      : sockopt_set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	return r == 0 ? sockopt_set_endpoint(fd, family, endpoint) : r;
}

static int open_socket(struct place *place, const struct endpoint *endpoint,
	const struct netaddr *address, bool first, char *error, size_t error_size)
{
	bool stream = endpoint->kind == ENDPOINT_TCP;
	_cleanup_fd_ int fd = place_socket(place, address->sa.sa_family,
		stream ? SOCK_STREAM : SOCK_DGRAM, 0, error, error_size);
	pacing_known unknown = 0;
	int r;

	if (fd < 0)
		return steal_fd(&fd);
	r = set_options(fd, endpoint, address);
	if (r == 0 && stream)
		r = sockopt_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	else if (r == 0 && !first)
		r = sockopt_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (r == 0 && !stream)
		r = udp_prepare(fd, address->sa.sa_family);
	if (r < 0)
		return fail(endpoint, r, "setsockopt", error, error_size);
	if (bind(fd, &address->sa, address->length) < 0)
		return fail(endpoint, -errno, "", error, error_size);
	if (stream) {
		listener_prepare(fd, endpoint);
		pacing_avoid(fd, address, &unknown);
		if (listen(fd, endpoint->backlog) < 0)
			return fail(endpoint, -errno, "", error, error_size);
	} else if (first) {
		r = sockopt_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		if (r < 0)
			return fail(endpoint, r, "SO_REUSEPORT", error, error_size);
	}
	return steal_fd(&fd);
}

/* Every address: of both kinds, where there is IPv6. */
static int find_address(struct place *place, const struct endpoint *endpoint, struct netaddr *ret,
	char *error, size_t error_size)
{
	const char *host = endpoint->host;
	int r;

	if (*host) {
		if (strchr(host, '%'))
			place_enter(place);
		r = netaddr_parse(host, endpoint->port, ret);
		return r < 0 ? fail(endpoint, r, "", error, error_size) : 0;
	}
	r = place_socket(place, AF_INET6, endpoint->kind == ENDPOINT_TCP ? SOCK_STREAM : SOCK_DGRAM,
		0, error, error_size);
	if (r < 0 && r != -EAFNOSUPPORT)
		return r;
	if (r >= 0)
		close(r);
	return netaddr_parse(r >= 0 ? "::" : "0.0.0.0", endpoint->port, ret);
}

static int open_inet(struct listener *listener, struct place *place,
	const struct endpoint *endpoint, char *error, size_t error_size)
{
	struct netaddr address;
	int r = find_address(place, endpoint, &address, error, error_size);

	for (unsigned i = 0; r >= 0 && i < listener->n; i++) {
		r = open_socket(place, endpoint, &address, i == 0, error, error_size);
		listener->fds[i] = r;
	}
	return r < 0 ? r : 0;
}

/* ---- Unix ---- */

static int find_owner(
	const struct endpoint *endpoint, uid_t *uid, gid_t *gid, char *error, size_t error_size)
{
	unsigned number;

	if (endpoint->user) {
		const struct passwd *user = getpwnam(endpoint->user);

		if (!user && !host_number(endpoint->user, 0, UINT32_MAX - 1, &number))
			return explain(error, error_size, -ENOENT, "%s: there is no user \"%s\"",
				endpoint->text, endpoint->user);
		*uid = user ? user->pw_uid : number;
	}
	if (endpoint->group) {
		const struct group *group = getgrnam(endpoint->group);

		if (!group && !host_number(endpoint->group, 0, UINT32_MAX - 1, &number))
			return explain(error, error_size, -ENOENT, "%s: there is no group \"%s\"",
				endpoint->text, endpoint->group);
		*gid = group ? group->gr_gid : number;
	}
	return 0;
}

/* The file is made for its maker alone; then it gets its owner, and last its mode. */
static int open_unix(struct listener *listener, struct place *place,
	const struct endpoint *endpoint, char *error, size_t error_size)
{
	const struct netaddr named = netaddr_of_unix(endpoint->path);
	const struct address address = {.un = named.un, .length = named.length};
	bool abstract = endpoint->path[0] == '@';
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int r = find_owner(endpoint, &uid, &gid, error, error_size);

	if (r < 0)
		return r;
	if (abstract && place_enter(place) < 0)
		return explain(error, error_size, -EINVAL,
			"%s: %s cannot be entered, and an abstract name belongs to a network "
			"namespace",
			endpoint->text, place_text(place));
	listener->fds[0] = unixlisten_open(
		&address, SOCK_STREAM, abstract ? endpoint->mode : 0600, error, error_size);
	if (listener->fds[0] < 0)
		return listener->fds[0];
	if (abstract)
		return 0;
	listener->file = address;
	if (((uid != (uid_t)-1 || gid != (gid_t)-1) && lchown(endpoint->path, uid, gid) < 0) ||
		chmod(endpoint->path, endpoint->mode) < 0)
		return fail(endpoint, -errno, "owner and mode", error, error_size);
	return 0;
}

/* ---- descriptors ---- */

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -errno : value;
}

static int take_inherited(
	struct listener *listener, const struct endpoint *endpoint, char *error, size_t error_size)
{
	int fd = endpoint->fd, type = option_of(fd, SO_TYPE), flags = fcntl(fd, F_GETFL);

	if (type < 0)
		return explain(error, error_size, type, "%s: descriptor %d: %s%s", endpoint->text,
			fd, strerror(-type), type == -EBADF ? " (nothing was passed there)" : "");
	if (type == SOCK_STREAM && option_of(fd, SO_ACCEPTCONN) != 1)
		return explain(error, error_size, -EINVAL,
			"%s: descriptor %d is a connection and does not listen: "
			"fd:%d,accepted serves it",
			endpoint->text, fd, fd);
	if (type != SOCK_STREAM && type != SOCK_DGRAM)
		return explain(error, error_size, -ESOCKTNOSUPPORT,
			"%s: descriptor %d is neither a stream nor a datagram socket",
			endpoint->text, fd);
	listener->inherited = true;
	listener->fds[0] = fd;
	listener->n = 1;
	listener->datagram = type == SOCK_DGRAM;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return fail(endpoint, -errno, "fcntl", error, error_size);
	if (listener->datagram)
		return udp_prepare(fd, option_of(fd, SO_DOMAIN));
	listener_prepare(fd, endpoint);
	return 0;
}

/* ---- */

struct listener *listener_new(struct place *place, const struct endpoint *endpoint,
	unsigned n_workers, char *error, size_t error_size)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int r = -ENOMEM;

	if (listener) {
		atomic_init(&listener->references, 1);
		listener->datagram = endpoint->kind == ENDPOINT_UDP;
		listener->n = listener->datagram ? n_workers : 1;
		listener->fds = malloc(listener->n * sizeof(*listener->fds));
		for (unsigned i = 0; listener->fds && i < listener->n; i++)
			listener->fds[i] = -1;
	}
	if (!listener || !listener->fds)
		explain(error, error_size, r, "%s", strerror(ENOMEM));
	else if (endpoint->kind == ENDPOINT_FD)
		r = take_inherited(listener, endpoint, error, error_size);
	else if (endpoint->kind == ENDPOINT_UNIX)
		r = open_unix(listener, place, endpoint, error, error_size);
	else
		r = open_inet(listener, place, endpoint, error, error_size);
	if (r == 0)
		return listener;
	listener_unref(listener);
	return NULL;
}

struct listener *listener_ref(struct listener *listener)
{
	atomic_fetch_add(&listener->references, 1);
	return listener;
}

void listener_unref(struct listener *listener)
{
	if (!listener || atomic_fetch_sub(&listener->references, 1) > 1)
		return;
	if (listener->file.length > 0)
		unixlisten_remove(&listener->file, SOCK_STREAM, listener->fds[0]);
	for (unsigned i = 0; listener->fds && !listener->inherited && i < listener->n; i++)
		close_fd(&listener->fds[i]);
	free(listener->fds);
	free(listener);
}
