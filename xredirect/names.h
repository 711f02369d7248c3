/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_NAMES_H
#define XSOCKET_XREDIRECT_NAMES_H

/* What libxredirect does in place of libc's functions that look names up. See names.c. */

#include <netdb.h>
#include <resolv.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

int names_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret);
void names_freeaddrinfo(struct addrinfo *list);
int names_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
	socklen_t host_size, char *service, socklen_t service_size, int flags);

int names_gethostbyname_r(const char *name, int family, struct hostent *ret, char *buffer,
	size_t size, struct hostent **result, int *h_errno_ret);
int names_gethostbyaddr_r(const void *address, socklen_t length, int family, struct hostent *ret,
	char *buffer, size_t size, struct hostent **result, int *h_errno_ret);

/*
 * The rest is for threads that are redirected only, as this tells. The next function in line has
 * to be called otherwise.
 */
bool names_are_elsewhere(void);

/* Those of the two without a buffer: the thread has one. They set h_errno. */
struct hostent *names_gethostbyname(const char *name, int family);
struct hostent *names_gethostbyaddr(const void *address, socklen_t length, int family);

/* The entries of the hosts file, one after the other; each thread begins with the first one. */
struct hostent *names_gethostent(void);
int names_gethostent_r(
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_errno_ret);
void names_sethostent(void);

long names_gethostid(void);

/* Those of resolver(3). They set h_errno, res_send(3) sets errno. */
int names_query(const char *name, int class, int type, unsigned char *answer, int size);
int names_search(const char *name, int class, int type, unsigned char *answer, int size);
int names_querydomain(
	const char *name, const char *domain, int class, int type, unsigned char *answer, int size);
int names_send(const unsigned char *message, int length, unsigned char *answer, int size);

#ifdef __GLIBC__
/* res_init(3) and res_ninit(3), for all threads. */
int names_init(void);
int names_ninit(res_state state);
#endif

#endif
