/* SPDX-License-Identifier: MIT */
/*
 * A socket is made before it is known what for, so it comes from the broker. When it is connected,
 * bound or sent with and XREDIRECT_LOCAL has the address, a socket of the process's own namespace
 * takes its place (move.c).
 *
 * Such a socket must never reach anything that is not in the list, if the program uses it again: by
 * another connect(2) after a failed one, by sendto(2) to somebody else. So it is marked, and a
 * marked one is only used with addresses in the list. Used with another one it goes back, if it is
 * still fresh, or else the call fails. While a call is on its way with what it has found, no other
 * thread moves the socket (uses.c).
 *
 * Sockets that the process was given (by systemd, by its parent) are of this namespace without the
 * mark. They are what who gave them wanted, and are left alone. So are those that a socket here has
 * accepted: whoever is at the other end came here.
 */
#include "xredirect/destination.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "preload/memory.h"
#include "preload/report.h"
#include "preload/sockaddr.h"
#include "preload/socket.h"
#include "xredirect/bound.h"
#include "xredirect/move.h"
#include "xredirect/next.h"
#include "xredirect/route.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/stat.h>

/* How often a call moves its socket before it gives up. */
#define MOVES 20

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

static void tell(const struct move *move, const char *where, int error)
{
	char unknown[16];
	const char *text = report_strerror(error, unknown);

	if (error == EINVAL)
		text = move->to_here ? "the program has used this socket over there before: it "
				       "needs one for each side"
				     : "the program has bound it here, or used it with an address "
				       "here: it needs one for each side; clients that it is to "
				       "answer belong into the list with all ports";
	if (error == EADDRNOTAVAIL)
		text = "a thread, an epoll set or an io_uring uses the socket already and cannot "
		       "be told to use another";
	if (error == ENOSYS)
		text = "/proc is needed to find what else the program uses its socket for";
	if (error == EMFILE)
		text = "a descriptor is beyond the limit, or none is left (LimitNOFILE=)";
	if (error == EOPNOTSUPP)
		text = "that can be done for TCP, UDP and what is like them only, with kernel 5.14 "
		       "or newer";
	if (error == EXDEV)
		text = "the socket has a route of its own (IP_OPTIONS), by an address that may not "
		       "be in the list";
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

/* An errno that the call may fail with, and that says something. */
static int program_errno(int error, enum destination_call call)
{
	switch (error) {
	case EINVAL:
		return call == DESTINATION_BIND ? EINVAL : ENETUNREACH;
	case EADDRNOTAVAIL:
	case ENOSYS:
	case EOPNOTSUPP:
	case EXDEV:
		return ENETUNREACH;
	default:
		return error;
	}
}

/* Other threads have moved it away again each time. */
static int give_up(const struct move *move, const struct sockaddr_storage *address)
{
	char where[SOCKADDR_TEXT_SIZE];
	struct cancel cancel;

	cancel_hold(&cancel);
	tell(move, sockaddr_text(address, NULL, where), EADDRNOTAVAIL);
	cancel_release(&cancel);
	return -ENETUNREACH;
}

static int move_there_or_here(const struct move *move, const struct sockaddr_storage *address)
{
	char where[SOCKADDR_TEXT_SIZE];
	struct cancel cancel;
	int r;

	cancel_hold(&cancel);
	r = move_socket(move);
	/* Bound already, or by somebody else meanwhile: bind(2) says so. */
	if (r < 0 && (r != -EINVAL || move->may_be_used))
		tell(move, sockaddr_text(address, NULL, where), -r);
	else if (r == 0)
		report(REPORT_DEBUG, "%s%s: the socket is %s now", move->call,
			sockaddr_text(address, NULL, where),
			move->to_here ? "one of this namespace" : "the broker's");
	cancel_release(&cancel);
	return r;
}

/* Whether it is where it should be, and known to be used there. */
static bool is_right(
	const struct move *move, const struct sockaddr_storage *address, const struct use *use)
{
	struct stat status;

	if (fstat(move->fd, &status) < 0 || move_has_mark(&status) != move->to_here ||
		!uses_found(use, status.st_ino))
		return false;
	if (move->to_here && !move_is_of_here(move->fd))
		return false;
	if (!move->to_here && move->may_be_used)
		bound_used(move->fd);
	else if (!move->to_here && bound_to_anything(address))
		bound_note(move->fd);
	return true;
}

/* Apart, for the sake of the stack of all other calls. */
__attribute__((noinline)) static int settle(int fd, const struct sockaddr_storage *address,
	socklen_t length, enum destination_call call, struct use *use)
{
	static const char *const names[] = {"connect to ", "bind to ", "send to "};
	struct move move = {.fd = fd,
		.to_here = is_listed(address, length),
		.may_be_used = call != DESTINATION_BIND,
		.call = names[call]};
	struct stat status;
	int r = 0;

	/* What is no internet socket is none of our business. */
	if (!is_for(fd, address->ss_family))
		return 0;
	/* Threads that do not agree move it to and fro, until one has made its call. */
	for (unsigned tries = 0; r == 0 && tries < MOVES; tries++) {
		uses_begin(use, fd);
		if (is_right(&move, address, use))
			return 0;
		uses_end(use);
		if (call == DESTINATION_SEND && is_stream(fd))
			return 0;
		r = move_there_or_here(&move, address);
	}
	if (r == 0)
		return give_up(&move, address);
	if (r < 0)
		return -program_errno(-r, call);
	uses_begin(use, fd);
	if (fstat(fd, &status) == 0)
		uses_found(use, status.st_ino);
	return 0;
}

int destination_settle(int fd, const struct sockaddr *address, socklen_t length,
	enum destination_call call, struct use *use)
{
	struct sockaddr_storage copied;
	int saved_errno = errno, r = 0;

	use->place = USE_NONE;
	if (destination_matters() && copy(address, length, call, &copied))
		r = settle(fd, &copied, length, call, use);
	errno = saved_errno;
	return r;
}

void destination_dissolve(int fd)
{
	_cleanup_fd_ int here = -1;
	int saved_errno = errno;
	struct socket_kind kind;

	if (socket_kind_of(fd, &kind) == 0 && is_for(fd, AF_INET) && socket_is_tcp(kind.protocol) &&
		!move_is_marked(fd)) {
		here = next_socket(kind.domain, kind.type | SOCK_CLOEXEC, kind.protocol);
		if (here >= 0 && socket_tells_namespace(here) && !cookies_are_apart(fd, here))
			move_mark(fd);
	}
	errno = saved_errno;
}
