/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_NAMES_NEXT_H
#define XSOCKET_XREDIRECT_NAMES_NEXT_H

/* As preload/next.h, for the functions that look names up. */

#include "resolver/resolver.h"

#include <netdb.h>
#include <resolv.h>
#include <sys/socket.h>

int next_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret);
void next_freeaddrinfo(struct addrinfo *list);
int next_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
	socklen_t host_size, char *service, socklen_t service_size, int flags);
int next_gethostbyname2_r(const char *name, int family, struct hostent *ret, char *buffer,
	size_t size, struct hostent **result, int *h_errno_ret);
int next_gethostbyaddr_r(const void *address, socklen_t length, int family, struct hostent *ret,
	char *buffer, size_t size, struct hostent **result, int *h_errno_ret);
struct hostent *next_gethostbyname(const char *name);
struct hostent *next_gethostbyname2(const char *name, int family);
int next_gethostbyname_r(const char *name, struct hostent *ret, char *buffer, size_t size,
	struct hostent **result, int *h_errno_ret);
struct hostent *next_gethostbyaddr(const void *address, socklen_t length, int family);

int next_res_query(const char *name, int class, int type, unsigned char *answer, int size);
int next_res_search(const char *name, int class, int type, unsigned char *answer, int size);
int next_res_querydomain(
	const char *name, const char *domain, int class, int type, unsigned char *answer, int size);
int next_res_send(const unsigned char *message, int length, unsigned char *answer, int size);

#ifdef __GLIBC__
int next___res_init(void);
int next___res_ninit(res_state state);
int next_res_nquery(
	res_state state, const char *name, int class, int type, unsigned char *answer, int size);
int next_res_nsearch(
	res_state state, const char *name, int class, int type, unsigned char *answer, int size);
int next_res_nquerydomain(res_state state, const char *name, const char *domain, int class,
	int type, unsigned char *answer, int size);
int next_res_nsend(
	res_state state, const unsigned char *message, int length, unsigned char *answer, int size);
void next_sethostent(int stay_open);
struct hostent *next_gethostent(void);
int next_gethostent_r(
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_errno_ret);
void next_endhostent(void);
struct netent *next_getnetbyname(const char *name);
int next_getnetbyname_r(const char *name, struct netent *ret, char *buffer, size_t size,
	struct netent **result, int *h_errno_ret);
struct netent *next_getnetbyaddr(uint32_t net, int type);
int next_getnetbyaddr_r(uint32_t net, int type, struct netent *ret, char *buffer, size_t size,
	struct netent **result, int *h_errno_ret);
long next_gethostid(void);
int next_getaddrinfo_a(int mode, struct gaicb *list[], int n, struct sigevent *event);
#endif

#endif
