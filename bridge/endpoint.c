/* SPDX-License-Identifier: MIT */
/*
 * The text is cut at its commas first, and each part freed of its backslashes: the first part says
 * what and where, the others are options (setting.c).
 */
#include "bridge/endpoint.h"

#include "bridge/host.h"
#include "bridge/netaddr.h"
#include "bridge/setting.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

struct parse {
	const char *text;
	struct endpoint endpoint;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parse *parse, const char *format, ...)
{
	va_list args;
	int n = snprintf(parse->error, parse->error_size, "%.120s%s: ", parse->text,
		strlen(parse->text) > 120 ? "..." : "");

	if (n < 0 || (size_t)n >= parse->error_size)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(parse->error + n, parse->error_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

static int copy_text(struct parse *parse, const char *text, char **ret)
{
	*ret = strdup(text);
	if (*ret)
		return 0;
	fail(parse, "%s", strerror(ENOMEM));
	return -ENOMEM;
}

void endpoint_init(struct endpoint *endpoint, enum endpoint_side side)
{
	*endpoint = (struct endpoint){
		.kind = ENDPOINT_TCP,
		.side = side,
		.fd = -1,
		.place_fd = -1,
		.nodelay = true,
		.tos = ENDPOINT_UNSET,
		.ttl = ENDPOINT_UNSET,
		.mark = ENDPOINT_UNSET,
		.backlog = 4096,
		.mode = 0600,
	};
}

void endpoint_free(struct endpoint *endpoint)
{
	free(endpoint->text);
	free(endpoint->host);
	free(endpoint->path);
	free(endpoint->place_name);
	free(endpoint->interface);
	free(endpoint->user);
	free(endpoint->group);
	free(endpoint->bind);
	endpoint_init(endpoint, endpoint->side);
}

const char *endpoint_kind_text(enum endpoint_kind kind)
{
	static const char *const names[] = {
		[ENDPOINT_TCP] = "tcp",
		[ENDPOINT_UDP] = "udp",
		[ENDPOINT_UNIX] = "unix",
		[ENDPOINT_FD] = "fd",
	};

	return names[kind];
}

/* ---- HOST:PORT ---- */

static int parse_name(struct parse *parse, const char *host)
{
	bool listens = parse->endpoint.side == ENDPOINT_LISTEN;

	if (host_is_like_ipv4(host))
		return fail(parse,
			"\"%s\" is no IPv4 address: write four numbers such as 127.0.0.1", host);
	if (listens)
		return fail(parse,
			"names are for connecting only: write an address of this machine for "
			"\"%s\", or * for every address",
			host);
	if (!host_is_name(host))
		return fail(parse,
			"\"%s\" is no name of a host: it has letters, digits, - and . in it "
			"(others in their xn-- form)",
			host);
	return copy_text(parse, host, &parse->endpoint.host);
}

static int parse_host(struct parse *parse, const char *host, bool brackets)
{
	bool listens = parse->endpoint.side == ENDPOINT_LISTEN;
	struct netaddr address;
	int r;

	if (!brackets && (!host[0] || strcmp(host, "*") == 0)) {
		if (!listens)
			return fail(parse,
				"it does not say where to connect to: write an address or a name "
				"before the port");
		return copy_text(parse, "", &parse->endpoint.host);
	}
	r = host_address(host, &address);
	if (r < 0)
		return brackets ? fail(parse, "\"%s\" in brackets is no IPv6 address", host)
				: parse_name(parse, host);
	if (brackets != (address.sa.sa_family == AF_INET6))
		return fail(parse,
			brackets ? "only IPv6 addresses have brackets: write %s:PORT"
				 : "IPv6 addresses have brackets: write [%s]:PORT",
			host);
	if (!listens && netaddr_is_unspecified(&address))
		return fail(parse, "nobody has the address %s: write %s for this machine", host,
			brackets ? "[::1]" : "127.0.0.1");
	return copy_text(parse, host, &parse->endpoint.host);
}

static int parse_port(struct parse *parse, const char *port)
{
	unsigned number;

	if (parse->endpoint.side == ENDPOINT_LISTEN && host_is_digits(port) &&
		!port[strspn(port, "0")])
		return fail(
			parse, "port 0 would be one that nobody knows: write one from 1 to 65535");
	if (!host_number(port, 1, UINT16_MAX, &number))
		return fail(parse, "\"%s\" is no port: write a number from 1 to 65535", port);
	parse->endpoint.port = (uint16_t)number;
	return 0;
}

static int parse_host_port(struct parse *parse, char *text)
{
	bool brackets = text[0] == '[';
	char *colon = strrchr(text, ':');
	int r;

	if (brackets) {
		char *end = strchr(text, ']');

		if (!end || end[1] != ':')
			return fail(parse, "write [ADDRESS]:PORT, such as [::1]:80");
		*end = '\0';
		text++;
		colon = end + 1;
	} else if (!colon) {
		return fail(parse, "write ADDRESS:PORT, such as 127.0.0.1:80%s",
			parse->endpoint.side == ENDPOINT_LISTEN ? ", or *:80 for every address"
								: "");
	} else if (strchr(text, ':') != colon) {
		return fail(parse, "IPv6 addresses have brackets: write [ADDRESS]:PORT, such as "
				   "[::1]:80");
	}
	*colon = '\0';
	r = parse_host(parse, text, brackets);
	return r < 0 ? r : parse_port(parse, colon + 1);
}

/* ---- the others ---- */

static int parse_unix(struct parse *parse, const char *path)
{
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - (path[0] != '@');

	if (!path[0] || strcmp(path, "@") == 0)
		return fail(parse, "write unix:PATH, or unix:@NAME for an abstract name");
	if (strlen(path) > max)
		return fail(parse, "the %s is too long, a Unix socket's has %zu bytes at most",
			path[0] == '@' ? "name" : "path", path[0] == '@' ? max - 1 : max);
	return copy_text(parse, path, &parse->endpoint.path);
}

static int parse_fd(struct parse *parse, const char *fd)
{
	unsigned number;

	if (!host_number(fd, 0, INT_MAX, &number))
		return fail(parse, "\"%s\" is no descriptor: write a number, such as fd:3", fd);
	parse->endpoint.fd = (int)number;
	return 0;
}

static int parse_where(struct parse *parse, char *text)
{
	size_t length = strcspn(text, ":");
	enum endpoint_kind kind = ENDPOINT_TCP;

	for (; kind <= ENDPOINT_FD; kind++) {
		const char *name = endpoint_kind_text(kind);

		if (text[length] && strlen(name) == length && memcmp(text, name, length) == 0)
			break;
	}
	parse->endpoint.kind = kind > ENDPOINT_FD ? ENDPOINT_TCP : kind;
	switch (kind) {
	case ENDPOINT_UNIX:
		return parse_unix(parse, text + length + 1);
	case ENDPOINT_FD:
		return parse_fd(parse, text + length + 1);
	case ENDPOINT_TCP:
	case ENDPOINT_UDP:
		return parse_host_port(parse, text + length + 1);
	}
	/* A path, or another kind, of which socat(1) has many; no IPv6 address without brackets. */
	if (strchr(text, '/') || (text[strspn(text, "0123456789abcdefABCDEF")] != ':' &&
					 text[0] != '[' && strchr(text, ':') != strrchr(text, ':')))
		return fail(parse, "write tcp:ADDRESS:PORT, udp:ADDRESS:PORT, unix:PATH or fd:N");
	return parse_host_port(parse, text);
}

/* Cuts the next part off, without its backslashes. NULL: a backslash with nothing behind it. */
static char *next_part(char **cursor)
{
	char *part = *cursor, *to = part, *from = part;

	for (; *from && *from != ','; from++) {
		if (*from == '\\' && !*++from)
			return NULL;
		*to++ = *from;
	}
	*cursor = *from ? from + 1 : NULL;
	*to = '\0';
	return part;
}

static int parse_parts(struct parse *parse, char *cursor)
{
	struct endpoint *endpoint = &parse->endpoint;
	char reason[400], *part = next_part(&cursor);
	unsigned seen = 0;
	int r;

	if (!part)
		return fail(parse, "there is nothing behind the last backslash");
	r = parse_where(parse, part);
	if (r < 0)
		return r;
	if (endpoint->side == ENDPOINT_CONNECT && endpoint->kind == ENDPOINT_TCP)
		endpoint->tos = ENDPOINT_CARRY;
	while (cursor) {
		part = next_part(&cursor);
		if (!part)
			return fail(parse, "there is nothing behind the last backslash");
		r = setting_parse(endpoint, part, &seen, reason, sizeof(reason));
		if (r < 0)
			break;
	}
	if (r == 0)
		r = setting_check(endpoint, seen, reason, sizeof(reason));
	if (r < 0)
		fail(parse, "%s", reason);
	return r;
}

int endpoint_parse(const char *text, enum endpoint_side side, struct endpoint *ret, char *error,
	size_t error_size)
{
	struct parse parse = {.text = text, .error = error, .error_size = error_size};
	char *copy = NULL;
	int r;

	error[0] = '\0';
	endpoint_init(&parse.endpoint, side);
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			snprintf(error, error_size, "\"...\": there is a control character in it");
			return -EINVAL;
		}
	}
	if (!text[0]) {
		snprintf(error, error_size,
			"\"\": it is empty: write tcp:ADDRESS:PORT, udp:ADDRESS:PORT, unix:PATH or "
			"fd:N");
		return -EINVAL;
	}
	r = copy_text(&parse, text, &parse.endpoint.text);
	if (r == 0)
		r = copy_text(&parse, text, &copy);
	if (r == 0)
		r = parse_parts(&parse, copy);
	free(copy);
	if (r < 0) {
		endpoint_free(&parse.endpoint);
		return r;
	}
	*ret = parse.endpoint;
	return 0;
}
