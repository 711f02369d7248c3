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
#include <sys/types.h>

/* Of glibc: not all libcs have names for them. */
#ifndef NETDB_INTERNAL
#define NETDB_INTERNAL (-1)
#define NETDB_SUCCESS  0
#endif

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
	 * which becomes the caller's, or a negative errno. -EOPNOTSUPP: the broker is too old to
	 * hand out files. -ENOENT: the namespace has none, and the look-up goes on as libc does
	 * without: so it must not stand for a broker that is not there (connect to it first).
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
#define RESOLVER_WHY 640

/* In it where servers of the namespace have answered, and could not tell: nothing is wrong here. */
#define RESOLVER_WHY_SERVERS "DNS cannot tell for now"

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

/*
 * As getnameinfo(3). Names of services are those of this machine, names of interfaces those of the
 * namespace. Returns 0 or an EAI_* value, as above.
 */
int resolver_getnameinfo(const struct resolver_source *source, const struct sockaddr *address,
	socklen_t length, char *host, socklen_t host_size, char *service, socklen_t service_size,
	int flags, char why[RESOLVER_WHY]);

/*
 * As gethostbyname2_r(3) and gethostbyaddr_r(3): *ret and what it points to are in buffer, *result
 * is ret or NULL.
 *
 * Returns 0 with *result, 0 without where it is certain that there is nothing (*h_error is
 * HOST_NOT_FOUND, NO_DATA or NO_RECOVERY), or an errno: ERANGE: the buffer is too small; EAGAIN:
 * no server could tell (TRY_AGAIN); otherwise *h_error is NETDB_INTERNAL.
 */
int resolver_gethostbyname2_r(const struct resolver_source *source, const char *name, int family,
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_error,
	char why[RESOLVER_WHY]);
int resolver_gethostbyaddr_r(const struct resolver_source *source, const void *address,
	socklen_t length, int family, struct hostent *ret, char *buffer, size_t size,
	struct hostent **result, int *h_error, char why[RESOLVER_WHY]);

/*
 * As gethostent_r(3): the next entry of the namespace's hosts file. *position is 0 for the first
 * one, and is moved along when there is one. Returns what the two above do.
 */
int resolver_gethostent_r(const struct resolver_source *source, off_t *position,
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_error,
	char why[RESOLVER_WHY]);

/*
 * As res_query(3) and res_search(3). Returns the length of the answer, or -1 and *h_error; an
 * answer that says that there is nothing is in the buffer all the same. One that does not fit is
 * cut, has its bit for that set (TC), and size is returned.
 */
int resolver_query(const struct resolver_source *source, const char *name, int class, int type,
	unsigned char *answer, int size, int *h_error, char why[RESOLVER_WHY]);
int resolver_search(const struct resolver_source *source, const char *name, int class, int type,
	unsigned char *answer, int size, int *h_error, char why[RESOLVER_WHY]);

/*
 * As res_send(3): sends a message as it is. Returns the length of the answer, cut as above, or -1
 * and errno: EINVAL (no message of DNS), ETIMEDOUT, ECONNREFUSED, or as the source fails.
 */
int resolver_send(const struct resolver_source *source, const unsigned char *message, int length,
	unsigned char *answer, int size, char why[RESOLVER_WHY]);

#endif
