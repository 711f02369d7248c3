/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo(3), with the rules of glibc in their order: which flags go together, what counts as
 * an address, which kinds of sockets there are. A difference is a surprise to some program.
 *
 * IPv6 is of the namespace: which number an interface has there, which families have an address
 * (AI_ADDRCONFIG), and from where addresses can be reached, by which they are sorted.
 */
#include "resolver/families.h"
#include "resolver/idn.h"
#include "resolver/interface.h"
#include "resolver/lookup.h"
#include "resolver/order.h"
#include "resolver/service.h"
#include "resolver/why.h"

#include "common/cancel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of glibc; not all libcs have names for them. */
#define FLAG_IDN      0x0040
#define FLAG_CANONIDN 0x0080
#define FLAGS_IDN_OLD 0x0300
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY (-9)
#endif
#ifndef EAI_NODATA
#define EAI_NODATA (-5)
#endif
#ifndef EAI_IDN_ENCODE
#define EAI_IDN_ENCODE (-105)
#endif

#define FLAGS                                                                                      \
	(AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL |       \
		AI_NUMERICSERV | FLAG_IDN | FLAG_CANONIDN | FLAGS_IDN_OLD)

/* What is asked for, and what is found. */
struct request {
	struct lookup *lookup;
	struct addrinfo hints; /* family and flags as they were narrowed down */
	const char *node;
	char *encoded; /* the node in ASCII, if it was not */
	struct service services[SERVICES_MAX];
	unsigned n_services;
	struct found found;
};

/* ---- addresses that need no look-up ---- */

static int add_own(struct request *request)
{
	bool passive = request->hints.ai_flags & AI_PASSIVE;
	struct in_addr in = {htonl(passive ? INADDR_ANY : INADDR_LOOPBACK)};
	int family = request->hints.ai_family, r = 0;

	if (family != AF_INET)
		r = found_add_address(
			&request->found, AF_INET6, passive ? &in6addr_any : &in6addr_loopback);
	if (r == 0 && family != AF_INET6)
		r = found_add_address(&request->found, AF_INET, &in);
	return r < 0 ? EAI_MEMORY : 0;
}

/* inet_aton(3) ends at the first blank. */
static bool parse_ipv4(const char *text, struct in_addr *ret)
{
	return !text[strcspn(text, " \t\n\v\f\r")] && inet_aton(text, ret);
}

static void map_ipv4(const struct in_addr *in, struct in6_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
	memcpy(&ret->s6_addr[12], in, sizeof(*in));
}

static int add_ipv4(struct request *request, const struct in_addr *in)
{
	struct in6_addr mapped;
	int r;

	if (request->hints.ai_family != AF_INET6) {
		r = found_add_address(&request->found, AF_INET, in);
	} else {
		if (!(request->hints.ai_flags & AI_V4MAPPED))
			return EAI_ADDRFAMILY;
		map_ipv4(in, &mapped);
		r = found_add_address(&request->found, AF_INET6, &mapped);
	}
	return r < 0 ? EAI_MEMORY : 0;
}

/* Names of interfaces go with addresses that mean something on a link only. */
static int add_ipv6(struct request *request, const struct in6_addr *in6, const char *scope)
{
	uint32_t number = 0;
	bool of_a_link = IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_MC_LINKLOCAL(in6);

	if (request->hints.ai_family == AF_INET && !IN6_IS_ADDR_V4MAPPED(in6))
		return EAI_ADDRFAMILY;
	if (scope && !of_a_link && (!*scope || scope[strspn(scope, "0123456789")]))
		return EAI_NONAME;
	if (scope && interface_scope(request->lookup->source, scope, &number) < 0)
		return EAI_NONAME;
	if (request->hints.ai_family == AF_INET)
		return found_add_address(&request->found, AF_INET, &in6->s6_addr[12]) < 0
			       ? EAI_MEMORY
			       : 0;
	if (found_add_address(&request->found, AF_INET6, in6) < 0)
		return EAI_MEMORY;
	request->found.addresses[0].scope = number;
	return 0;
}

/* Returns false where the node is a name. */
static bool add_numeric(struct request *request, int *ret)
{
	const char *node = request->node, *scope = strchr(node, '%');
	char text[INET6_ADDRSTRLEN];
	size_t length = scope ? (size_t)(scope - node) : strlen(node);
	struct in_addr in;
	struct in6_addr in6;

	if (parse_ipv4(node, &in)) {
		*ret = add_ipv4(request, &in);
		return true;
	}
	if (length >= sizeof(text))
		return false;
	memcpy(text, node, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, &in6) <= 0)
		return false;
	*ret = add_ipv6(request, &in6, scope ? scope + 1 : NULL);
	return true;
}

/* ---- names ---- */

static int error_of(const struct lookup *lookup, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_FOUND:
		return 0;
	case OUTCOME_NO_DATA:
		return EAI_NODATA;
	case OUTCOME_AGAIN:
		return EAI_AGAIN;
	case OUTCOME_SYSTEM:
		return lookup->error == -ENOMEM ? EAI_MEMORY : EAI_SYSTEM;
	case OUTCOME_NO_NAME:
	case OUTCOME_DEAD_END:
	case OUTCOME_FAIL:
		break;
	}
	return EAI_NONAME;
}

/*
 * IPv4 addresses for a program that wants IPv6 ones only. Those that are mapped already, as a hosts
 * file may have them, are dropped where it wants them only if there are no others.
 */
static int map_all(struct found *found, bool wants_all)
{
	bool has_ipv6 = false;
	unsigned n = 0;

	for (unsigned i = 0; i < found->n; i++)
		has_ipv6 = has_ipv6 || found->addresses[i].family == AF_INET6;
	for (unsigned i = 0; i < found->n; i++) {
		struct in_addr in = found->addresses[i].bytes.in;

		if (found->addresses[i].family != AF_INET)
			continue;
		found->addresses[i].family = AF_INET6;
		map_ipv4(&in, &found->addresses[i].bytes.in6);
	}
	for (unsigned i = 0; i < found->n; i++) {
		if (!has_ipv6 || wants_all || !IN6_IS_ADDR_V4MAPPED(&found->addresses[i].bytes.in6))
			found->addresses[n++] = found->addresses[i];
	}
	found->n = n;
	return n > 0 ? 0 : EAI_NONAME;
}

static int encode(struct request *request)
{
	int r;

	if (!(request->hints.ai_flags & FLAG_IDN))
		return 0;
	r = idn_encode(request->node, &request->encoded);
	if (r == EAI_IDN_ENCODE && !idn_possible())
		why_idn(request->lookup);
	if (request->encoded)
		request->node = request->encoded;
	return r;
}

static int look_up(struct request *request)
{
	const struct addrinfo *hints = &request->hints;
	bool mapped = hints->ai_family == AF_INET6 && (hints->ai_flags & AI_V4MAPPED);
	struct lookup_wanted wanted = {
		.family = hints->ai_family,
		.or_mapped = mapped,
		.and_mapped = mapped && (hints->ai_flags & AI_ALL),
	};
	enum outcome outcome;
	int r;

	r = encode(request);
	if (r != 0 || add_numeric(request, &r))
		return r;
	if (hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	outcome = lookup_name(request->lookup, request->node, &wanted, &request->found);
	/* what glibc asks for in another way than the rest, it also has another word for */
	if (outcome == OUTCOME_DEAD_END && hints->ai_family == AF_INET &&
		!(hints->ai_flags & AI_CANONNAME))
		outcome = OUTCOME_NO_DATA;
	r = error_of(request->lookup, outcome);
	if (r == 0 && mapped)
		r = map_all(&request->found, wanted.and_mapped);
	return r;
}

/* ---- the list ---- */

/* One node and its address are one piece of memory, as glibc has them. */
static struct addrinfo *node_new(const struct request *request, const struct found_address *address,
	const struct service *service)
{
	bool ipv4 = address->family == AF_INET;
	socklen_t length = ipv4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct addrinfo *node = calloc(1, sizeof(*node) + length);

	if (!node)
		return NULL;
	node->ai_flags = request->hints.ai_flags;
	node->ai_family = address->family;
	node->ai_socktype = service->type;
	node->ai_protocol = service->protocol;
	node->ai_addrlen = length;
	node->ai_addr = (struct sockaddr *)(node + 1);
	node->ai_addr->sa_family = (sa_family_t)address->family;
	if (ipv4) {
		struct sockaddr_in *in = (struct sockaddr_in *)node->ai_addr;

		in->sin_port = service->port;
		in->sin_addr = address->bytes.in;
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)node->ai_addr;

		in6->sin6_port = service->port;
		in6->sin6_addr = address->bytes.in6;
		in6->sin6_scope_id = address->scope;
	}
	return node;
}

void resolver_freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list->ai_canonname);
		free(list);
		list = next;
	}
}

static int list_new(const struct request *request, struct addrinfo **ret)
{
	struct addrinfo *list = NULL, **end = &list;
	const char *name = request->found.name ? request->found.name : request->node;
	bool complete = true;

	for (unsigned i = 0; i < request->found.n * request->n_services && complete; i++) {
		*end = node_new(request, &request->found.addresses[i / request->n_services],
			&request->services[i % request->n_services]);
		complete = *end;
		if (complete)
			end = &(*end)->ai_next;
	}
	if (complete && (request->hints.ai_flags & AI_CANONNAME)) {
		list->ai_canonname =
			request->hints.ai_flags & FLAG_CANONIDN ? idn_decode(name) : strdup(name);
		complete = list->ai_canonname;
	}
	if (!complete) {
		resolver_freeaddrinfo(list);
		return EAI_MEMORY;
	}
	*ret = list;
	return 0;
}

/* ---- */

/* Asks for the families that the namespace has addresses of, if there is only one. */
static int narrow(struct request *request)
{
	struct addrinfo *hints = &request->hints;
	struct families families;

	/* who cannot be asked about that will not tell the name, either */
	if (!(hints->ai_flags & AI_ADDRCONFIG) ||
		families_of(request->lookup->source, &families) < 0)
		return 0;
	if (hints->ai_family == AF_INET)
		return families.ipv4 ? 0 : EAI_NONAME;
	if (hints->ai_family == AF_INET6)
		return families.ipv6 ? 0 : EAI_NONAME;
	if (families.ipv4 != families.ipv6)
		hints->ai_family = families.ipv4 ? AF_INET : AF_INET6;
	return 0;
}

static int check(const struct request *request, const char *service)
{
	const struct addrinfo *hints = &request->hints;

	if (!request->node && !service)
		return EAI_NONAME;
	if (hints->ai_flags & ~FLAGS)
		return EAI_BADFLAGS;
	if ((hints->ai_flags & AI_CANONNAME) && !request->node)
		return EAI_BADFLAGS;
	if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET &&
		hints->ai_family != AF_INET6)
		return EAI_FAMILY;
	return 0;
}

static int get(struct request *request, const char *service, struct addrinfo **ret)
{
	int r = check(request, service);

	if (r == 0)
		r = narrow(request);
	if (r == 0)
		r = service_find(&request->hints, service, request->services, &request->n_services);
	if (r == 0)
		r = request->node ? look_up(request) : add_own(request);
	if (r != 0)
		return r;
	order_addresses(request->lookup->source, request->found.addresses, request->found.n);
	return list_new(request, ret);
}

/* "*" stands for none. */
static const char *given(const char *text)
{
	return text && strcmp(text, "*") == 0 ? NULL : text;
}

int resolver_getaddrinfo(const struct resolver_source *source, const char *node,
	const char *service, const struct addrinfo *hints, struct addrinfo **ret,
	char why[RESOLVER_WHY])
{
	struct lookup lookup;
	struct request request = {
		.lookup = &lookup,
		.node = given(node),
		.hints = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG},
	};
	struct cancel cancel;
	int saved_errno = errno, r;

	if (hints)
		request.hints = *hints;
	cancel_hold(&cancel);
	lookup_begin(&lookup, source, why);
	r = get(&request, given(service), ret);
	found_clear(&request.found);
	free(request.encoded);
	lookup_end(&lookup);
	cancel_release(&cancel);
	errno = r == EAI_SYSTEM ? -lookup.error : r == EAI_MEMORY ? ENOMEM : saved_errno;
	return r;
}
