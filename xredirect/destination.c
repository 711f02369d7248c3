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
 * mark. They are what who gave them wanted, and are left alone. So are those that a socket here has
 * accepted: whoever is at the other end came here.
 *
 * The one thing that cannot be made safe: of two threads that use one new socket at the same
 * moment, with addresses of both sides, one may have looked at the mark just before the other moved
 * the socket.
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
#include <time.h>

/* How often a move is tried while another one is under way. */
#define BUSY_TRIES 20

bool destination_matters(void)
{
	return route_local()->count > 0;
}

/*
 * Copies an internet address. Returns false for what is none: the kernel says what is wrong.
 *
 * To an AF_INET socket AF_UNSPEC is the same as AF_INET, for old programs. Only connect(2) means
 * something else by it.
 */
static bool copy(const struct sockaddr *address, socklen_t length, enum destination_call call,
	struct sockaddr_storage *ret)
{
	if (length < sizeof(struct sockaddr_in) || length > sizeof(*ret) ||
		memory_readable(address, length) != length || !sockaddr_copy(address, length, ret))
		return false;
	return ret->ss_family == AF_INET ||
	       (ret->ss_family == AF_INET6 && length >= SOCKADDR_IN6_SHORT) ||
	       (ret->ss_family == AF_UNSPEC && call != DESTINATION_CONNECT);
}

/* Whether it is in the list. What is for AF_INET sockets only is in there as such. */
static bool is_listed(const struct sockaddr_storage *address, socklen_t length)
{
	struct sockaddr_storage known = *address;

	if (known.ss_family == AF_UNSPEC)
		known.ss_family = AF_INET;
	return local_has(route_local(), &known, length);
}

enum kind {
	KIND_NONE,   /* it goes where the socket is connected to, or the kernel finds it wrong */
	KIND_UNSPEC, /* what that is depends on the socket */
	KIND_LISTED,
	KIND_UNLISTED,
};

static enum kind kind_of(const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_storage copied;

	if (!copy(address, length, DESTINATION_SEND, &copied))
		return KIND_NONE;
	if (copied.ss_family == AF_UNSPEC)
		return KIND_UNSPEC;
	return is_listed(&copied, length) ? KIND_LISTED : KIND_UNLISTED;
}

bool destination_same(
	const struct sockaddr *a, socklen_t a_length, const struct sockaddr *b, socklen_t b_length)
{
	enum kind kind = kind_of(a, a_length);

	return kind != KIND_UNSPEC && kind == kind_of(b, b_length);
}

/* Whether it is a socket for such an address. */
static bool is_for(int fd, sa_family_t family)
{
	int domain;
	socklen_t length = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
	       (domain == AF_INET || (domain == AF_INET6 && family != AF_UNSPEC));
}

/* One whose peer cannot be another for each message. */
static bool is_stream(int fd)
{
	struct socket_kind kind;

	return socket_kind_of(fd, &kind) == 0 && socket_is_tcp(kind.protocol);
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
	uint64_t cookie; /* what tells that it still is that socket */
	struct socket_kind kind;
	bool to_here;
	const char *call; /* for messages, as in "connect to " */
};

static int socket_here(const struct socket_kind *kind)
{
	int fd = next_socket(kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);

	return fd < 0 ? -errno : fd;
}

static int socket_there(const struct move *move)
{
	const struct socket_kind *kind = &move->kind;
	struct route route = route_current();

	/*
	 * It was made in a context that has ended: there is no telling where it belongs. To tell
	 * what is usual there, what is usual here has to do.
	 */
	if (!route.server)
		return move->to_here ? socket_here(kind) : -ENETUNREACH;
	return source_socket(
		&route, move->call, kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);
}

/*
 * Gives the socket's state to its successor, which is consumed, and puts that in its place. What is
 * usual over there or here is told by a socket of the side that is left.
 */
static int replace(const struct move *move, int *usual, int *successor)
{
	int r = move->to_here ? mark(*successor) : 0;

	if (r == 0)
		r = options_carry(move->fd, *usual, *successor, &move->kind);
	/* Its number may be needed (preload/swap.c). */
	close_fd(usual);
	return r < 0 ? r : swap_socket(move->fd, move->cookie, steal_fd(successor));
}

/* Returns 0, a negative errno and nothing has changed, or 1: it is here anyhow. */
static int move(const struct move *move)
{
	_cleanup_fd_ int here = socket_here(&move->kind), there = -1;

	if (here < 0)
		return here;
	/* It was here from the start; or the kernel is too old to tell. */
	if (move->to_here && !socket_is_elsewhere(move->fd, here))
		return socket_tells_namespace(here) || !route_current().server ? 1 : -EOPNOTSUPP;
	/* Its addresses can be set in ways that are not seen here (sctp_connectx(3)). */
	if (move->kind.protocol == IPPROTO_SCTP)
		return -EOPNOTSUPP;
	there = socket_there(move);
	if (there < 0)
		return there;
	return move->to_here ? replace(move, &there, &here) : replace(move, &here, &there);
}

static void tell(const struct move *move, const char *where, int error)
{
	char unknown[16];
	const char *text = report_strerror(error, unknown);

	if (error == EINVAL)
		text = "the program has used this socket with another address before, on the other "
		       "side: it needs a socket for each";
	if (error == EADDRNOTAVAIL)
		text = "a thread, an epoll set or an io_uring uses the socket already and cannot "
		       "be told to use another";
	if (error == ENOSYS)
		text = "/proc is needed to find what else the program uses its socket for";
	if (error == EMFILE)
		text = "a descriptor is beyond the limit, or none is left (LimitNOFILE=)";
	if (error == ENETUNREACH)
		text = "the socket was made for an address in XREDIRECT_LOCAL, and this one is not "
		       "in it";
	report(REPORT_ERROR, "%s%s failed: %s: %s", move->call, where,
		move->to_here
			? "it is in XREDIRECT_LOCAL, but no socket of this namespace can take "
			  "the place of the program's"
			: "it is not in XREDIRECT_LOCAL, and the program's socket is of this "
			  "namespace",
		text);
}

/* Whether another thread, or what this signal handler interrupted, is about to replace a socket. */
static bool is_busy(const struct move *move)
{
	return is_marked(move->fd) != move->to_here && socket_port_of(move->fd) == 0;
}

/*
 * Two threads that use a new socket for the same side at once: the second one waits for the first.
 * Not for long, since that may be what it has interrupted.
 */
static int move_once(struct move *to)
{
	static const struct timespec nap = {.tv_nsec = 1000000};
	int r;

	for (unsigned tries = 0;; tries++) {
		to->cookie = socket_cookie_of(to->fd);
		r = socket_kind_of(to->fd, &to->kind);
		if (r == 0)
			r = move(to);
		if (r != -EINVAL || tries == BUSY_TRIES || !is_busy(to))
			break;
		nanosleep(&nap, NULL);
	}
	return r < 0 && is_marked(to->fd) == to->to_here ? 1 : r;
}

/* An errno that the call may fail with, and that says something. */
static int program_errno(int error, enum destination_call call)
{
	switch (error) {
	case EINVAL:
		return call == DESTINATION_BIND ? EINVAL : ENETUNREACH;
	case EADDRNOTAVAIL:
	case ENOSYS:
	case EOPNOTSUPP:
		return ENETUNREACH;
	default:
		return error;
	}
}

/* Apart, for the sake of the stack of all other calls. */
__attribute__((noinline)) static int settle(int fd, const struct sockaddr_storage *address,
	socklen_t length, enum destination_call call)
{
	static const char *const names[] = {"connect to ", "bind to ", "send to "};
	struct move to = {.fd = fd, .to_here = is_listed(address, length), .call = names[call]};
	char where[SOCKADDR_TEXT_SIZE];
	struct cancel cancel;
	int r;

	/* What is no internet socket is none of our business. */
	if (!is_for(fd, address->ss_family) || is_marked(fd) == to.to_here ||
		(call == DESTINATION_SEND && is_stream(fd)))
		return 0;
	cancel_hold(&cancel);
	r = move_once(&to);
	/* Bound already, or by somebody else meanwhile: bind(2) says so. */
	if (r < 0 && !(r == -EINVAL && call == DESTINATION_BIND))
		tell(&to, sockaddr_text(address, NULL, where), -r);
	else if (r == 0)
		report(REPORT_DEBUG, "%s%s: the socket is %s now", to.call,
			sockaddr_text(address, NULL, where),
			to.to_here ? "one of this namespace" : "the broker's");
	cancel_release(&cancel);
	return r < 0 ? -program_errno(-r, call) : 0;
}

int destination_settle(
	int fd, const struct sockaddr *address, socklen_t length, enum destination_call call)
{
	struct sockaddr_storage copied;
	int saved_errno = errno, r = 0;

	if (destination_matters() && copy(address, length, call, &copied))
		r = settle(fd, &copied, length, call);
	errno = saved_errno;
	return r;
}

void destination_dissolve(int fd)
{
	_cleanup_fd_ int here = -1;
	int saved_errno = errno;
	struct socket_kind kind;

	if (socket_kind_of(fd, &kind) == 0 && is_for(fd, AF_INET) && socket_is_tcp(kind.protocol) &&
		!is_marked(fd)) {
		here = socket_here(&kind);
		if (here >= 0 && socket_tells_namespace(here) && !socket_is_elsewhere(fd, here))
			mark(fd);
	}
	errno = saved_errno;
}
