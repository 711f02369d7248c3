/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_WAYS_H
#define XSOCKET_TESTS_WAYS_H

/* The ways in which names are looked up, behind one interface: that of resolver.h, as libc has it.
 */

#include "resolver/resolver.h"

/* A NULL: this way has no such function. */
struct way {
	__typeof__(getaddrinfo) *getaddrinfo;
	void (*freeaddrinfo)(struct addrinfo *list);
	int (*getnameinfo)(const struct sockaddr *address, socklen_t length, char *host,
		socklen_t host_size, char *service, socklen_t service_size, int flags);
	int (*gethostbyname2_r)(const char *name, int family, struct hostent *ret, char *buffer,
		size_t size, struct hostent **result, int *h_error);
	int (*gethostbyaddr_r)(const void *address, socklen_t length, int family,
		struct hostent *ret, char *buffer, size_t size, struct hostent **result,
		int *h_error);
	/* position: where it goes on; 0: at the beginning */
	int (*gethostent_r)(off_t *position, struct hostent *ret, char *buffer, size_t size,
		struct hostent **result, int *h_error);
	int (*query)(const char *name, int type, unsigned char *answer, int size, int *h_error);
	int (*search)(const char *name, int type, unsigned char *answer, int size, int *h_error);
	int (*send)(const unsigned char *message, int length, unsigned char *answer, int size);
	const char *(*why)(void); /* of the last call */
};

/*
 *   native                   libc, in this namespace
 *   there NETNS DIRECTORY    resolver/, in another one, with the files of a directory
 *   broker SERVER            libxsocket-resolver.so
 *
 * Returns NULL for anything else.
 */
const struct way *way_of(int argc, char **argv);

/* That of "there". */
extern const struct resolver_source way_source;

#endif
