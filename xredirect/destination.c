/* SPDX-License-Identifier: MIT */
/*
 * A socket is made before it is known what for, so it comes from the broker. When it is connected,
 * bound or sent with and XREDIRECT_LOCAL has the address, a socket of the process's own namespace
 * takes its place (preload/swap.c), with all that the program had set.
 *
 * Such a socket must never reach anything that is not in the list, if the program uses it again: by
 * another connect(2) after a failed one, by sendto(2) to somebody else. So it is marked, and a
 * marked one is only used with addresses in the list. Used with another one it goes back, if it is
 * still fresh, or else the call fails. The mark is a mode bit of the socket's inode (fchmod(2);
 * sockfs keeps modes, and asks them of nobody): all duplicates of the descriptor have it, in
 * children and after execve(2) as well, and there is no table that could run full. S_ISVTX means
 * nothing on a socket. Where the bit cannot be set, the socket is not used here.
 *
 * Sockets that the process was given (by systemd, by its parent) are of this namespace without the
 * mark. They are what who gave them wanted, and are left alone.
 */
#include "xredirect/destination.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "preload/memory.h"
#include "preload/options.h"
#include "preload/report.h"
#include "preload/sockaddr.h"
#include "preload/socket.h"
#include "preload/swap.h"
#include "xredirect/next.h"
#include "xredirect/source.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/stat.h>

static _Thread_local unsigned ignored __attribute__((tls_model("initial-exec")));

bool destination_matters(void)
{
	return ignored == 0 && route_local()->count > 0;
}

void destination_ignore_list(bool ignore)
{
	ignored += ignore ? 1U : -1U;
}

/* Copies an internet address. Returns false for what is none: the kernel says what is wrong. */
static bool copy(const struct sockaddr *address, socklen_t length, struct sockaddr_storage *ret)
{
	return length >= sizeof(struct sockaddr_in) &&
	       memory_is_pointer(address, sizeof(struct sockaddr_in)) &&
	       sockaddr_copy(address, length, ret) &&
	       (ret->ss_family == AF_INET || ret->ss_family == AF_INET6);
}

static bool is_listed(const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_storage copied;

	return copy(address, length, &copied) && local_has(route_local(), &copied, length);
}

bool destination_same(
	const struct sockaddr *a, socklen_t a_length, const struct sockaddr *b, socklen_t b_length)
{
	return is_listed(a, a_length) == is_listed(b, b_length);
}

/* The descriptor is known to be a socket, so that no file system is asked. */
static bool is_marked(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_mode & S_ISVTX);
}

static int mark(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || fchmod(fd, (status.st_mode & 0777) | S_ISVTX) < 0)
		return -errno;
	return is_marked(fd) ? 0 : -EOPNOTSUPP;
}

/* A move of a socket to the other side. */
struct move {
	int fd;
	struct socket_kind kind;
	bool to_here;
};

static int socket_here(const struct socket_kind *kind)
{
	int fd = next_socket(kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);

	return fd < 0 ? -errno : fd;
}

static int socket_there(const struct socket_kind *kind, const char *call)
{
	struct route route = route_current();

	/* It was made in a context that has ended: there is no telling where it belongs. */
	if (!route.server)
		return -ENETUNREACH;
	return source_socket(&route, call, kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);
}

/* Returns 0, a negative errno and nothing has changed, or 1: it is here anyhow. */
static int move(const struct move *move, const char *call)
{
	_cleanup_fd_ int here = socket_here(&move->kind), there = -1;
	int r;

	if (here < 0)
		return here;
	/* It was here from the start. */
	if (move->to_here && !socket_is_elsewhere(move->fd, here))
		return 1;
	there = socket_there(&move->kind, call);
	if (there < 0)
		return there;
	if (move->to_here) {
		r = mark(here);
		if (r == 0)
			r = options_carry(move->fd, there, here, &move->kind);
		return r < 0 ? r : swap_socket(move->fd, steal_fd(&here));
	}
	r = options_carry(move->fd, here, there, &move->kind);
	return r < 0 ? r : swap_socket(move->fd, steal_fd(&there));
}

static void tell(const struct move *move, const char *call, const char *where, int error)
{
	char unknown[16];
	const char *text = report_strerror(error, unknown);

	if (error == EINVAL)
		text = "the program has used this socket with another address before, on the other "
		       "side: it needs a socket for each";
	if (error == EADDRNOTAVAIL)
		text = "a thread, an epoll set or an io_uring uses the socket already and cannot "
		       "be "
		       "told to use another";
	if (error == ENETUNREACH)
		text = "the socket was made for an address in XREDIRECT_LOCAL, and this one is not "
		       "in it";
	report(REPORT_ERROR, "%s%s failed: %s: %s", call, where,
		move->to_here
			? "it is in XREDIRECT_LOCAL, but no socket of this namespace can take "
			  "the place of the program's"
			: "it is not in XREDIRECT_LOCAL, and the program's socket is of this "
			  "namespace",
		text);
}

/* Apart, for the sake of the stack of all other calls. */
__attribute__((noinline)) static int settle(
	int fd, const struct sockaddr_storage *address, socklen_t length, const char *call)
{
	struct move to = {.fd = fd, .to_here = local_has(route_local(), address, length)};
	char where[SOCKADDR_TEXT_SIZE];
	struct cancel cancel;
	int r;

	/* What is no internet socket is none of our business. */
	if (socket_kind_of(fd, &to.kind) < 0 ||
		(to.kind.domain != AF_INET && to.kind.domain != AF_INET6) ||
		is_marked(fd) == to.to_here)
		return 0;
	cancel_hold(&cancel);
	r = move(&to, call);
	if (r < 0)
		tell(&to, call, sockaddr_text(address, NULL, where), -r);
	else if (r == 0)
		report(REPORT_DEBUG, "%s%s: the socket is %s now", call,
			sockaddr_text(address, NULL, where),
			to.to_here ? "one of this namespace" : "the broker's");
	cancel_release(&cancel);
	/* Each of the others is one that these calls may fail with. */
	return r == -EINVAL || r == -EADDRNOTAVAIL || r == -ENOSYS || r == -EOPNOTSUPP
		       ? -ENETUNREACH
	       : r > 0 ? 0
		       : r;
}

int destination_settle(int fd, const struct sockaddr *address, socklen_t length, const char *call)
{
	struct sockaddr_storage copied;
	int saved_errno = errno, r = 0;

	if (destination_matters() && copy(address, length, &copied))
		r = settle(fd, &copied, length, call);
	errno = saved_errno;
	return r;
}
