/* SPDX-License-Identifier: MIT */
/* The resolver of resolver/, for who has sockets and the names of files. */
#include "bridge/resolve.h"

#include "common/clock.h"
#include "resolver/interface.h"
#include "resolver/lookup.h"
#include "resolver/order.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* For each server, doubled the second time. resolv.conf(5) has 5 s, in which clients give up. */
#define TIMEOUT_MS 1500
#define TRIES	   2

static int source_socket(void *data, int domain, int type, int protocol)
{
	const struct resolve_source *source = data;

	return source->open(source->data, domain, type);
}

static int source_file(void *data, int which)
{
	const struct resolve_source *source = data;
	const char *path;
	int fd;

	switch (which) {
	case RESOLVER_RESOLV_CONF:
		path = source->resolv_conf;
		break;
	case RESOLVER_HOSTS:
		path = source->hosts;
		break;
	default: /* the order is always the same */
		return -ENOENT;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

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

static void take(const struct found *found, uint16_t port, struct resolve_result *ret)
{
	ret->ttl_s = found->ttl_s;
	for (unsigned i = 0; i < found->n; i++) {
		const struct found_address *each = &found->addresses[i];
		struct netaddr address = {0};

		address.sa.sa_family = (sa_family_t)each->family;
		if (each->family == AF_INET) {
			address.length = sizeof(address.in);
			address.in.sin_addr = each->bytes.in;
		} else {
			address.length = sizeof(address.in6);
			address.in6.sin6_addr = each->bytes.in6;
			address.in6.sin6_scope_id = each->scope;
		}
		netaddr_set_port(&address, port);
		result_add(ret, &address);
	}
}

static int errno_of(const struct lookup *lookup, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_FOUND:
		return 0;
	case OUTCOME_NO_NAME:
	case OUTCOME_NO_DATA:
	case OUTCOME_DEAD_END:
		return -ENOENT;
	case OUTCOME_SYSTEM:
		return lookup->error;
	case OUTCOME_FAIL:
		return -EHOSTUNREACH;
	case OUTCOME_AGAIN:
		break;
	}
	switch (lookup->status) {
	case CHANNEL_TIMEOUT:
		return -ETIMEDOUT;
	case CHANNEL_MISSING:
		return -EOPNOTSUPP;
	default:
		return -EHOSTUNREACH;
	}
}

/* ADDR6%INTERFACE: the number that the interface has there. */
static int find_scoped(
	const struct resolver_source *source, const char *name, size_t length, struct found *ret)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	uint32_t scope;
	int r;

	if (length >= sizeof(text))
		return -EINVAL;
	memcpy(text, name, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, &in6) <= 0)
		return -EINVAL;
	r = interface_scope(source, name + length + 1, &scope);
	if (r == 0)
		r = found_add_address(ret, AF_INET6, &in6);
	if (r < 0)
		return r;
	ret->addresses[0].scope = scope;
	ret->ttl_s = FOUND_UNTIMED;
	return 0;
}

static int find(
	const struct resolver_source *source, int cancel, const char *name, struct found *ret)
{
	const struct lookup_wanted any = {.family = AF_UNSPEC};
	struct lookup lookup;
	int r;

	lookup_begin(&lookup, source, NULL);
	lookup.deadline = clock_ms(CLOCK_MONOTONIC) + RESOLVE_DEADLINE_MS;
	lookup.cancel = cancel;
	lookup.timeout_ms = TIMEOUT_MS;
	lookup.tries = TRIES;
	r = errno_of(&lookup, lookup_name(&lookup, name, &any, ret));
	lookup_end(&lookup);
	if (r == 0)
		order_addresses(source, ret->addresses, ret->n);
	return r;
}

_Static_assert(RESOLVE_UNTIMED == FOUND_UNTIMED, "a time to live means the same in both");

int resolve_name(const struct resolve_source *source, const char *name, uint16_t port,
	struct resolve_result *ret)
{
	const struct resolver_source inside = {
		.socket = source_socket,
		.file = source_file,
		.data = (void *)source,
	};
	const char *scope = strchr(name, '%');
	struct found found = {0};
	int r;

	*ret = (struct resolve_result){.ttl_s = RESOLVE_UNTIMED};
	if (scope)
		r = find_scoped(&inside, name, (size_t)(scope - name), &found);
	else
		r = find(&inside, source->cancel, name, &found);
	if (r == 0)
		take(&found, port, ret);
	found_clear(&found);
	return r;
}
