/* SPDX-License-Identifier: MIT */
#include "bridge/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_HEAD ((socklen_t)offsetof(struct sockaddr_un, sun_path))

/* The number of an interface that is given by name or number. */
static int parse_zone(const char *zone, uint32_t *ret)
{
	unsigned long number;
	char *end;

	if (zone[0] >= '0' && zone[0] <= '9') {
		errno = 0;
		number = strtoul(zone, &end, 10);
		if (!errno && !*end && number > 0 && number <= UINT32_MAX) {
			*ret = (uint32_t)number;
			return 0;
		}
	}
	if (!zone[0] || strlen(zone) >= IF_NAMESIZE)
		return -EINVAL;
	*ret = if_nametoindex(zone);
	return *ret ? 0 : -ENODEV;
}

int netaddr_parse(const char *host, uint16_t port, struct netaddr *ret)
{
	struct netaddr address = {0};
	char text[INET6_ADDRSTRLEN];
	size_t length = strcspn(host, "%");
	int r;

	if (length >= sizeof(text))
		return -EINVAL;
	memcpy(text, host, length);
	text[length] = '\0';
	if (!host[length] && inet_pton(AF_INET, text, &address.in.sin_addr) == 1) {
		address.in.sin_family = AF_INET;
		address.in.sin_port = htons(port);
		address.length = sizeof(address.in);
		*ret = address;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &address.in6.sin6_addr) != 1)
		return -EINVAL;
	address.in6.sin6_family = AF_INET6;
	address.in6.sin6_port = htons(port);
	address.length = sizeof(address.in6);
	if (host[length]) {
		r = parse_zone(host + length + 1, &address.in6.sin6_scope_id);
		if (r < 0)
			return r;
	}
	*ret = address;
	return 0;
}

struct netaddr netaddr_of_unix(const char *path)
{
	struct netaddr address = {.un.sun_family = AF_UNIX};
	size_t length = strnlen(path, sizeof(address.un.sun_path));

	memcpy(address.un.sun_path, path, length);
	address.length = UNIX_HEAD + (socklen_t)length;
	if (path[0] == '@')
		address.un.sun_path[0] = '\0';
	else if (length < sizeof(address.un.sun_path))
		address.length++; /* the NUL byte */
	return address;
}

/* What a peer named its socket is its own choice: nothing of it may disturb a terminal or a log. */
static const char *unix_text(const struct netaddr *address, char text[NETADDR_TEXT_SIZE])
{
	size_t length, used;

	if (address->length <= UNIX_HEAD)
		return "unix";
	length = address->length - UNIX_HEAD;
	if (length > sizeof(address->un.sun_path))
		length = sizeof(address->un.sun_path);
	if (address->un.sun_path[0])
		length = strnlen(address->un.sun_path, length);
	used = strlen(strcpy(text, "unix:"));
	for (size_t i = 0; i < length; i++) {
		char c = address->un.sun_path[i];

		if (i == 0 && c == '\0')
			c = '@';
		else if ((unsigned char)c < ' ' || c == 0x7f)
			c = '?';
		text[used++] = c;
	}
	text[used] = '\0';
	return text;
}

const char *netaddr_text(const struct netaddr *address, char text[NETADDR_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN], zone[16] = "";

	if (address->length == 0)
		return "nobody";
	switch (address->sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		snprintf(text, NETADDR_TEXT_SIZE, "%s:%u", host, netaddr_port(address));
		return text;
	case AF_INET6:
		inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
		if (address->in6.sin6_scope_id)
			snprintf(zone, sizeof(zone), "%%%u", (unsigned)address->in6.sin6_scope_id);
		snprintf(text, NETADDR_TEXT_SIZE, "[%s%s]:%u", host, zone, netaddr_port(address));
		return text;
	case AF_UNIX:
		return unix_text(address, text);
	}
	return "nobody";
}

uint16_t netaddr_port(const struct netaddr *address)
{
	if (address->length == 0)
		return 0;
	if (address->sa.sa_family == AF_INET)
		return ntohs(address->in.sin_port);
	if (address->sa.sa_family == AF_INET6)
		return ntohs(address->in6.sin6_port);
	return 0;
}

void netaddr_set_port(struct netaddr *address, uint16_t port)
{
	if (address->length == 0)
		return;
	if (address->sa.sa_family == AF_INET)
		address->in.sin_port = htons(port);
	else if (address->sa.sa_family == AF_INET6)
		address->in6.sin6_port = htons(port);
}

static bool equal_in6(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	return a->sin6_port == b->sin6_port && a->sin6_scope_id == b->sin6_scope_id &&
	       memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
}

/* A path may be counted with or without the NUL byte behind it (unix(7)). */
static socklen_t unix_length(const struct netaddr *address)
{
	socklen_t length = address->length;

	if (length <= UNIX_HEAD)
		return 0;
	length -= UNIX_HEAD;
	if (length > sizeof(address->un.sun_path))
		length = sizeof(address->un.sun_path);
	return address->un.sun_path[0] ? (socklen_t)strnlen(address->un.sun_path, length) : length;
}

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
	if (a->length == 0 || b->length == 0)
		return a->length == b->length;
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return equal_in6(&a->in6, &b->in6);
	case AF_UNIX:
		return unix_length(a) == unix_length(b) &&
		       memcmp(a->un.sun_path, b->un.sun_path, unix_length(a)) == 0;
	}
	return false;
}

bool netaddr_equal_host(const struct netaddr *a, const struct netaddr *b)
{
	struct netaddr copy_a = *a, copy_b = *b;

	netaddr_unmap(&copy_a);
	netaddr_unmap(&copy_b);
	netaddr_set_port(&copy_a, 0);
	netaddr_set_port(&copy_b, 0);
	return copy_a.length > 0 && netaddr_equal(&copy_a, &copy_b);
}

bool netaddr_is_local(const struct netaddr *address)
{
	struct netaddr copy = *address;

	netaddr_unmap(&copy);
	if (copy.length == 0)
		return false;
	switch (copy.sa.sa_family) {
	case AF_INET:
		return ntohl(copy.in.sin_addr.s_addr) >> 24 == 127 || netaddr_is_unspecified(&copy);
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&copy.in6.sin6_addr) || netaddr_is_unspecified(&copy);
	}
	return copy.sa.sa_family == AF_UNIX;
}

bool netaddr_is_unspecified(const struct netaddr *address)
{
	struct netaddr copy = *address;

	netaddr_unmap(&copy);
	if (copy.length == 0)
		return false;
	if (copy.sa.sa_family == AF_INET)
		return copy.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return copy.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&copy.in6.sin6_addr);
}

void netaddr_unmap(struct netaddr *address)
{
	struct netaddr in = {.length = sizeof(in.in)};

	if (address->length == 0 || address->sa.sa_family != AF_INET6 ||
		!IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		return;
	in.in.sin_family = AF_INET;
	in.in.sin_port = address->in6.sin6_port;
	memcpy(&in.in.sin_addr, address->in6.sin6_addr.s6_addr + 12, 4);
	*address = in;
}

void netaddr_map(struct netaddr *address)
{
	struct netaddr in6 = {.length = sizeof(in6.in6)};

	if (address->length == 0 || address->sa.sa_family != AF_INET)
		return;
	in6.in6.sin6_family = AF_INET6;
	in6.in6.sin6_port = address->in.sin_port;
	in6.in6.sin6_addr.s6_addr[10] = in6.in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(in6.in6.sin6_addr.s6_addr + 12, &address->in.sin_addr, 4);
	*address = in6;
}
