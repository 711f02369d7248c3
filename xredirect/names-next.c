/* SPDX-License-Identifier: MIT */
#include "xredirect/names-next.h"

#include "preload/next.h"

#include <errno.h>

/*
 * A function of resolver(3). glibc before 2.34 has it in libresolv, with two lines before its name.
 */
#define RESOLVER(name, parameters, arguments, none)                                                \
	int next___##name parameters;                                                              \
	NEXT_DEFINE(int, __##name, parameters, arguments, none)                                    \
	NEXT_DEFINE(int, name, parameters, arguments, next___##name)

/* A libc without these has no program that calls them. */
static int no_resolver(void)
{
	errno = ENOSYS;
	h_errno = NETDB_INTERNAL;
	return -1;
}

static int no_query(const char *name, int class, int type, unsigned char *answer, int size)
{
	return no_resolver();
}

static int no_querydomain(
	const char *name, const char *domain, int class, int type, unsigned char *answer, int size)
{
	return no_resolver();
}

static int no_send(const unsigned char *message, int length, unsigned char *answer, int size)
{
	return no_resolver();
}

NEXT_DEFINE(int, getaddrinfo,
	(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret),
	(node, service, hints, ret), NULL)
NEXT_DEFINE(void, freeaddrinfo, (struct addrinfo * list), (list), NULL)
NEXT_DEFINE(int, getnameinfo,
	(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
		char *service, socklen_t service_size, int flags),
	(address, length, host, host_size, service, service_size, flags), NULL)
NEXT_DEFINE(int, gethostbyname2_r,
	(const char *name, int family, struct hostent *ret, char *buffer, size_t size,
		struct hostent **result, int *h_errno_ret),
	(name, family, ret, buffer, size, result, h_errno_ret), NULL)
NEXT_DEFINE(int, gethostbyaddr_r,
	(const void *address, socklen_t length, int family, struct hostent *ret, char *buffer,
		size_t size, struct hostent **result, int *h_errno_ret),
	(address, length, family, ret, buffer, size, result, h_errno_ret), NULL)
NEXT_DEFINE(int, gethostbyname_r,
	(const char *name, struct hostent *ret, char *buffer, size_t size, struct hostent **result,
		int *h_errno_ret),
	(name, ret, buffer, size, result, h_errno_ret), NULL)
NEXT_DEFINE(struct hostent *, gethostbyname, (const char *name), (name), NULL)
NEXT_DEFINE(struct hostent *, gethostbyname2, (const char *name, int family), (name, family), NULL)
NEXT_DEFINE(struct hostent *, gethostbyaddr, (const void *address, socklen_t length, int family),
	(address, length, family), NULL)
RESOLVER(res_query, (const char *name, int class, int type, unsigned char *answer, int size),
	(name, class, type, answer, size), no_query)
RESOLVER(res_search, (const char *name, int class, int type, unsigned char *answer, int size),
	(name, class, type, answer, size), no_query)
RESOLVER(res_querydomain,
	(const char *name, const char *domain, int class, int type, unsigned char *answer,
		int size),
	(name, domain, class, type, answer, size), no_querydomain)
RESOLVER(res_send, (const unsigned char *message, int length, unsigned char *answer, int size),
	(message, length, answer, size), no_send)

#ifdef __GLIBC__

static int no_nquery(
	res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
	return no_resolver();
}

static int no_nquerydomain(res_state state, const char *name, const char *domain, int class,
	int type, unsigned char *answer, int size)
{
	return no_resolver();
}

static int no_nsend(
	res_state state, const unsigned char *message, int length, unsigned char *answer, int size)
{
	return no_resolver();
}

static int no_init(void)
{
	return no_resolver();
}

static int no_ninit(res_state state)
{
	return no_resolver();
}

/* Before glibc 2.34 it is in libanl, which whoever calls it has loaded. */
static int no_getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *event)
{
	return EAI_SYSTEM;
}

RESOLVER(res_nquery,
	(res_state state, const char *name, int class, int type, unsigned char *answer, int size),
	(state, name, class, type, answer, size), no_nquery)
RESOLVER(res_nsearch,
	(res_state state, const char *name, int class, int type, unsigned char *answer, int size),
	(state, name, class, type, answer, size), no_nquery)
RESOLVER(res_nquerydomain,
	(res_state state, const char *name, const char *domain, int class, int type,
		unsigned char *answer, int size),
	(state, name, domain, class, type, answer, size), no_nquerydomain)
RESOLVER(res_nsend,
	(res_state state, const unsigned char *message, int length, unsigned char *answer,
		int size),
	(state, message, length, answer, size), no_nsend)
NEXT_DEFINE(int, __res_init, (void), (), no_init)
NEXT_DEFINE(int, __res_ninit, (res_state state), (state), no_ninit)
NEXT_DEFINE(void, sethostent, (int stay_open), (stay_open), NULL)
NEXT_DEFINE(struct hostent *, gethostent, (void), (), NULL)
NEXT_DEFINE(int, gethostent_r,
	(struct hostent * ret, char *buffer, size_t size, struct hostent **result,
		int *h_errno_ret),
	(ret, buffer, size, result, h_errno_ret), NULL)
NEXT_DEFINE(void, endhostent, (void), (), NULL)
NEXT_DEFINE(struct netent *, getnetbyname, (const char *name), (name), NULL)
NEXT_DEFINE(int, getnetbyname_r,
	(const char *name, struct netent *ret, char *buffer, size_t size, struct netent **result,
		int *h_errno_ret),
	(name, ret, buffer, size, result, h_errno_ret), NULL)
NEXT_DEFINE(struct netent *, getnetbyaddr, (uint32_t net, int type), (net, type), NULL)
NEXT_DEFINE(int, getnetbyaddr_r,
	(uint32_t net, int type, struct netent *ret, char *buffer, size_t size,
		struct netent **result, int *h_errno_ret),
	(net, type, ret, buffer, size, result, h_errno_ret), NULL)
NEXT_DEFINE(long, gethostid, (void), (), NULL)
NEXT_DEFINE(int, getaddrinfo_a, (int mode, struct gaicb *list[], int n, struct sigevent *event),
	(mode, list, n, event), no_getaddrinfo_a)

#endif
