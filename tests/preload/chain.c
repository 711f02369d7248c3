/* SPDX-License-Identifier: MIT */
/*
 * Another preload library that stands in front of bind(2), and binds in its constructor: before
 * libxbind's own one where that comes first in LD_PRELOAD.
 */
#include "tests/preload/program.h"

#include <dlfcn.h>

typedef int bind_function(int, const struct sockaddr *, socklen_t);

static int calls;

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	bind_function *next = (bind_function *)dlsym(RTLD_NEXT, "bind");

	calls++;
	return next(fd, address, length);
}

__attribute__((constructor)) static void chain_init(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bind_function *first = (bind_function *)dlsym(RTLD_DEFAULT, "bind");
	struct sockaddr_storage address = address_of(AF_INET, "127.0.0.1", 3095);

	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	first(fd, (struct sockaddr *)&address, sizeof(struct sockaddr_in));
	fprintf(stderr, "early: %d %d\n", in_target(fd), get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	close(fd);
}

__attribute__((destructor)) static void chain_end(void)
{
	fprintf(stderr, "calls: %d\n", calls > 5);
}
