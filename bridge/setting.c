/* SPDX-License-Identifier: MIT */
/* One row of a table for each option: whose it is, and what its value may be. */
#include "bridge/setting.h"

#include "bridge/host.h"
#include "bridge/netaddr.h"
#include "common/address.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PID_MAX	      4194304 /* PID_MAX_LIMIT, proc(5) */
#define KEEPALIVE_MAX 32767   /* MAX_TCP_KEEPIDLE of the kernel, tcp(7) */

struct setting {
	struct endpoint *endpoint;
	const struct row *row;
	const char *value; /* "" where there is no "=" */
	bool bare;	   /* there is none */
	char *error;
	size_t error_size;
};

struct row {
	const char *name;
	unsigned sides, kinds;
	int (*parse)(struct setting *setting);
	size_t offset; /* of what it sets, where parse serves several */
	unsigned min, max;
};

__attribute__((format(printf, 2, 3))) static int fail(
	struct setting *setting, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(setting->error, setting->error_size, format, args);
	va_end(args);
	return -EINVAL;
}

static void *field(const struct setting *setting)
{
	return (char *)setting->endpoint + setting->row->offset;
}

static int set_text(struct setting *setting, const char *value, char **field_text)
{
	*field_text = strdup(value);
	if (*field_text)
		return 0;
	fail(setting, "%s", strerror(ENOMEM));
	return -ENOMEM;
}

/* ---- values ---- */

static int parse_yes_no(struct setting *setting)
{
	bool yes = setting->bare || strcmp(setting->value, "yes") == 0;

	if (!yes && strcmp(setting->value, "no") != 0)
		return fail(setting, "%s= takes yes or no, not \"%s\"", setting->row->name,
			setting->value);
	*(bool *)field(setting) = yes;
	return 0;
}

static int parse_text(struct setting *setting)
{
	if (!setting->value[0])
		return fail(setting, "%s needs a name: write %s=NAME", setting->row->name,
			setting->row->name);
	return set_text(setting, setting->value, field(setting));
}

static int set_number(struct setting *setting, const char *hint)
{
	const struct row *row = setting->row;
	unsigned number;

	if (!host_number(setting->value, row->min, row->max, &number))
		return fail(setting, "%s= takes a number from %u to %u%s, not \"%s\"", row->name,
			row->min, row->max, hint, setting->value);
	*(int *)field(setting) = (int)number;
	return 0;
}

static int parse_number(struct setting *setting)
{
	return set_number(setting, "");
}

/* A listener of TCP has connections before it knows what their targets send. */
static int parse_carry(struct setting *setting)
{
	const struct endpoint *endpoint = setting->endpoint;
	bool connects = endpoint->side == ENDPOINT_CONNECT;

	if (!connects && endpoint->kind != ENDPOINT_UDP)
		return set_number(setting, "");
	if (strcmp(setting->value, "carry") != 0)
		return set_number(setting,
			connects ? ", or carry for the client's" : ", or carry for the target's");
	*(int *)field(setting) = ENDPOINT_CARRY;
	return 0;
}

/* As firewalls write marks: 17, or 0x11. */
static int parse_mark(struct setting *setting)
{
	const char *value = setting->value;
	unsigned long mark;
	char *end;

	errno = 0;
	mark = strtoul(value, &end, strncmp(value, "0x", 2) == 0 ? 16 : 10);
	if (errno || *end || value[0] < '0' || value[0] > '9' || mark > INT_MAX)
		return fail(
			setting, "mark= takes a number from 0 to 0x7fffffff, not \"%s\"", value);
	setting->endpoint->mark = (int)mark;
	return 0;
}

static int parse_keepalive(struct setting *setting)
{
	unsigned seconds;

	if (host_number(setting->value, 1, KEEPALIVE_MAX, &seconds))
		setting->endpoint->keepalive = (int)seconds;
	else if (setting->bare || strcmp(setting->value, "yes") == 0)
		setting->endpoint->keepalive = 0;
	else if (strcmp(setting->value, "no") == 0)
		setting->endpoint->keepalive = -1;
	else
		return fail(setting, "keepalive= takes yes, no, or 1 to %u seconds, not \"%s\"",
			KEEPALIVE_MAX, setting->value);
	return 0;
}

static int parse_mode(struct setting *setting)
{
	const char *value = setting->value;
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (*end || value[0] < '0' || value[0] > '7' || mode > 0777)
		return fail(
			setting, "mode= takes permissions, such as 0660, not \"%s\"", value);
	setting->endpoint->mode = (mode_t)mode;
	return 0;
}

static int parse_interface(struct setting *setting)
{
	const char *value = setting->value;

	if (!value[0] || strlen(value) >= IF_NAMESIZE || strpbrk(value, "/ :"))
		return fail(
			setting, "interface= takes the name of an interface, not \"%s\"", value);
	return set_text(setting, value, &setting->endpoint->interface);
}

static int parse_proxy(struct setting *setting)
{
	static const char *const names[] = {
		[ENDPOINT_PROXY_V1] = "v1",
		[ENDPOINT_PROXY_V2] = "v2",
		[ENDPOINT_PROXY_ANY] = "any",
	};
	struct endpoint *endpoint = setting->endpoint;
	bool listens = endpoint->side == ENDPOINT_LISTEN;
	enum endpoint_proxy proxy = ENDPOINT_PROXY_V1;

	for (; proxy <= ENDPOINT_PROXY_ANY; proxy++)
		if (strcmp(setting->value, names[proxy]) == 0)
			break;
	if (proxy > ENDPOINT_PROXY_ANY || (proxy == ENDPOINT_PROXY_ANY && !listens))
		return fail(setting, "proxy= takes %s, not \"%s\"",
			listens ? "v1, v2 or any" : "v1 or v2", setting->value);
	if (proxy == ENDPOINT_PROXY_V1 && endpoint->kind == ENDPOINT_UDP)
		return fail(setting,
			"version 1 of the PROXY protocol has no datagrams: write proxy=v2");
	endpoint->proxy = proxy;
	return 0;
}

/* ---- places ---- */

static int place_once(struct setting *setting)
{
	if (setting->endpoint->place == ENDPOINT_HERE)
		return 0;
	return fail(setting,
		"netns= and broker= exclude each other, a socket comes from one place: "
		"leave one of them out");
}

static int parse_netns(struct setting *setting)
{
	const char *value = setting->value;
	struct endpoint *endpoint = setting->endpoint;
	int r = place_once(setting);
	unsigned number;

	if (r < 0)
		return r;
	if (strncmp(value, "fd:", 3) == 0) {
		if (!host_number(value + 3, 0, INT_MAX, &number))
			return fail(setting, "netns=fd:N takes a descriptor, such as netns=fd:5");
		endpoint->place = ENDPOINT_NETNS_FD;
		endpoint->place_fd = (int)number;
		return 0;
	}
	if (strncmp(value, "pid:", 4) == 0) {
		if (!host_number(value + 4, 1, PID_MAX, &number))
			return fail(setting, "netns=pid:N takes the number of a process, such as "
					     "netns=pid:4242");
	} else if (!value[0] || strcmp(value, ".") == 0 || strcmp(value, "..") == 0 ||
		   strlen(value) >= PATH_MAX || (!strchr(value, '/') && strlen(value) > NAME_MAX)) {
		return fail(setting,
			"netns= takes NAME of ip-netns(8), a path, pid:N or fd:N, "
			"not \"%.40s\"",
			value);
	}
	endpoint->place = ENDPOINT_NETNS;
	return set_text(setting, value, &endpoint->place_name);
}

static int parse_broker(struct setting *setting)
{
	const char *value = setting->value;
	struct address address;
	int r = place_once(setting);

	if (r < 0)
		return r;
	if (address_from_server(value, &address) < 0)
		return fail(setting,
			"broker= takes SERVER of xsocket-server(8): NAME, a path or "
			"@name, not \"%.40s\"",
			value);
	setting->endpoint->place = ENDPOINT_BROKER;
	return set_text(setting, value, &setting->endpoint->place_name);
}

/* ---- bind= ---- */

static int parse_bind(struct setting *setting)
{
	const char *value = setting->value;
	struct netaddr address;

	if (host_source(value, &address) < 0)
		return fail(setting,
			"bind= takes ADDRESS or ADDRESS:PORT, such as 10.0.0.2 or "
			"[fd00::2]:5000, not \"%.60s\"",
			value);
	return set_text(setting, value, &setting->endpoint->bind);
}

/* ---- the table ---- */

#define LISTEN	    (1u << ENDPOINT_LISTEN)
#define CONNECT	    (1u << ENDPOINT_CONNECT)
#define BOTH	    (LISTEN | CONNECT)
#define TCP	    (1u << ENDPOINT_TCP)
#define UDP	    (1u << ENDPOINT_UDP)
#define UNIX	    (1u << ENDPOINT_UNIX)
#define FD	    (1u << ENDPOINT_FD)
#define FIELD(name) offsetof(struct endpoint, name)

static const struct row rows[] = {
	{"netns", BOTH, TCP | UDP | UNIX, parse_netns},
	{"broker", BOTH, TCP | UDP, parse_broker},
	{"proxy", LISTEN, TCP | UNIX | FD, parse_proxy},
	{"proxy", CONNECT, TCP | UDP | UNIX | FD, parse_proxy},
	{"interface", BOTH, TCP | UDP, parse_interface},
	{"nodelay", BOTH, TCP | FD, parse_yes_no, FIELD(nodelay)},
	{"keepalive", BOTH, TCP | FD, parse_keepalive},
	{"tos", BOTH, TCP | UDP, parse_carry, FIELD(tos), 0, 255},
	{"ttl", BOTH, TCP | UDP, parse_carry, FIELD(ttl), 1, 255},
	{"mark", BOTH, TCP | UDP, parse_mark},
	{"backlog", LISTEN, TCP | UNIX, parse_number, FIELD(backlog), 1, INT_MAX},
	{"ipv6only", LISTEN, TCP | UDP, parse_yes_no, FIELD(v6only)},
	{"freebind", LISTEN, TCP | UDP, parse_yes_no, FIELD(freebind)},
	{"mode", LISTEN, UNIX, parse_mode},
	{"user", LISTEN, UNIX, parse_text, FIELD(user)},
	{"group", LISTEN, UNIX, parse_text, FIELD(group)},
	{"accepted", LISTEN, FD, parse_yes_no, FIELD(accepted)},
	{"bind", CONNECT, TCP | UDP, parse_bind},
	{"transparent", CONNECT, TCP | UDP, parse_yes_no, FIELD(transparent)},
	{"as-local", CONNECT, TCP | UDP, parse_yes_no, FIELD(as_local)},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(N_ROWS <= sizeof(unsigned) * CHAR_BIT, "a bit for each");

static bool row_fits(const struct row *row, const struct endpoint *endpoint)
{
	return row->sides & 1u << endpoint->side && row->kinds & 1u << endpoint->kind;
}

/* Why there is no option of this name here, and which there are. */
static int unknown(struct setting *setting, const char *name)
{
	const struct endpoint *endpoint = setting->endpoint;
	size_t used = 0;
	char known[256] = "";
	bool elsewhere = false;

	for (size_t i = 0; i < N_ROWS; i++) {
		elsewhere |= strcmp(rows[i].name, name) == 0;
		if (row_fits(&rows[i], endpoint) && used < sizeof(known))
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
				used ? ", " : "", rows[i].name);
	}
	return fail(setting, "%s \"%.40s\" %s%s %s: endpoint, which takes %s",
		elsewhere ? "option" : "there is no option", name,
		elsewhere ? "means nothing to a " : "of a ",
		endpoint->side == ENDPOINT_LISTEN ? "listening" : "connecting",
		endpoint_kind_text(endpoint->kind), known);
}

int setting_parse(
	struct endpoint *endpoint, const char *text, unsigned *seen, char *error, size_t error_size)
{
	struct setting setting = {.endpoint = endpoint, .error = error, .error_size = error_size};
	size_t length = strcspn(text, "=");
	char name[32] = "";

	if (!text[0])
		return fail(&setting,
			"there is a comma with no option behind it (\\, is a comma in a path)");
	if (length < sizeof(name))
		memcpy(name, text, length);
	setting.bare = !text[length];
	setting.value = text + length + !setting.bare;
	for (size_t i = 0; i < N_ROWS; i++) {
		setting.row = &rows[i];
		if (strcmp(rows[i].name, name) != 0 || !row_fits(&rows[i], endpoint))
			continue;
		if (*seen & 1u << i)
			return fail(&setting, "%s is there twice: leave one out", name);
		*seen |= 1u << i;
		return rows[i].parse(&setting);
	}
	return unknown(&setting, length < sizeof(name) ? name : text);
}

static bool was(unsigned seen, const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (seen & 1u << i && strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

/* Two addresses that one socket is to connect, or an option that only IPv6 sockets have. */
static int check_families(struct setting *setting, const struct endpoint *endpoint)
{
	struct netaddr host, source;
	bool is_address = endpoint->host && host_address(endpoint->host, &host) == 0;

	if (endpoint->v6only && !(is_address && host.sa.sa_family == AF_INET6))
		return fail(setting, "ipv6only is for an IPv6 address: write [::]:%u,ipv6only",
			endpoint->port);
	if (!endpoint->bind || !is_address || host_source(endpoint->bind, &source) < 0)
		return 0;
	if (host.sa.sa_family != source.sa.sa_family)
		return fail(setting, "bind= has an %s address, and what it connects to an %s one",
			source.sa.sa_family == AF_INET ? "IPv4" : "IPv6",
			host.sa.sa_family == AF_INET ? "IPv4" : "IPv6");
	return 0;
}

int setting_check(const struct endpoint *endpoint, unsigned seen, char *error, size_t error_size)
{
	struct setting setting = {.error = error, .error_size = error_size};

	if (endpoint->kind == ENDPOINT_UNIX && endpoint->path[0] == '@' &&
		(was(seen, "mode") || was(seen, "user") || was(seen, "group")))
		return fail(&setting, "an abstract name has no mode=, user= or group=: anybody in "
				      "its network namespace can connect to it");
	if (endpoint->kind == ENDPOINT_UNIX && endpoint->path[0] != '@' &&
		endpoint->place != ENDPOINT_HERE)
		return fail(&setting,
			"a path is the same in every network namespace: leave netns= out");
	if (endpoint->bind && endpoint->transparent)
		return fail(&setting,
			"bind= and transparent exclude each other, both say the source: "
			"leave one of them out");
	return check_families(&setting, endpoint);
}
