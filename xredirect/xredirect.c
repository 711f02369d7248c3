/* SPDX-License-Identifier: MIT */
/*
 * libxredirect.so: the internet sockets of a program are a broker's, from the call of socket(2) on
 * (source.c), but for those that XREDIRECT_LOCAL keeps here (destination.c). Names are looked up
 * over there as well (hooks-names.c), and by nobody else (guard.c).
 *
 * Each interposed call has three names: `socket` is exported and has one line, `xredirect_socket`
 * has the logic, `next_socket` is the function that would have been called without this library.
 *
 * The program may be anything: threads, forks and signal handlers meet here without locks, no
 * memory is allocated, and where nothing is to be redirected no system call is made. Where it
 * is and cannot be, the call fails: there is never a socket of this namespace instead.
 */
#include "xredirect/bound.h"
#include "xredirect/destination.h"
#include "xredirect/guard.h"
#include "xredirect/next.h"
#include "xredirect/route.h"
#include "xredirect/source.h"
#include "xredirect/thread.h"

#include "preload/journal.h"
#include "preload/memory.h"
#include "preload/next.h"
#include "preload/plugins.h"

#include "common/export.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

const char *const plugins_hooks[] = {"__connect", "__open64_2", "__open_2", "__openat64_2",
	"__openat_2", "__res_init", "__res_ninit", "__res_nquery", "__res_nquerydomain",
	"__res_nsearch", "__res_nsend", "__res_query", "__res_querydomain", "__res_search",
	"__res_send", "bind", "connect", "endhostent", "fopen", "fopen64", "freeaddrinfo",
	"freeifaddrs", "getaddrinfo", "getaddrinfo_a", "gethostbyaddr", "gethostbyaddr_r",
	"gethostbyname", "gethostbyname2", "gethostbyname2_r", "gethostbyname_r", "gethostent",
	"gethostent_r", "gethostid", "getifaddrs", "getnameinfo", "getnetbyaddr", "getnetbyaddr_r",
	"getnetbyname", "getnetbyname_r", "if_freenameindex", "if_indextoname", "if_nameindex",
	"if_nametoindex", "iruserok", "iruserok_af", "open", "open64", "openat", "openat64",
	"pthread_create", "rcmd", "rcmd_af", "res_nquery", "res_nquerydomain", "res_nsearch",
	"res_nsend", "res_query", "res_querydomain", "res_search", "res_send", "rexec", "rexec_af",
	"rresvport", "rresvport_af", "ruserok", "ruserok_af", "sendmmsg", "sendmsg", "sendto",
	"sethostent", "setsockopt", "socket", "thrd_create", NULL};
_Static_assert(sizeof(plugins_hooks) / sizeof(plugins_hooks[0]) <= PLUGINS_HOOKS_MAX + 1,
	"plugins.c has room for fewer");
const char plugins_harm[] = "sockets that it makes are not redirected";

/* Sets errno for a call that must not be made. */
static int refuse(int error)
{
	errno = error;
	return -1;
}

static int xredirect_socket(int domain, int type, int protocol)
{
	int saved_errno = errno, r;
	struct route route;

	if (!source_is_for(domain, protocol))
		return next_socket(domain, type, protocol);
	route = route_current();
	if (!route_is_elsewhere(&route))
		return next_socket(domain, type, protocol);
	r = source_socket(&route, "socket()", domain, type, protocol);
	if (r < 0)
		return refuse(-r);
	errno = saved_errno;
	return r;
}

/* Whether connect(2) is to make a socket forget its peer. */
static bool dissolves(const struct sockaddr *address, socklen_t length)
{
	sa_family_t family;

	if (length < sizeof(family) || memory_readable(address, sizeof(family)) != sizeof(family))
		return false;
	memcpy(&family, address, sizeof(family));
	return family == AF_UNSPEC;
}

static int xredirect_connect(
	int fd, const struct sockaddr *address, socklen_t length, const void *caller)
{
	struct route route = route_current();
	struct use use;
	int r;

	if (route_is_elsewhere(&route) && guard_refuses(address, length, caller))
		return refuse(ENOENT);
	if (destination_matters() && dissolves(address, length))
		destination_dissolve(fd);
	r = destination_settle(fd, address, length, DESTINATION_CONNECT, &use);
	if (r < 0)
		return refuse(-r);
	r = next_connect(fd, address, length);
	uses_end(&use);
	return r;
}

static int xredirect_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	struct use use;
	int r = destination_settle(fd, address, length, DESTINATION_BIND, &use);

	if (r < 0)
		return refuse(-r);
	r = next_bind(fd, address, length);
	if (r < 0)
		bound_failed(fd);
	uses_end(&use);
	return r;
}

/* What a call that sends does with an address. */
static enum destination_call sending(unsigned flags)
{
	return flags & MSG_FASTOPEN ? DESTINATION_CONNECT : DESTINATION_SEND;
}

static ssize_t xredirect_sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length)
{
	struct use use;
	int r = destination_settle(fd, address, length, sending((unsigned)flags), &use);
	ssize_t sent;

	if (r < 0)
		return refuse(-r);
	sent = next_sendto(fd, data, size, flags, address, length);
	uses_end(&use);
	return sent;
}

/* As the kernel takes it: what is too long is cut off. */
static socklen_t name_length(const struct msghdr *message)
{
	return message->msg_namelen > sizeof(struct sockaddr_storage) &&
			       message->msg_namelen <= INT_MAX
		       ? sizeof(struct sockaddr_storage)
		       : message->msg_namelen;
}

static int settle_message(int fd, const struct msghdr *message, unsigned flags, struct use *use)
{
	return destination_settle(fd, message->msg_name, name_length(message), sending(flags), use);
}

static ssize_t xredirect_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct use use = {.place = USE_NONE};
	ssize_t sent;
	int r = 0;

	if (destination_matters() && memory_readable(message, sizeof(*message)) == sizeof(*message))
		r = settle_message(fd, message, (unsigned)flags, &use);
	if (r < 0)
		return refuse(-r);
	sent = next_sendmsg(fd, message, flags);
	uses_end(&use);
	return sent;
}

/* How many messages there are for the same side as the first one, at most n. */
static unsigned messages_same(const struct mmsghdr *messages, unsigned n)
{
	const struct msghdr *first = &messages->msg_hdr;
	unsigned same = 1;

	for (; same < n; same++) {
		const struct msghdr *each = &messages[same].msg_hdr;

		/* The kernel finds that out when it gets there. */
		if (memory_readable(each, sizeof(*each)) != sizeof(*each) ||
			!destination_same(first->msg_name, name_length(first), each->msg_name,
				name_length(each)))
			break;
	}
	return same;
}

/* Sends as many as are for the same side as the first one, as a kernel that was interrupted. */
static int xredirect_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, sendmmsg_flags flags)
{
	struct use use;
	int r;

	if (!destination_matters() || n == 0 ||
		memory_readable(messages, sizeof(*messages)) != sizeof(*messages))
		return next_sendmmsg(fd, messages, n, flags);
	r = settle_message(fd, &messages->msg_hdr, (unsigned)flags, &use);
	if (r < 0)
		return refuse(-r);
	r = next_sendmmsg(fd, messages, messages_same(messages, n), flags);
	uses_end(&use);
	return r;
}

/* Only for what may have to be repeated on another socket. */
static int xredirect_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	int r = next_setsockopt(fd, level, name, value, length);

	if (r == 0 && destination_matters())
		journal_observe(fd, level, name, value, length);
	return r;
}

EXPORT int socket(int domain, int type, int protocol)
{
	return xredirect_socket(domain, type, protocol);
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return xredirect_connect(fd, address, length, __builtin_return_address(0));
}

#ifdef __GLIBC__
/* Its other name there. */
EXPORT extern __typeof__(connect) __connect __attribute__((alias("connect")));
#endif

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	return xredirect_bind(fd, address, length);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length)
{
	return xredirect_sendto(fd, data, size, flags, address, length);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return xredirect_sendmsg(fd, message, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, sendmmsg_flags flags)
{
	return xredirect_sendmmsg(fd, messages, n, flags);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	return xredirect_setsockopt(fd, level, name, value, length);
}

EXPORT int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	return thread_create(thread, attributes, start, argument);
}

EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
	return thread_create_c11(thread, start, argument);
}

EXPORT void *dlopen(const char *file, int flags)
{
	if (plugins_is_deep(file, flags, __builtin_return_address(0)))
		return plugins_open(file, flags);
	/* A tail call: preload/plugins.h. */
	return next_dlopen(file, flags);
}
