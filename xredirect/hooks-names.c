/* SPDX-License-Identifier: MIT */
/*
 * The functions that look names up, as programs see them. What they do is in names.c. Those that
 * answer in memory of libc's, and those of resolver(3), have to go to libc where the thread is not
 * redirected, so this is decided here.
 */
#include "xredirect/names-next.h"
#include "xredirect/names.h"

#include "preload/report.h"

#include "common/export.h"

#include <errno.h>
#include <unistd.h>

EXPORT int getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	return names_getaddrinfo(node, service, hints, ret);
}

EXPORT void freeaddrinfo(struct addrinfo *list)
{
	names_freeaddrinfo(list);
}

EXPORT int getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
	socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	return names_getnameinfo(address, length, host, host_size, service, service_size, flags);
}

EXPORT struct hostent *gethostbyname(const char *name)
{
	return names_are_elsewhere() ? names_gethostbyname(name, AF_INET)
				     : next_gethostbyname(name);
}

EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
	return names_are_elsewhere() ? names_gethostbyname(name, family)
				     : next_gethostbyname2(name, family);
}

EXPORT int gethostbyname_r(const char *name, struct hostent *ret, char *buffer, size_t size,
	struct hostent **result, int *h_errno_ret)
{
	if (!names_are_elsewhere())
		return next_gethostbyname_r(name, ret, buffer, size, result, h_errno_ret);
	return names_gethostbyname_r(name, AF_INET, ret, buffer, size, result, h_errno_ret);
}

EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *ret, char *buffer,
	size_t size, struct hostent **result, int *h_errno_ret)
{
	return names_gethostbyname_r(name, family, ret, buffer, size, result, h_errno_ret);
}

EXPORT struct hostent *gethostbyaddr(const void *address, socklen_t length, int family)
{
	return names_are_elsewhere() ? names_gethostbyaddr(address, length, family)
				     : next_gethostbyaddr(address, length, family);
}

EXPORT int gethostbyaddr_r(const void *address, socklen_t length, int family, struct hostent *ret,
	char *buffer, size_t size, struct hostent **result, int *h_errno_ret)
{
	return names_gethostbyaddr_r(
		address, length, family, ret, buffer, size, result, h_errno_ret);
}

EXPORT int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
	return names_are_elsewhere() ? names_query(name, class, type, answer, size)
				     : next_res_query(name, class, type, answer, size);
}

EXPORT int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
	return names_are_elsewhere() ? names_search(name, class, type, answer, size)
				     : next_res_search(name, class, type, answer, size);
}

EXPORT int res_querydomain(
	const char *name, const char *domain, int class, int type, unsigned char *answer, int size)
{
	return names_are_elsewhere()
		       ? names_querydomain(name, domain, class, type, answer, size)
		       : next_res_querydomain(name, domain, class, type, answer, size);
}

EXPORT int res_send(const unsigned char *message, int length, unsigned char *answer, int size)
{
	return names_are_elsewhere() ? names_send(message, length, answer, size)
				     : next_res_send(message, length, answer, size);
}

#ifdef __GLIBC__

/* What programs call that were built with a glibc before 2.34, where resolv.h has these names. */
#if defined(__has_attribute) && __has_attribute(copy)
#define OTHER_NAME(name, of) EXPORT extern __typeof__(of) name __attribute__((alias(#of), copy(of)))
#else
#define OTHER_NAME(name, of) EXPORT extern __typeof__(of) name __attribute__((alias(#of)))
#endif

OTHER_NAME(__res_query, res_query);
OTHER_NAME(__res_search, res_search);
OTHER_NAME(__res_querydomain, res_querydomain);
OTHER_NAME(__res_send, res_send);

/* Those with a state of the program's, of which nothing counts over there. */

EXPORT int res_nquery(
	res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
	return names_are_elsewhere() ? names_query(name, class, type, answer, size)
				     : next_res_nquery(state, name, class, type, answer, size);
}

EXPORT int res_nsearch(
	res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
	return names_are_elsewhere() ? names_search(name, class, type, answer, size)
				     : next_res_nsearch(state, name, class, type, answer, size);
}

EXPORT int res_nquerydomain(res_state state, const char *name, const char *domain, int class,
	int type, unsigned char *answer, int size)
{
	return names_are_elsewhere()
		       ? names_querydomain(name, domain, class, type, answer, size)
		       : next_res_nquerydomain(state, name, domain, class, type, answer, size);
}

EXPORT int res_nsend(
	res_state state, const unsigned char *message, int length, unsigned char *answer, int size)
{
	return names_are_elsewhere() ? names_send(message, length, answer, size)
				     : next_res_nsend(state, message, length, answer, size);
}

OTHER_NAME(__res_nquery, res_nquery);
OTHER_NAME(__res_nsearch, res_nsearch);
OTHER_NAME(__res_nquerydomain, res_nquerydomain);
OTHER_NAME(__res_nsend, res_nsend);

/* resolv.h calls them by these names, and libc has no others. */

EXPORT int __res_init(void)
{
	return names_init();
}

EXPORT int __res_ninit(res_state state)
{
	return names_ninit(state);
}

EXPORT void sethostent(int stay_open)
{
	if (names_are_elsewhere())
		names_sethostent();
	else
		next_sethostent(stay_open);
}

EXPORT struct hostent *gethostent(void)
{
	return names_are_elsewhere() ? names_gethostent() : next_gethostent();
}

EXPORT int gethostent_r(
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_errno_ret)
{
	return names_are_elsewhere() ? names_gethostent_r(ret, buffer, size, result, h_errno_ret)
				     : next_gethostent_r(ret, buffer, size, result, h_errno_ret);
}

EXPORT void endhostent(void)
{
	if (names_are_elsewhere())
		names_sethostent();
	else
		next_endhostent();
}

EXPORT long gethostid(void)
{
	return names_are_elsewhere() ? names_gethostid() : next_gethostid();
}

/* It asks in threads of libc's own, which no hook is in. */
EXPORT int getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *event)
{
	if (!names_are_elsewhere())
		return next_getaddrinfo_a(mode, list, n, event);
	report(REPORT_ERROR, "getaddrinfo_a() is not redirected, and fails: the program must use "
			     "getaddrinfo()");
	errno = ENOSYS;
	return EAI_SYSTEM;
}

#endif
