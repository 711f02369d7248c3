/* SPDX-License-Identifier: MIT */
#include "xredirect/next.h"

#include "preload/next.h"

#include <sys/syscall.h>
#include <unistd.h>

static int socket_by_kernel(int domain, int type, int protocol)
{
	return (int)syscall(SYS_socket, domain, type, protocol);
}

static int connect_by_kernel(int fd, const struct sockaddr *address, socklen_t length)
{
	return (int)syscall(SYS_connect, fd, address, length);
}

static ssize_t sendto_by_kernel(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length)
{
	return syscall(SYS_sendto, fd, data, size, flags, address, length);
}

static ssize_t sendmsg_by_kernel(int fd, const struct msghdr *message, int flags)
{
	return syscall(SYS_sendmsg, fd, message, flags);
}

static int sendmmsg_by_kernel(int fd, struct mmsghdr *messages, unsigned n, sendmmsg_flags flags)
{
	return (int)syscall(SYS_sendmmsg, fd, messages, n, flags);
}

NEXT_DEFINE(int, socket, (int domain, int type, int protocol), (domain, type, protocol),
	socket_by_kernel)
NEXT_DEFINE(int, connect, (int fd, const struct sockaddr *address, socklen_t length),
	(fd, address, length), connect_by_kernel)
NEXT_DEFINE(ssize_t, sendto,
	(int fd, const void *data, size_t size, int flags, const struct sockaddr *address,
		socklen_t length),
	(fd, data, size, flags, address, length), sendto_by_kernel)
NEXT_DEFINE(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
	(fd, message, flags), sendmsg_by_kernel)
NEXT_DEFINE(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned n, sendmmsg_flags flags),
	(fd, messages, n, flags), sendmmsg_by_kernel)

/* There always is one of each of these. */
NEXT_DEFINE(int, pthread_create,
	(pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *),
		void *argument),
	(thread, attributes, start, argument), NULL)
NEXT_DEFINE(int, thrd_create, (thrd_t * thread, thrd_start_t start, void *argument),
	(thread, start, argument), NULL)

#ifdef __GLIBC__

NEXT_DEFINE(int, rcmd,
	(char **host, unsigned short port, const char *local_user, const char *remote_user,
		const char *command, int *ret_stderr),
	(host, port, local_user, remote_user, command, ret_stderr), NULL)
NEXT_DEFINE(int, rcmd_af,
	(char **host, unsigned short port, const char *local_user, const char *remote_user,
		const char *command, int *ret_stderr, sa_family_t family),
	(host, port, local_user, remote_user, command, ret_stderr, family), NULL)
NEXT_DEFINE(int, rexec,
	(char **host, int port, const char *user, const char *password, const char *command,
		int *ret_stderr),
	(host, port, user, password, command, ret_stderr), NULL)
NEXT_DEFINE(int, rexec_af,
	(char **host, int port, const char *user, const char *password, const char *command,
		int *ret_stderr, sa_family_t family),
	(host, port, user, password, command, ret_stderr, family), NULL)
NEXT_DEFINE(int, rresvport, (int *port), (port), NULL)
NEXT_DEFINE(int, rresvport_af, (int *port, sa_family_t family), (port, family), NULL)
NEXT_DEFINE(int, ruserok,
	(const char *host, int superuser, const char *remote_user, const char *local_user),
	(host, superuser, remote_user, local_user), NULL)
NEXT_DEFINE(int, iruserok,
	(uint32_t address, int superuser, const char *remote_user, const char *local_user),
	(address, superuser, remote_user, local_user), NULL)
NEXT_DEFINE(int, iruserok_af,
	(const void *address, int superuser, const char *remote_user, const char *local_user,
		sa_family_t family),
	(address, superuser, remote_user, local_user, family), NULL)
NEXT_DEFINE(int, ruserok_af,
	(const char *host, int superuser, const char *remote_user, const char *local_user,
		sa_family_t family),
	(host, superuser, remote_user, local_user, family), NULL)

#endif
