/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo(3) asks from the namespace the process is in. So this has c-ares, which takes the
 * functions that make and use its sockets from us: every query, also one by TCP after a truncated
 * answer, and the probes by which addresses are sorted, goes through a socket of the source.
 *
 * A channel lives for one look-up. So resolv.conf is read each time, and a change is seen. The
 * hosts file is read here, as c-ares knows only that of /etc before its version 1.19.
 */
#include "bridge/resolve.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <ares.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* For each server, doubled the second time. resolv.conf(5) has 5 s, in which clients give up. */
#define TIMEOUT_MS 1500
#define TRIES	   2

struct lookup {
	const struct resolve_source *source;
	struct resolve_result *result;
	uint16_t port;
	int open_error; /* of the last socket that could not be made */
	bool done, late;
	int status; /* a negative errno */
};

static bool result_add(struct resolve_result *result, const struct netaddr *address)
{
	for (unsigned i = 0; i < result->n; i++) {
		if (netaddr_equal(&result->addresses[i], address))
			return true;
	}
	if (result->n == RESOLVE_ADDRESSES_MAX)
		return false;
	result->addresses[result->n++] = *address;
	return true;
}

/* ---- the hosts file ---- */

static bool line_names(char *names, const char *name)
{
	char *rest = NULL;

	for (char *word = strtok_r(names, " \t\n", &rest); word;
		word = strtok_r(NULL, " \t\n", &rest)) {
		if (strcasecmp(word, name) == 0)
			return true;
	}
	return false;
}

static void look_into_hosts(
	const char *path, const char *name, uint16_t port, struct resolve_result *result)
{
	FILE *file = fopen(path, "re");
	struct netaddr address;
	char *line = NULL, *names;
	size_t size = 0, length;

	if (!file)
		return;
	while (getline(&line, &size, file) >= 0) {
		line[strcspn(line, "#")] = '\0';
		names = line + strspn(line, " \t");
		length = strcspn(names, " \t\n");
		if (!names[length])
			continue;
		names[length] = '\0';
		if (line_names(names + length + 1, name) &&
			netaddr_parse(names, port, &address) == 0)
			result_add(result, &address);
	}
	free(line);
	fclose(file);
}

/* Names that are never asked for (RFC 6761, section 6.3): they mean the namespace itself. */
static void look_for_localhost(const char *name, uint16_t port, struct resolve_result *result)
{
	static const char *const addresses[] = {"127.0.0.1", "::1"};
	const char *last = strrchr(name, '.');
	struct netaddr address;

	if (strcasecmp(last ? last + 1 : name, "localhost") != 0)
		return;
	for (unsigned i = 0; i < 2; i++) {
		netaddr_parse(addresses[i], port, &address);
		result_add(result, &address);
	}
}

/* ---- sockets for c-ares; all of these fail by -1 and errno ---- */

static ares_socket_t socket_open(int domain, int type, int protocol, void *data)
{
	struct lookup *lookup = data;
	int fd = lookup->source->open(lookup->source->data, domain, type);

	if (fd >= 0)
		return fd;
	if (fd != -EAFNOSUPPORT) /* an address of a kind that is not there: others are */
		lookup->open_error = fd;
	errno = -fd;
	return -1;
}

static int socket_close(ares_socket_t fd, void *data)
{
	return close(fd);
}

static int socket_connect(
	ares_socket_t fd, const struct sockaddr *address, ares_socklen_t length, void *data)
{
	return connect(fd, address, length);
}

static ares_ssize_t socket_receive(ares_socket_t fd, void *buffer, size_t size, int flags,
	struct sockaddr *address, ares_socklen_t *length, void *data)
{
	return recvfrom(fd, buffer, size, flags, address, length);
}

static ares_ssize_t socket_send(ares_socket_t fd, const struct iovec *parts, int n, void *data)
{
	struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)n};

	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static const struct ares_socket_functions functions = {
	.asocket = socket_open,
	.aclose = socket_close,
	.aconnect = socket_connect,
	.arecvfrom = socket_receive,
	.asendv = socket_send,
};

/* ---- DNS ---- */

static int errno_of(const struct lookup *lookup, int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
	case ARES_EBADNAME:
		return -ENOENT;
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return lookup->late ? -ETIMEDOUT : -ECANCELED;
	case ARES_ENOMEM:
		return -ENOMEM;
	}
	return lookup->open_error ? lookup->open_error : -EHOSTUNREACH;
}

static void shorten(uint32_t *ttl_s, int other_s)
{
	if (other_s < 0)
		other_s = 0;
	if ((uint32_t)other_s < *ttl_s)
		*ttl_s = (uint32_t)other_s;
}

static void on_answer(void *data, int status, int timeouts, struct ares_addrinfo *info)
{
	struct lookup *lookup = data;
	struct resolve_result *result = lookup->result;

	lookup->done = true;
	lookup->status = errno_of(lookup, status);
	if (lookup->status < 0)
		return;
	result->ttl_s = INT32_MAX;
	for (struct ares_addrinfo_cname *each = info->cnames; each; each = each->next)
		shorten(&result->ttl_s, each->ttl);
	for (struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
		struct netaddr address = {0};

		if (node->ai_addrlen > sizeof(address.in6))
			continue;
		memcpy(&address.sa, node->ai_addr, node->ai_addrlen);
		address.length = node->ai_addrlen;
		netaddr_set_port(&address, lookup->port);
		shorten(&result->ttl_s, node->ai_ttl);
		result_add(result, &address);
	}
	ares_freeaddrinfo(info);
	if (result->n == 0)
		lookup->status = -ENOENT;
}

/* How long there is nothing to do if nothing comes. */
static int patience(ares_channel channel, uint64_t deadline)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC);
	struct timeval longest = {0}, buffer, *next;

	if (now >= deadline)
		return 0;
	longest.tv_sec = (time_t)((deadline - now) / 1000);
	longest.tv_usec = (suseconds_t)((deadline - now) % 1000 * 1000);
	next = ares_timeout(channel, &longest, &buffer);
	return (int)(next->tv_sec * 1000 + (next->tv_usec + 999) / 1000);
}

static void step(struct lookup *lookup, ares_channel channel, uint64_t deadline)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned bits = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM), n = 0;
	struct pollfd polls[ARES_GETSOCK_MAXNUM + 1];

	/* ares_getsock(3)'s bits: its macros shift into the sign */
	for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = (short)((bits & (1u << i) ? POLLIN : 0) |
				       (bits & (1u << (i + ARES_GETSOCK_MAXNUM)) ? POLLOUT : 0));

		if (events)
			polls[n++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	polls[n] = (struct pollfd){.fd = lookup->source->cancel, .events = POLLIN};
	if (poll(polls, n + 1, patience(channel, deadline)) < 0)
		return;
	lookup->late = clock_ms(CLOCK_MONOTONIC) >= deadline;
	if (polls[n].revents || lookup->late) {
		ares_cancel(channel);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (polls[i].revents)
			ares_process_fd(channel,
				polls[i].revents & ~POLLOUT ? polls[i].fd : ARES_SOCKET_BAD,
				polls[i].revents & ~POLLIN ? polls[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what has timed out */
}

static void init_library(void)
{
	ares_library_init(ARES_LIB_INIT_ALL);
}

static int ask_servers(struct lookup *lookup, const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	/* "b": DNS only. c-ares writes to none of these strings. */
	struct ares_options options = {
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.lookups = (char *)"b",
		.resolvconf_path = (char *)lookup->source->resolv_conf,
	};
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	uint64_t deadline = clock_ms(CLOCK_MONOTONIC) + RESOLVE_DEADLINE_MS;
	ares_channel channel;
	int r;

	pthread_once(&once, init_library);
	r = ares_init_options(&channel, &options,
		ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF);
	if (r != ARES_SUCCESS)
		return errno_of(lookup, r);
	ares_set_socket_functions(channel, &functions, lookup);
	ares_getaddrinfo(channel, name, NULL, &hints, on_answer, lookup);
	while (!lookup->done)
		step(lookup, channel, deadline);
	ares_destroy(channel);
	return lookup->status;
}

int resolve_name(const struct resolve_source *source, const char *name, uint16_t port,
	struct resolve_result *ret)
{
	struct lookup lookup = {.source = source, .result = ret, .port = port};

	*ret = (struct resolve_result){.ttl_s = RESOLVE_UNTIMED};
	look_into_hosts(source->hosts, name, port, ret);
	if (ret->n == 0)
		look_for_localhost(name, port, ret);
	return ret->n > 0 ? 0 : ask_servers(&lookup, name);
}
