/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_RESOLVER_H
#define XSOCKET_RESOLVER_RESOLVER_H

/*
 * Names looked up inside a network namespace by a process that is outside: from the files of that
 * namespace, and by sockets of it. The functions answer as those of glibc do inside.
 *
 * For use within any program: nothing is printed, no signal is sent or waited for, no state is kept
 * between calls. They are no cancellation points, and may be called by any thread, also in a child
 * after fork(2); not by signal handlers, as they allocate memory. Each ends within 30 seconds, and
 * the time that the source takes for one socket. Errno is left alone on success.
 */

#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

/* Which file, for resolver_source.file. */
enum resolver_file {
	RESOLVER_RESOLV_CONF = 1,
	RESOLVER_HOSTS = 2,
	RESOLVER_NSSWITCH_CONF = 3,
};

/* Where the namespace is to be had. It is used by the calling thread only, until the call ends. */
struct resolver_source {
	/*
	 * A close-on-exec, non-blocking socket of the namespace as by socket(2), which becomes the
	 * caller's, or a negative errno.
	 */
	int (*socket)(void *data, int domain, int type, int protocol);
	/*
	 * A read-only, close-on-exec descriptor of the namespace's own file (enum resolver_file),
	 * which becomes the caller's, or a negative errno. -ENOENT: it has none; -EOPNOTSUPP: the
	 * broker is too old to hand out files.
	 */
	int (*file)(void *data, int which);
	void *data;
	const char *name; /* of the broker, for messages; NULL: the default one */
};

/*
 * Each function has a last argument `why`: NULL, or room for this many bytes. It becomes one line
 * without a newline that says what failed and what to do about it; or "", on success and where
 * the answer speaks for itself, such as that there is no such name.
 */
#define RESOLVER_WHY 320

/*
 * As getaddrinfo(3). The list is one that freeaddrinfo(3) of glibc can free, and
 * resolver_freeaddrinfo() of this library with any libc.
 *
 * Returns 0 or an EAI_* value. EAI_SYSTEM, with errno: a file or a socket could not be had from
 * the source, and no other way led to the name. EAI_AGAIN: no server of the namespace answered or
 * could tell, or there is no c-ares here to ask with.
 */
int resolver_getaddrinfo(const struct resolver_source *source, const char *node,
	const char *service, const struct addrinfo *hints, struct addrinfo **ret,
	char why[RESOLVER_WHY]);
void resolver_freeaddrinfo(struct addrinfo *list);

#endif
