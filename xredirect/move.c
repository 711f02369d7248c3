/* SPDX-License-Identifier: MIT */
/*
 * A socket that is here is marked, for destination.c. The mark is a mode bit of the socket's inode
 * (fchmod(2); sockfs keeps modes, and asks them of nobody): all duplicates of the descriptor have
 * it, in children and after execve(2) as well, and there is no table that could run full. S_ISVTX
 * means nothing on a socket. Where the bit cannot be set, the socket is not used here.
 *
 * A broker that keeps a copy of what it hands out can set the bit, too, to get what is meant for
 * somebody here. So the mark counts only where a socket is of a namespace of which this process has
 * made one itself (SO_NETNS_COOKIE).
 *
 * Most is done beside the program's other threads. Only for the last step are they held up where
 * they are about to use a socket (uses.c), and it is looked once more whether it is unused. A
 * signal handler that jumped out of it would leave descriptors behind: signals are held back.
 */
#include "xredirect/move.h"

#include "common/cleanup.h"
#include "common/signals.h"
#include "preload/next.h"
#include "preload/options.h"
#include "preload/socket.h"
#include "preload/swap.h"
#include "xredirect/bound.h"
#include "xredirect/next.h"
#include "xredirect/source.h"
#include "xredirect/uses.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process that goes from one namespace to another, and on, does not need all at once. */
#define NAMESPACES 4

static _Atomic uint64_t namespaces[NAMESPACES]; /* 0: none yet */
static atomic_uint next_namespace;

static bool is_known(uint64_t namespace)
{
	for (unsigned i = 0; i < NAMESPACES; i++) {
		if (atomic_load(&namespaces[i]) == namespace)
			return true;
	}
	return false;
}

/* By the kernel: what a library that is next in line calls a socket may be of anywhere. */
static void note_namespace(const struct socket_kind *kind)
{
	_cleanup_fd_ int here =
		(int)syscall(SYS_socket, kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);
	uint64_t namespace;

	if (here >= 0 && cookie_of_namespace(here, &namespace) && !is_known(namespace))
		atomic_store(
			&namespaces[atomic_fetch_add(&next_namespace, 1) % NAMESPACES], namespace);
}

bool move_is_of_here(int fd)
{
	uint64_t namespace;

	return !cookie_of_namespace(fd, &namespace) || is_known(namespace);
}

bool move_has_mark(const struct stat *status)
{
	return status->st_mode & S_ISVTX;
}

bool move_is_marked(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && move_has_mark(&status);
}

int move_mark(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || fchmod(fd, (status.st_mode & 0777) | S_ISVTX) < 0)
		return -errno;
	return move_is_marked(fd) ? 0 : -EOPNOTSUPP;
}

/* What is found out about the socket first. */
struct before {
	struct socket_kind kind;
	uint64_t cookie; /* what tells that it still is that socket */
	int port;	 /* 0, or it is bound to anything */
};

static int socket_here(const struct socket_kind *kind)
{
	int fd = next_socket(kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol);

	return fd < 0 ? -errno : fd;
}

static int socket_there(const struct move *move, const struct socket_kind *kind)
{
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

static int look(const struct move *move, struct before *before)
{
	before->cookie = cookie_of_socket(move->fd);
	before->port = socket_port_of(move->fd);
	return socket_kind_of(move->fd, &before->kind);
}

/* Whether what is known of it allows to move it, and still does. */
static int check(const struct move *move, const struct before *before)
{
	/* The addresses of one can be set, and options of the other, in ways not seen here. */
	if (before->kind.protocol == IPPROTO_SCTP || before->kind.type == SOCK_RAW)
		return -EOPNOTSUPP;
	if (before->port < 0)
		return before->port;
	if (before->port == 0)
		return bound_without_port(move->fd) ? -EINVAL : 0;
	return move->may_be_used && bound_is_unused(move->fd, before->cookie) ? 0 : -EINVAL;
}

/* As the program did. The port is another one, which it did not choose either. */
static int bind_again(int successor, const struct before *before)
{
	struct sockaddr_storage anything = {.ss_family = (sa_family_t)before->kind.domain};
	socklen_t length = before->kind.domain == AF_INET ? sizeof(struct sockaddr_in)
							  : sizeof(struct sockaddr_in6);

	if (before->port == 0)
		return 0;
	return next_bind(successor, (struct sockaddr *)&anything, length) < 0 ? -errno : 0;
}

/*
 * Whether what is sent by a socket goes to another address first. A broker may have set that, too;
 * of IPv6 nothing of the kind can be read, and it is not carried over.
 */
static bool has_own_route(int fd)
{
	uint8_t options[MAX_IPOPTLEN];
	socklen_t length = sizeof(options);

	if (getsockopt(fd, IPPROTO_IP, IP_OPTIONS, options, &length) < 0)
		return false;
	for (socklen_t at = 0; at < length && options[at] != IPOPT_EOL;) {
		if (options[at] == IPOPT_LSRR || options[at] == IPOPT_SSRR)
			return true;
		/* A length of 0 is no option, and the end. */
		if (options[at] != IPOPT_NOP && (at + 1 >= length || options[at + 1] == 0))
			return false;
		at += options[at] == IPOPT_NOP ? 1 : options[at + 1];
	}
	return false;
}

/* Puts the successor, which is consumed, in the socket's place, unless that is being used. */
static int exchange(const struct move *move, const struct before *before, int *successor)
{
	struct swap_lost lost = {0};
	struct hold hold;
	int r = uses_hold(&hold, move->fd);

	if (r == 0)
		r = check(move, before);
	if (r == 0)
		r = swap_socket(move->fd, before->cookie, before->port, steal_fd(successor), &lost);
	uses_release(&hold);
	/* Now, as whoever reads stderr may take his time. */
	swap_report(&lost);
	return r;
}

/*
 * Gives the socket's state to its successor, and puts that in its place. What is usual over there
 * or here is told by a socket of the side that is left.
 */
static int replace(const struct move *move, const struct before *before, int *usual, int *successor)
{
	int r = move->to_here ? move_mark(*successor) : 0;

	if (r == 0)
		r = options_carry(move->fd, *usual, *successor, &before->kind);
	if (r == 0 && move->to_here && has_own_route(*successor))
		r = -EXDEV;
	if (r == 0)
		r = bind_again(*successor, before);
	/* Its number may be needed (preload/swap.c). */
	close_fd(usual);
	return r < 0 ? r : exchange(move, before, successor);
}

/* Whether there is anything to move: 0, or 1: it is here; or a negative errno. */
static int compare(const struct move *move, const struct before *before)
{
	_cleanup_fd_ int here = -1;

	if (!move->to_here)
		return 0;
	if (!move_is_of_here(move->fd))
		note_namespace(&before->kind);
	here = socket_here(&before->kind);
	if (here < 0)
		return here;
	if (cookies_are_apart(move->fd, here))
		return 0;
	/* It was here from the start; or the kernel is too old to tell. */
	return socket_tells_namespace(here) || !route_current().server ? 1 : -EOPNOTSUPP;
}

/* With a socket from over there, which is consumed where it is put in the other one's place. */
static int move_with(const struct move *move, const struct before *before, int *there)
{
	_cleanup_fd_ int here = socket_here(&before->kind);

	if (here < 0)
		return here;
	return move->to_here ? replace(move, before, there, &here)
			     : replace(move, before, &here, there);
}

/* The broker may take its time: only while it is asked do signal handlers run. */
static int move_once(const struct move *move)
{
	_cleanup_fd_ int there = -1;
	struct before before;
	sigset_t signals;
	int r = look(move, &before);

	if (r < 0)
		return r;
	signals_hold(&signals);
	r = compare(move, &before);
	signals_release(&signals);
	if (r == 0)
		r = check(move, &before);
	if (r != 0)
		return r;
	there = socket_there(move, &before.kind);
	if (there < 0)
		return there;
	signals_hold(&signals);
	r = move_with(move, &before, &there);
	close_fd(&there);
	signals_release(&signals);
	return r;
}

int move_socket(const struct move *move)
{
	int r = move_once(move);

	/* Another thread, or a handler, was faster. */
	if (r < 0 && move_is_marked(move->fd) == move->to_here)
		return move->to_here && !move_is_of_here(move->fd) ? r : 0;
	return r;
}
