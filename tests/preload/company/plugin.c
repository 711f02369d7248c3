/* SPDX-License-Identifier: MIT */
/* A plugin that binds: what host.c opens. */
#include "tests/preload/program.h"

int plugin_bind(int fd, unsigned port);

#ifdef OWN_BIND
/* A function of its own that has that name. */
int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	errno = EDOM;
	return -1;
}
#endif

int plugin_bind(int fd, unsigned port)
{
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	return bind_port(fd, port);
}
