/* SPDX-License-Identifier: MIT */
#include "resolver/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 1024
#define BUFFER_LAST  (64 * 1024)

/* In the order in which results have them. */
static const struct kind {
	int type, protocol;
	const char *name;
	bool usual; /* also where hints name nothing */
	bool any;   /* goes with any protocol, and no names of services */
} kinds[] = {
	{SOCK_STREAM, IPPROTO_TCP, "tcp", true, false},
	{SOCK_DGRAM, IPPROTO_UDP, "udp", true, false},
	{6 /* SOCK_DCCP */, 33 /* IPPROTO_DCCP */, "dccp", false, false},
	{SOCK_DGRAM, 136 /* IPPROTO_UDPLITE */, "udplite", false, false},
	{SOCK_STREAM, IPPROTO_SCTP, "sctp", false, false},
	{SOCK_SEQPACKET, IPPROTO_SCTP, "sctp", false, false},
	{SOCK_RAW, 0, "raw", true, true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool fits(const struct kind *kind, const struct addrinfo *hints)
{
	if (hints->ai_socktype == 0 && hints->ai_protocol == 0)
		return kind->usual;
	if (hints->ai_socktype != 0 && hints->ai_socktype != kind->type)
		return false;
	return hints->ai_protocol == 0 || kind->any || hints->ai_protocol == kind->protocol;
}

/* getservbyname_r(3), or by the port where name is NULL. The result is in *buffer: free it. */
static const struct servent *find(
	const char *name, uint16_t port, const char *protocol, struct servent *entry, char **buffer)
{
	struct servent *found = NULL;
	int r = ERANGE;

	*buffer = NULL;
	for (size_t size = BUFFER_FIRST; r == ERANGE && size <= BUFFER_LAST; size *= 2) {
		char *bigger = realloc(*buffer, size);

		if (!bigger)
			return NULL;
		*buffer = bigger;
		r = name ? getservbyname_r(name, protocol, entry, *buffer, size, &found)
			 : getservbyport_r(port, protocol, entry, *buffer, size, &found);
	}
	return r == 0 ? found : NULL;
}

static int port_of(const struct kind *kind, const char *name, uint16_t *ret)
{
	struct servent entry;
	char *buffer;
	const struct servent *found = find(name, 0, kind->name, &entry, &buffer);

	if (found)
		*ret = (uint16_t)found->s_port;
	free(buffer);
	return found ? 0 : -ENOENT;
}

int service_name(uint16_t port, const char *protocol, char *ret, size_t size)
{
	struct servent entry;
	char *buffer;
	const struct servent *found = find(NULL, port, protocol, &entry, &buffer);

	if (found)
		snprintf(ret, size, "%s", found->s_name);
	free(buffer);
	return found ? 0 : -ENOENT;
}

/* A number with nothing behind it; one that is negative is none. */
static bool is_number(const char *service, int *ret, bool *has_rest)
{
	char *end;

	*ret = (int)strtoul(service, &end, 10);
	*has_rest = *end;
	return !*has_rest && *ret >= 0;
}

int service_find(const struct addrinfo *hints, const char *service,
	struct service ret[SERVICES_MAX], unsigned *n)
{
	bool specific = hints->ai_socktype != 0 || hints->ai_protocol != 0, known = false;
	bool has_rest = false, by_name;
	int number = 0;

	*n = 0;
	by_name = service && !is_number(service, &number, &has_rest);
	if (has_rest && (hints->ai_flags & AI_NUMERICSERV))
		return EAI_NONAME;
	for (size_t i = 0; i < KINDS && *n < SERVICES_MAX; i++) {
		const struct kind *kind = &kinds[i];
		uint16_t port = htons((uint16_t)number);

		if (!fits(kind, hints) || (specific && known))
			continue;
		known = true;
		if (service && *service && kind->any && (by_name || specific))
			continue;
		if (by_name && port_of(kind, service, &port) < 0)
			continue;
		ret[(*n)++] = (struct service){
			.type = kind->type,
			.protocol = kind->any ? hints->ai_protocol : kind->protocol,
			.port = port,
		};
	}
	if (!known)
		return hints->ai_socktype ? EAI_SOCKTYPE : EAI_SERVICE;
	return *n > 0 ? 0 : EAI_SERVICE;
}
