/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_REDIRECT_PROGRAM_H
#define XSOCKET_TESTS_REDIRECT_PROGRAM_H

/*
 * For programs that know nothing of libxredirect, and tell on standard output what they see. Those
 * with a transcript run twice, bare inside the target namespace and under the library outside of
 * it, and have to tell the same. TARGET_COOKIE, OWN_COOKIE and OTHER_COOKIE are the
 * SO_NETNS_COOKIE of the target, of where the program runs under the library, and of a third one.
 */

#include "tests/preload/program.h"

#include <dirent.h>
#include <sys/syscall.h>

/* Here it is about libc's function, not about the kernel's. */
#undef sendmsg

/* A socket of this process's own namespace: no library stands in front of this. */
static inline int raw_socket(int domain, int type, int protocol)
{
	return (int)syscall(SYS_socket, domain, type, protocol);
}

static inline int is_cookie_of(unsigned long long cookie, const char *variable)
{
	const char *text = getenv(variable);

	return cookie != 0 && text && strtoull(text, NULL, 10) == cookie;
}

/* Which namespace a socket is of. */
static inline const char *where(int fd)
{
	unsigned long long cookie = program_cookie(fd);

	if (is_cookie_of(cookie, "TARGET_COOKIE"))
		return "there";
	if (is_cookie_of(cookie, "OTHER_COOKIE"))
		return "other";
	return is_cookie_of(cookie, "OWN_COOKIE") ? "here" : "nowhere";
}

#define WHERE(fd) printf("%s: %s\n", #fd, where(fd))

/* Whether it is of the namespace that the process is in, whichever that is. */
static inline int in_process(int fd)
{
	int fresh = raw_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int same = program_cookie(fd) == program_cookie(fresh);

	close(fresh);
	return same;
}

static inline socklen_t length_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);
}

static inline int connect_to(int fd, int domain, const char *text, unsigned port)
{
	struct sockaddr_storage to = address_of(domain, text, port);

	return connect(fd, (struct sockaddr *)&to, length_of(&to));
}

static inline ssize_t send_to(int fd, const char *data, int domain, const char *text, unsigned port)
{
	struct sockaddr_storage to = address_of(domain, text, port);

	return sendto(fd, data, strlen(data), 0, (struct sockaddr *)&to, length_of(&to));
}

/* Binds to it, though a connection of an earlier run may not be forgotten yet, and listens. */
static inline int listen_to(int fd, int domain, const char *text, unsigned port)
{
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	return bind_to(fd, domain, text, port) < 0 ? -1 : listen(fd, 5);
}

/* Ends the program where the test itself cannot go on. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,                  \
				strerrorname_np(errno));                                           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* How many the process has, also those out of the way that the library holds. */
static inline int all_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = -3;

	MUST(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

#endif
