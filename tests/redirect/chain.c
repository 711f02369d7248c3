/* SPDX-License-Identifier: MIT */
/*
 * Another preload library that stands in front of socket(2) and connect(2), and makes a socket in
 * its constructor: before libxredirect's own one where that comes first in LD_PRELOAD.
 */
#include "tests/redirect/program.h"

#include <dlfcn.h>

typedef int socket_function(int, int, int);
typedef int connect_function(int, const struct sockaddr *, socklen_t);

static int sockets, connects;

int socket(int domain, int type, int protocol)
{
	socket_function *next = (socket_function *)dlsym(RTLD_NEXT, "socket");

	sockets++;
	return next(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	connect_function *next = (connect_function *)dlsym(RTLD_NEXT, "connect");

	connects++;
	return next(fd, address, length);
}

__attribute__((constructor)) static void chain_init(void)
{
	socket_function *first = (socket_function *)dlsym(RTLD_DEFAULT, "socket");
	int fd = first(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fprintf(stderr, "early: %s\n", where(fd));
	close(fd);
}

__attribute__((destructor)) static void chain_end(void)
{
	fprintf(stderr, "sockets: %d, connects: %d\n", sockets > 0, connects > 0);
}
