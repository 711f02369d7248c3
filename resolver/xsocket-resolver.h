/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_H
#define XSOCKET_RESOLVER_H

/*
 * Names, looked up inside the network namespace of a broker (xsocket-server(8)): by the
 * resolv.conf, hosts and nsswitch.conf of that namespace, and by sockets of it. Nothing is asked
 * anywhere else.
 *
 * SERVER names the broker as in xsocket.h: NULL is that of the calling thread's current context, or
 * the default one. The functions answer as those of libc with the same name do in a process inside.
 * Of the sources in nsswitch.conf only files and dns are asked: others look from another namespace.
 *
 * DNS is asked by c-ares (libcares.so.2), which is loaded when it is needed first.
 *
 * Safe in threads, and in a child after fork(2); not in signal handlers, since all of this
 * allocates memory. Nothing is kept between calls. No function is a cancellation point, waits
 * longer than about 30 seconds plus 10 for a broker that does not answer, or changes errno when it
 * succeeds.
 *
 * EAI_* values have their usual meaning (getaddrinfo(3)). Those that say more here:
 *
 *   EAI_AGAIN   no name server of the namespace answered, or none could tell for now; or there is
 * no c-ares on this machine EAI_SYSTEM  the broker could not be asked for a file or a socket: errno
 * is one of those in xsocket.h. EINVAL: SERVER is empty, "." or ".."; ENOENT: there is no such
 * broker; EACCES: the caller may not ask it, or it hands out no UDP sockets (AllowSockets=) or no
 * files for resolvers (AllowResolver=); EOPNOTSUPP: the broker is older than 2.1 EAI_MEMORY  out of
 * memory
 *
 * xsocket_resolver_why() has more to say about each of these.
 */

#include <netdb.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As getaddrinfo(3). IPv6 addresses of a link have the number that their interface has in the
 * namespace, which AI_ADDRCONFIG and the order of the addresses are about, too. Names of services
 * are those of this machine.
 *
 * Returns 0 or an EAI_* value. The list is to be freed by xsocket_freeaddrinfo().
 */
int xsocket_getaddrinfo(const char *server, const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **res);

/* Frees a list of xsocket_getaddrinfo(). NULL is allowed. */
void xsocket_freeaddrinfo(struct addrinfo *res);

/*
 * As getnameinfo(3): the names of a host and a service. Returns 0 or an EAI_* value, which may also
 * be EAI_OVERFLOW: a name does not fit.
 */
int xsocket_getnameinfo(const char *server, const struct sockaddr *addr, socklen_t addrlen,
	char *host, socklen_t hostlen, char *serv, socklen_t servlen, int flags);

/*
 * As res_query(3): asks DNS for records of a class and a type, which are numbers (C_IN, T_MX in
 * <arpa/nameser.h>), and writes the answer as it came.
 *
 * Returns its length, or -1 and h_errno: HOST_NOT_FOUND, NO_DATA, TRY_AGAIN, NO_RECOVERY (also:
 * this is no name, or there is no room for the header of a message), or NETDB_INTERNAL and errno
 * where EAI_SYSTEM would be returned. An answer that does not fit is cut, and has its TC bit set.
 */
int xsocket_res_query(const char *server, const char *dname, int rr_class, int rr_type,
	unsigned char *answer, int anslen);

/*
 * What was wrong with the last look-up of the calling thread, and what to do about it: one line
 * without a newline, for a person. "" after a success, and where the error says it all, as that
 * there is no such name. Valid until the thread calls a function of this library again.
 */
const char *xsocket_resolver_why(void);

#ifdef __cplusplus
}
#endif

#endif
