/* SPDX-License-Identifier: MIT */
#include "tests/resolver/ways.h"

#include "resolver/xsocket-resolver.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <resolv.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *directory, *server;
static int netns_there, netns_here;
static _Thread_local char why[RESOLVER_WHY];

/* ---- libc ---- */

static int native_gethostent_r(off_t *position, struct hostent *ret, char *buffer, size_t size,
	struct hostent **result, int *h_error)
{
#ifdef __GLIBC__
	if ((*position)++ == 0)
		sethostent(0);
	return gethostent_r(ret, buffer, size, result, h_error);
#else
	return ENOSYS;
#endif
}

static int native_query(const char *name, int type, unsigned char *answer, int size, int *h_error)
{
	int r = res_query(name, C_IN, type, answer, size);

	*h_error = h_errno;
	return r;
}

static int native_search(const char *name, int type, unsigned char *answer, int size, int *h_error)
{
	int r = res_search(name, C_IN, type, answer, size);

	*h_error = h_errno;
	return r;
}

static int native_send(const unsigned char *message, int length, unsigned char *answer, int size)
{
	return res_send(message, length, answer, size);
}

static const char *no_why(void)
{
	return "";
}

static const struct way native = {
	.getaddrinfo = getaddrinfo,
	.freeaddrinfo = freeaddrinfo,
	.getnameinfo = getnameinfo,
	.gethostbyname2_r = gethostbyname2_r,
	.gethostbyaddr_r = gethostbyaddr_r,
	.gethostent_r = native_gethostent_r,
	.query = native_query,
	.search = native_search,
	.send = native_send,
	.why = no_why,
};

/* ---- resolver/ ---- */

static int there_socket(void *data, int domain, int type, int protocol)
{
	int fd, r;

	if (setns(netns_there, CLONE_NEWNET) < 0)
		abort();
	fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	r = -errno;
	if (setns(netns_here, CLONE_NEWNET) < 0)
		abort();
	return fd < 0 ? r : fd;
}

/* A file whose name is a number fails with that errno. */
static int there_file(void *data, int which)
{
	static const char *const names[] = {"", "resolv.conf", "hosts", "nsswitch.conf"};
	char path[PATH_MAX], link[16];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, names[which]);
	length = readlink(path, link, sizeof(link) - 1);
	if (length > 0) {
		link[length] = '\0';
		return -atoi(link);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

const struct resolver_source way_source = {
	.socket = there_socket, .file = there_file, .name = "vpn"};

static int there_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	return resolver_getaddrinfo(&way_source, node, service, hints, ret, why);
}

static int there_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
	socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	return resolver_getnameinfo(
		&way_source, address, length, host, host_size, service, service_size, flags, why);
}

static int there_gethostbyname2_r(const char *name, int family, struct hostent *ret, char *buffer,
	size_t size, struct hostent **result, int *h_error)
{
	return resolver_gethostbyname2_r(
		&way_source, name, family, ret, buffer, size, result, h_error, why);
}

static int there_gethostbyaddr_r(const void *address, socklen_t length, int family,
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_error)
{
	return resolver_gethostbyaddr_r(
		&way_source, address, length, family, ret, buffer, size, result, h_error, why);
}

static int there_gethostent_r(off_t *position, struct hostent *ret, char *buffer, size_t size,
	struct hostent **result, int *h_error)
{
	return resolver_gethostent_r(
		&way_source, position, ret, buffer, size, result, h_error, why);
}

static int there_query(const char *name, int type, unsigned char *answer, int size, int *h_error)
{
	return resolver_query(&way_source, name, C_IN, type, answer, size, h_error, why);
}

static int there_search(const char *name, int type, unsigned char *answer, int size, int *h_error)
{
	return resolver_search(&way_source, name, C_IN, type, answer, size, h_error, why);
}

static int there_send(const unsigned char *message, int length, unsigned char *answer, int size)
{
	return resolver_send(&way_source, message, length, answer, size, why);
}

static const char *there_why(void)
{
	return why;
}

/* A list of resolver/ is one that libc can free. */
static const struct way there = {
	.getaddrinfo = there_getaddrinfo,
#ifdef __GLIBC__
	.freeaddrinfo = freeaddrinfo,
#else
	.freeaddrinfo = resolver_freeaddrinfo,
#endif
	.getnameinfo = there_getnameinfo,
	.gethostbyname2_r = there_gethostbyname2_r,
	.gethostbyaddr_r = there_gethostbyaddr_r,
	.gethostent_r = there_gethostent_r,
	.query = there_query,
	.search = there_search,
	.send = there_send,
	.why = there_why,
};

/* ---- libxsocket-resolver.so ---- */

static int broker_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	return xsocket_getaddrinfo(server, node, service, hints, ret);
}

static int broker_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
	socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	return xsocket_getnameinfo(
		server, address, length, host, host_size, service, service_size, flags);
}

static int broker_query(const char *name, int type, unsigned char *answer, int size, int *h_error)
{
	int r = xsocket_res_query(server, name, C_IN, type, answer, size);

	*h_error = h_errno;
	return r;
}

static const struct way broker = {
	.getaddrinfo = broker_getaddrinfo,
	.freeaddrinfo = xsocket_freeaddrinfo,
	.getnameinfo = broker_getnameinfo,
	.query = broker_query,
	.why = xsocket_resolver_why,
};

const struct way *way_of(int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "native") == 0)
		return &native;
	if (argc == 2 && strcmp(argv[0], "broker") == 0) {
		server = *argv[1] ? argv[1] : NULL;
		return &broker;
	}
	if (argc != 3 || strcmp(argv[0], "there") != 0)
		return NULL;
	netns_there = open(argv[1], O_RDONLY | O_CLOEXEC);
	netns_here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	directory = argv[2];
	return &there;
}
