/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_PRELOAD_PROGRAM_H
#define XSOCKET_TESTS_PRELOAD_PROGRAM_H

/*
 * For programs that know nothing of libxbind, and tell on standard output what they see. Each is
 * run twice, bare inside the target namespace and under the library outside of it, and has to
 * tell the same. Ports 3000 to 3099 and 0 are in XBIND, 4000 and up are not. TARGET_COOKIE is the
 * SO_NETNS_COOKIE of the target.
 */

#include "tests/musl/libc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Only errno's name depends on the outcome: -1 and which, or the value. */
#define SAY(call) program_say(#call, (call))

static inline void program_say(const char *what, long long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %lld\n", what, result);
	fflush(stdout);
}

static inline unsigned long long program_cookie(int fd)
{
	unsigned long long cookie = 0;
	socklen_t length = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length);
	return cookie;
}

/* Whether the socket is one of the target namespace, which is not this process's. */
static inline int in_target(int fd)
{
	return program_cookie(fd) == strtoull(getenv("TARGET_COOKIE"), NULL, 10);
}

/* Whether the socket is one of this process's own namespace. */
static inline int in_own(int fd)
{
	int fresh = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int same = program_cookie(fd) == program_cookie(fresh);

	close(fresh);
	return same;
}

static inline struct sockaddr_storage address_of(int domain, const char *text, unsigned port)
{
	struct sockaddr_storage address = {.ss_family = (sa_family_t)domain};
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

	in->sin_port = htons((uint16_t)port);
	inet_pton(
		domain, text, domain == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr);
	return address;
}

static inline int bind_to(int fd, int domain, const char *text, unsigned port)
{
	struct sockaddr_storage address = address_of(domain, text, port);

	return bind(fd, (struct sockaddr *)&address,
		domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
}

/* A port of the loopback interface. */
static inline int bind_port(int fd, unsigned port)
{
	return bind_to(fd, AF_INET, "127.0.0.1", port);
}

static inline unsigned port_of(int fd)
{
	struct sockaddr_in6 address = {0};
	socklen_t length = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &length);
	return ntohs(address.sin6_port);
}

/* How many are open, of the numbers that these programs use. */
static inline int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 300; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static inline int get_int(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, name, &value, &length) < 0 ? -1 : value;
}

/* With one byte. Two at the most. */
static inline void send_fds(int channel, const int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr header;
	} control = {0};
	struct iovec byte = {.iov_base = (char[]){'x'}, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	if (sendmsg(channel, &message, 0) != 1)
		exit(1);
}

/* Exactly so many as were sent. */
static inline void receive_fds(int channel, int *fds, size_t n)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr header;
	} control = {0};
	char text;
	struct iovec byte = {.iov_base = &text, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(channel, &message, 0) != 1 || !CMSG_FIRSTHDR(&message) ||
		control.header.cmsg_len != CMSG_LEN(n * sizeof(int)))
		exit(1);
	memcpy(fds, CMSG_DATA(&control.header), n * sizeof(int));
}

#endif
