/* SPDX-License-Identifier: MIT */
/* getnameinfo(3), with the rules of glibc in their order. */
#include "resolver/idn.h"
#include "resolver/interface.h"
#include "resolver/lookup.h"
#include "resolver/service.h"

#include "common/cancel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/utsname.h>

/* Of glibc; not all libcs have names for them. */
#define FLAG_IDN     0x020
#define FLAGS_IDN    0x1e0
#define FLAGS	     (NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM | FLAGS_IDN)
#define SERVICE_SIZE 256

union any_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	char end[sizeof(struct sockaddr_un) + 1]; /* of a path that fills it */
};

static int copy(const char *text, char *ret, socklen_t size)
{
	size_t needed = strlen(text) + 1;

	if (needed > size)
		return EAI_OVERFLOW;
	memcpy(ret, text, needed);
	return 0;
}

/* ---- the host ---- */

/* NI_NOFQDN: of a host of this machine's own domain, the first part. */
static void strip_domain(char *name)
{
	struct utsname own;
	const char *domain;
	char *dot = strchr(name, '.');

	if (!dot || uname(&own) < 0)
		return;
	domain = strchr(own.nodename, '.');
	if (domain && strcasecmp(dot, domain) == 0)
		*dot = '\0';
}

static int copy_name(const char *name, int flags, char *ret, socklen_t size)
{
	char *decoded = flags & FLAG_IDN ? idn_decode(name) : NULL;
	int r;

	if ((flags & FLAG_IDN) && !decoded)
		return EAI_MEMORY;
	r = copy(decoded ? decoded : name, ret, size);
	free(decoded);
	return r;
}

/* Returns 0 with the name, EAI_NONAME: it has none, or another EAI_* value. */
static int name_of(struct lookup *lookup, const union any_address *address, int flags, char *host,
	socklen_t size)
{
	int family = address->sa.sa_family, r = EAI_NONAME;
	const void *bytes = &address->in.sin_addr;
	struct found found = {0};

	if (family == AF_INET6) {
		bytes = &address->in6.sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr)) {
			family = AF_INET;
			bytes = &address->in6.sin6_addr.s6_addr[12];
		}
	}
	switch (lookup_address(lookup, family, bytes, &found)) {
	case OUTCOME_FOUND:
		if (flags & NI_NOFQDN)
			strip_domain(found.name);
		r = copy_name(found.name, flags, host, size);
		break;
	case OUTCOME_AGAIN:
		r = EAI_AGAIN;
		break;
	case OUTCOME_SYSTEM:
		r = lookup->error == -ENOMEM ? EAI_MEMORY : EAI_SYSTEM;
		break;
	case OUTCOME_NO_NAME:
	case OUTCOME_NO_DATA:
	case OUTCOME_DEAD_END:
	case OUTCOME_FAIL:
		break;
	}
	found_clear(&found);
	return r;
}

/* What follows an address that means something on one link only. */
static void scope_text(const struct resolver_source *source, const struct sockaddr_in6 *in6,
	char ret[IF_NAMESIZE + 12])
{
	const struct in6_addr *address = &in6->sin6_addr;
	char name[IF_NAMESIZE];
	bool of_a_link = IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address);

	if (of_a_link && interface_name(source, in6->sin6_scope_id, name) == 0)
		snprintf(ret, IF_NAMESIZE + 12, "%%%s", name);
	else
		snprintf(ret, IF_NAMESIZE + 12, "%%%u", in6->sin6_scope_id);
}

static int number_of(const struct resolver_source *source, const union any_address *address,
	char *host, socklen_t size)
{
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 12];

	if (address->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->in.sin_addr, text, sizeof(text));
		return copy(text, host, size);
	}
	inet_ntop(AF_INET6, &address->in6.sin6_addr, text, INET6_ADDRSTRLEN);
	if (address->in6.sin6_scope_id != 0)
		scope_text(source, &address->in6, text + strlen(text));
	return copy(text, host, size);
}

static int host_of(struct lookup *lookup, const union any_address *address, int flags, char *host,
	socklen_t size)
{
	struct utsname own;
	int r;

	if (address->sa.sa_family == AF_UNIX) {
		if (!(flags & NI_NUMERICHOST) && uname(&own) == 0)
			return copy(own.nodename, host, size);
		if (flags & NI_NAMEREQD)
			return EAI_NONAME;
		return copy("localhost", host, size);
	}
	if (!(flags & NI_NUMERICHOST)) {
		r = name_of(lookup, address, flags, host, size);
		if (r != EAI_NONAME)
			return r;
	}
	if (flags & NI_NAMEREQD)
		return EAI_NONAME;
	return number_of(lookup->source, address, host, size);
}

/* ---- the service ---- */

static int service_of(const union any_address *address, int flags, char *service, socklen_t size)
{
	char text[SERVICE_SIZE];
	uint16_t port = address->in.sin_port; /* at the same place for IPv6 */

	if (address->sa.sa_family == AF_UNIX)
		return copy(address->un.sun_path, service, size);
	if ((flags & NI_NUMERICSERV) ||
		service_name(port, flags & NI_DGRAM ? "udp" : "tcp", text, sizeof(text)) < 0)
		snprintf(text, sizeof(text), "%u", ntohs(port));
	return copy(text, service, size);
}

/* ---- */

static int check(const struct sockaddr *address, socklen_t length, int flags)
{
	if (flags & ~FLAGS)
		return EAI_BADFLAGS;
	if (!address || length < sizeof(sa_family_t))
		return EAI_FAMILY;
	switch (address->sa_family) {
	case AF_UNIX:
		return length >= offsetof(struct sockaddr_un, sun_path) ? 0 : EAI_FAMILY;
	case AF_INET:
		return length >= sizeof(struct sockaddr_in) ? 0 : EAI_FAMILY;
	case AF_INET6:
		return length >= sizeof(struct sockaddr_in6) ? 0 : EAI_FAMILY;
	}
	return EAI_FAMILY;
}

int resolver_getnameinfo(const struct resolver_source *source, const struct sockaddr *address,
	socklen_t length, char *host, socklen_t host_size, char *service, socklen_t service_size,
	int flags, char why[RESOLVER_WHY])
{
	union any_address copied = {0};
	struct lookup lookup;
	struct cancel cancel;
	int saved_errno = errno, r = check(address, length, flags);

	if (why)
		why[0] = '\0';
	if (r == 0 && (flags & NI_NAMEREQD) && !host && !service)
		r = EAI_NONAME;
	if (r != 0)
		return r;
	memcpy(&copied, address, length < sizeof(copied.un) ? length : sizeof(copied.un));
	cancel_hold(&cancel);
	lookup_begin(&lookup, source, why);
	if (host && host_size > 0)
		r = host_of(&lookup, &copied, flags, host, host_size);
	if (r == 0 && service && service_size > 0)
		r = service_of(&copied, flags, service, service_size);
	lookup_end(&lookup);
	cancel_release(&cancel);
	errno = r == EAI_SYSTEM ? -lookup.error : r == EAI_MEMORY ? ENOMEM : saved_errno;
	return r;
}
