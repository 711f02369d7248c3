/* SPDX-License-Identifier: MIT */
#include "resolver/lookup.h"

#include "resolver/dns.h"
#include "resolver/hosts.h"
#include "resolver/lines.h"
#include "resolver/readconf.h"
#include "resolver/why.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void lookup_begin(struct lookup *lookup, const struct resolver_source *source, char *why)
{
	*lookup = (struct lookup){
		.source = source,
		.deadline = clock_ms(CLOCK_MONOTONIC) + LOOKUP_DEADLINE_MS,
		.cancel = -1,
		.why = why ? why : lookup->spare,
	};
	lookup->why[0] = '\0';
}

void lookup_end(struct lookup *lookup)
{
	channel_free(lookup->channel);
	lookup->channel = NULL;
	free(lookup->conf);
	lookup->conf = NULL;
}

enum outcome lookup_fail(struct lookup *lookup, int error, const char *what)
{
	lookup->error = error;
	why_text(lookup->why, lookup->source->name, error, what);
	return OUTCOME_SYSTEM;
}

/* A descriptor; -ENOENT: the namespace has no such file; or another negative errno. */
static int open_file(const struct lookup *lookup, enum resolver_file which)
{
	return lookup->source->file(lookup->source->data, which);
}

/* ---- the channel ---- */

static int read_resolvconf(struct lookup *lookup)
{
	lookup->conf = malloc(sizeof(*lookup->conf));
	if (!lookup->conf)
		return -ENOMEM;
	resolvconf_init(lookup->conf);
	return readconf(lookup->source, lookup->conf, &lookup->conf_is_ours);
}

enum outcome lookup_open(struct lookup *lookup)
{
	struct channel_options options = {
		.source = lookup->source,
		.timeout_ms = lookup->timeout_ms,
		.tries = lookup->tries,
		.deadline = lookup->deadline,
		.cancel = lookup->cancel,
	};
	int r;

	if (lookup->channel)
		return OUTCOME_FOUND;
	if (!channel_possible()) {
		lookup->status = CHANNEL_MISSING;
		why_servers(lookup);
		return OUTCOME_AGAIN;
	}
	r = lookup->conf ? 0 : read_resolvconf(lookup);
	if (r < 0)
		return lookup_fail(lookup, r, "its resolv.conf cannot be had");
	if (!options.timeout_ms)
		options.timeout_ms = 1000 * (lookup->conf->timeout_s ? lookup->conf->timeout_s : 1);
	if (!options.tries)
		options.tries = lookup->conf->attempts ? lookup->conf->attempts : 1;
	options.conf = lookup->conf;
	readconf_scopes(lookup->source, lookup->conf, options.scopes);
	r = channel_new(&options, &lookup->channel);
	return r < 0 ? lookup_fail(lookup, r, NULL) : OUTCOME_FOUND;
}

/* ---- the order of sources ---- */

static int read_order(struct lookup *lookup, struct nsswitch *ret)
{
	_cleanup_fd_ int file = open_file(lookup, RESOLVER_NSSWITCH_CONF);
	struct lines lines;
	char *line;
	int r;

	nsswitch_init(ret);
	if (file < 0)
		return file == -ENOENT ? 0 : file;
	lines_init(&lines, file);
	while ((r = lines_next(&lines, &line)) > 0)
		nsswitch_line(ret, line);
	lines_end(&lines);
	return r;
}

/* What is looked for: a name, or an address. */
struct subject {
	const char *name; /* NULL: an address */
	int family;
	const void *bytes;
};

static enum outcome ask_files(
	struct lookup *lookup, const struct subject *subject, struct found *ret)
{
	_cleanup_fd_ int file = open_file(lookup, RESOLVER_HOSTS);
	int r;

	if (file == -ENOENT)
		return OUTCOME_NO_NAME;
	if (file < 0)
		r = file;
	else if (subject->name)
		r = hosts_find_name(file, subject->name, subject->family, ret);
	else
		r = hosts_find_address(file, subject->family, subject->bytes, ret);
	if (r < 0)
		return lookup_fail(lookup, r, "its hosts file cannot be had");
	if (ret->n == 0)
		return OUTCOME_NO_NAME;
	ret->ttl_s = FOUND_UNTIMED;
	return OUTCOME_FOUND;
}

/* ---- localhost ---- */

/* Its length without a dot at the end, where a name is localhost or below it; or 0. */
static size_t localhost_length(const char *name)
{
	static const char localhost[] = "localhost";
	size_t length = strlen(name), own = sizeof(localhost) - 1;

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length < own || strncasecmp(name + length - own, localhost, own) != 0 ||
		(length > own && name[length - own - 1] != '.'))
		return 0;
	return length;
}

/* Whether the hosts file has a name, with whatever address; or a negative errno. */
static int is_in_hosts(const struct lookup *lookup, const char *name, size_t length)
{
	_cleanup_fd_ int file = open_file(lookup, RESOLVER_HOSTS);
	struct found found = {0};
	char *plain;
	int r;

	if (file < 0)
		return file == -ENOENT ? 0 : file;
	plain = strndup(name, length);
	r = plain ? hosts_find_name(file, plain, AF_UNSPEC, &found) : -ENOMEM;
	if (r == 0)
		r = found.n > 0;
	found_clear(&found);
	free(plain);
	return r;
}

/*
 * DNS is never asked for these names (RFC 6761, section 6.3). They are the namespace itself, unless
 * the hosts file has them, and so has all there is to know.
 */
static enum outcome ask_localhost(
	struct lookup *lookup, const struct subject *subject, size_t length, struct found *ret)
{
	struct in_addr in = {htonl(INADDR_LOOPBACK)};
	int r = is_in_hosts(lookup, subject->name, length);

	if (r < 0)
		return lookup_fail(lookup, r, "its hosts file cannot be had");
	if (r > 0)
		return OUTCOME_NO_NAME;
	ret->ttl_s = FOUND_UNTIMED;
	r = ret->name ? 0 : found_set_name(ret, subject->name);
	if (r == 0 && subject->family != AF_INET6)
		r = found_add_address(ret, AF_INET, &in);
	if (r == 0 && subject->family != AF_INET)
		r = found_add_address(ret, AF_INET6, &in6addr_loopback);
	return r < 0 ? lookup_fail(lookup, r, NULL) : OUTCOME_FOUND;
}

/* ---- */

static enum outcome ask_dns(struct lookup *lookup, const struct subject *subject, struct found *ret)
{
	size_t length = subject->name ? localhost_length(subject->name) : 0;

	if (!subject->name)
		return dns_names(lookup, subject->family, subject->bytes, ret);
	if (length > 0)
		return ask_localhost(lookup, subject, length, ret);
	return dns_addresses(lookup, subject->name, subject->family, ret);
}

static enum outcome ask_source(struct lookup *lookup, enum nsswitch_kind kind,
	const struct subject *subject, struct found *ret)
{
	switch (kind) {
	case NSSWITCH_FILES:
		return ask_files(lookup, subject, ret);
	case NSSWITCH_DNS:
		return ask_dns(lookup, subject, ret);
	case NSSWITCH_OTHER:
		break;
	}
	return OUTCOME_AGAIN;
}

/* IPv6, and IPv4 in its place or beside it. */
static enum outcome ask_source_mapped(struct lookup *lookup, enum nsswitch_kind kind,
	const struct subject *subject, const struct lookup_wanted *wanted, struct found *ret)
{
	struct subject other = *subject;
	enum outcome outcome = ask_source(lookup, kind, subject, ret), second;
	bool mapped = wanted->and_mapped || (wanted->or_mapped && outcome != OUTCOME_FOUND);

	if (!subject->name || subject->family != AF_INET6 || !mapped || outcome == OUTCOME_SYSTEM)
		return outcome;
	other.family = AF_INET;
	second = ask_source(lookup, kind, &other, ret);
	if (outcome == OUTCOME_FOUND || second == OUTCOME_FOUND)
		return OUTCOME_FOUND;
	return second == OUTCOME_AGAIN ? outcome : second;
}

static enum outcome ask_in_order(struct lookup *lookup, const struct subject *subject,
	const struct lookup_wanted *wanted, struct found *ret)
{
	enum outcome outcome = OUTCOME_NO_NAME, one;
	bool asked = false;
	struct nsswitch order;
	int r = read_order(lookup, &order);

	if (r < 0)
		return lookup_fail(lookup, r, "its nsswitch.conf cannot be had");
	for (unsigned i = 0; i < order.n; i++) {
		const struct nsswitch_source *source = &order.sources[i];

		one = ask_source_mapped(lookup, source->kind, subject, wanted, ret);
		if (source->kind != NSSWITCH_OTHER) {
			outcome = one;
			asked = true;
		}
		if (nsswitch_ends(source, one))
			break;
	}
	if (!asked)
		return lookup_fail(lookup, -EINVAL,
			"its nsswitch.conf has neither files nor dns for hosts to be asked");
	if (outcome != OUTCOME_AGAIN && outcome != OUTCOME_SYSTEM)
		lookup->why[0] = '\0';
	return outcome;
}

enum outcome lookup_name(struct lookup *lookup, const char *name,
	const struct lookup_wanted *wanted, struct found *ret)
{
	struct subject subject = {.name = name, .family = wanted->family};

	return ask_in_order(lookup, &subject, wanted, ret);
}

enum outcome lookup_address(struct lookup *lookup, int family, const void *bytes, struct found *ret)
{
	struct subject subject = {.family = family, .bytes = bytes};
	struct lookup_wanted wanted = {.family = family};

	return ask_in_order(lookup, &subject, &wanted, ret);
}

enum outcome lookup_entry(struct lookup *lookup, off_t *position, int family, struct found *ret)
{
	_cleanup_fd_ int file = -1;
	struct nsswitch order;
	bool has_files = false;
	int r = read_order(lookup, &order);

	if (r < 0)
		return lookup_fail(lookup, r, "its nsswitch.conf cannot be had");
	for (unsigned i = 0; i < order.n; i++)
		has_files = has_files || order.sources[i].kind == NSSWITCH_FILES;
	file = has_files ? open_file(lookup, RESOLVER_HOSTS) : -ENOENT;
	if (file == -ENOENT)
		return OUTCOME_NO_NAME;
	r = file < 0 ? file : hosts_next(file, position, family, ret);
	if (r < 0)
		return lookup_fail(lookup, r, "its hosts file cannot be had");
	return ret->n > 0 ? OUTCOME_FOUND : OUTCOME_NO_NAME;
}
