/* SPDX-License-Identifier: MIT */
/*
 * Any text is either an endpoint, and then all of it is within its limits, or refused with one line
 * and nothing changed. A backslash before a character that has no meaning changes nothing, and an
 * endpoint with an option that nobody knows behind it is none.
 */
#include "tests/fuzz/fuzz.h"

#include "bridge/endpoint.h"
#include "bridge/host.h"

#include <errno.h>

#define TEXT_MAX 600

static int parse(const char *text, enum endpoint_side side, struct endpoint *ret)
{
	struct endpoint untouched;
	char error[700];
	int r;

	memset(ret, 0x5a, sizeof(*ret));
	untouched = *ret;
	memset(error, 'x', sizeof(error));
	r = endpoint_parse(text, side, ret, error, sizeof(error));
	HOLDS(memchr(error, 0, sizeof(error)));
	if (r == 0) {
		HOLDS(error[0] == '\0');
		return 0;
	}
	HOLDS(r == -EINVAL && error[0]);
	for (const char *c = error; *c; c++)
		HOLDS((unsigned char)*c >= ' ' && *c != 0x7f);
	HOLDS(memcmp(ret, &untouched, sizeof(untouched)) == 0);
	return r;
}

static void check_where(const struct endpoint *endpoint)
{
	bool listens = endpoint->side == ENDPOINT_LISTEN;
	struct netaddr address;

	switch (endpoint->kind) {
	case ENDPOINT_TCP:
	case ENDPOINT_UDP:
		HOLDS(endpoint->port > 0 && endpoint->host && !endpoint->path &&
			endpoint->fd == -1);
		if (host_address(endpoint->host, &address) == 0)
			HOLDS(listens || !netaddr_is_unspecified(&address));
		else
			HOLDS(listens ? !endpoint->host[0] : host_is_name(endpoint->host));
		return;
	case ENDPOINT_UNIX:
		HOLDS(endpoint->path && endpoint->path[0] && !endpoint->host && endpoint->fd == -1);
		HOLDS(strlen(endpoint->path) <= 107u + (endpoint->path[0] == '@'));
		return;
	case ENDPOINT_FD:
		HOLDS(endpoint->fd >= 0 && !endpoint->host && !endpoint->path);
		HOLDS(endpoint->place == ENDPOINT_HERE);
		return;
	}
	HOLDS(false);
}

static void check_options(const struct endpoint *endpoint)
{
	struct netaddr source;

	HOLDS((endpoint->place_name != NULL) ==
		(endpoint->place == ENDPOINT_NETNS || endpoint->place == ENDPOINT_BROKER));
	HOLDS((endpoint->place_fd >= 0) == (endpoint->place == ENDPOINT_NETNS_FD));
	HOLDS(endpoint->keepalive >= -1 && endpoint->keepalive <= 32767);
	HOLDS(endpoint->tos >= ENDPOINT_CARRY && endpoint->tos <= 255);
	HOLDS(endpoint->ttl >= ENDPOINT_CARRY && endpoint->ttl <= 255 && endpoint->ttl != 0);
	HOLDS(endpoint->mark >= ENDPOINT_UNSET);
	HOLDS(endpoint->backlog > 0 && endpoint->mode <= 0777);
	HOLDS(!endpoint->bind || host_source(endpoint->bind, &source) == 0);
	HOLDS(!endpoint->bind || !endpoint->transparent);
	if (endpoint->side == ENDPOINT_LISTEN)
		HOLDS(!endpoint->bind && !endpoint->transparent && !endpoint->as_local);
	else
		HOLDS(!endpoint->accepted && !endpoint->user && !endpoint->v6only &&
			endpoint->proxy != ENDPOINT_PROXY_ANY);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_same(const struct endpoint *a, const struct endpoint *b)
{
	HOLDS(a->kind == b->kind && a->port == b->port && a->fd == b->fd);
	HOLDS(same(a->host, b->host) && same(a->path, b->path) && same(a->bind, b->bind));
	HOLDS(a->place == b->place && same(a->place_name, b->place_name));
	HOLDS(a->proxy == b->proxy && a->tos == b->tos && a->ttl == b->ttl && a->mark == b->mark);
	HOLDS(a->mode == b->mode && same(a->user, b->user) && same(a->group, b->group));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	enum endpoint_side side = input_byte(&input) == 'c' ? ENDPOINT_CONNECT : ENDPOINT_LISTEN;
	char text[TEXT_MAX + 32], slashed[2 * TEXT_MAX + 2], *to = slashed;
	struct endpoint endpoint, other;

	if (input.size > TEXT_MAX)
		return 0;
	memcpy(text, input.data, input.size);
	text[input.size] = '\0';
	if (parse(text, side, &endpoint) < 0)
		return 0;
	HOLDS(endpoint.side == side && strcmp(endpoint.text, text) == 0);
	check_where(&endpoint);
	check_options(&endpoint);
	for (const char *c = text; *c; c++) {
		if (*c == '\\')
			*to++ = *c++;
		else if (*c != ',')
			*to++ = '\\';
		*to++ = *c;
	}
	*to = '\0';
	HOLDS(parse(slashed, side, &other) == 0);
	check_same(&endpoint, &other);
	endpoint_free(&other);
	endpoint_free(&endpoint);
	strcat(text, ",unknown=1");
	HOLDS(parse(text, side, &other) < 0);
	return 0;
}
