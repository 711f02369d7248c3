/* SPDX-License-Identifier: MIT */
/*
 * Another preload library, that stands between libxredirect and libc: it calls at_call() of the
 * program after libxredirect has looked at a socket, and before the kernel does; and at_look() when
 * the look is over, and libxredirect does not know yet what was seen.
 */
#include "tests/redirect/program.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

void at_call(const struct sockaddr *address);
void at_look(void);

typedef int connect_function(int, const struct sockaddr *, socklen_t);
typedef ssize_t sendto_function(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
typedef ssize_t sendmsg_function(int, const struct msghdr *, int);

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	connect_function *next = (connect_function *)dlsym(RTLD_NEXT, "connect");

	at_call(address);
	return next(fd, address, length);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
	socklen_t length)
{
	sendto_function *next = (sendto_function *)dlsym(RTLD_NEXT, "sendto");

	at_call(address);
	return next(fd, data, size, flags, address, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	sendmsg_function *next = (sendmsg_function *)dlsym(RTLD_NEXT, "sendmsg");

	at_call(message->msg_name);
	return next(fd, message, flags);
}

int fstat(int fd, struct stat *status)
{
	int r = fstatat(fd, "", status, AT_EMPTY_PATH);

	at_look();
	return r;
}
