/* SPDX-License-Identifier: MIT */
#include "xbind/rules.h"

#include "common/address.h"

#include <errno.h>
#include <string.h>

/* A part of the text that is being parsed. */
struct span {
	const char *text;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool span_starts(const struct span *span, const char *prefix)
{
	size_t length = strlen(prefix);

	return span->length >= length && memcmp(span->text, prefix, length) == 0;
}

static void span_skip(struct span *span, size_t length)
{
	span->text += length;
	span->length -= length;
}

static const char *port_parse(struct span *span, uint16_t *ret)
{
	unsigned port = 0;

	if (span->length == 0 || *span->text < '0' || *span->text > '9')
		return "a port is expected: a number, a range or *";
	while (span->length > 0 && *span->text >= '0' && *span->text <= '9') {
		port = port * 10 + (unsigned)(*span->text - '0');
		if (port > UINT16_MAX)
			return "a port is at most 65535";
		span_skip(span, 1);
	}
	*ret = (uint16_t)port;
	return NULL;
}

static const char *ports_parse(struct span *span, struct rule *rule)
{
	const char *reason;

	if (span_starts(span, "*")) {
		span_skip(span, 1);
		rule->first = 1;
		rule->last = UINT16_MAX;
		return NULL;
	}
	reason = port_parse(span, &rule->first);
	if (reason)
		return reason;
	rule->last = rule->first;
	if (!span_starts(span, "-"))
		return NULL;
	span_skip(span, 1);
	reason = port_parse(span, &rule->last);
	if (reason)
		return reason;
	if (rule->first > rule->last)
		return "the range ends before it begins";
	if (rule->first == 0)
		return "0 stands for a port that bind() chooses, it cannot begin a range";
	return NULL;
}

/* Remembers a SERVER; each different one is kept once. */
static const char *server_add(struct rules *rules, const struct span *span, uint16_t *ret)
{
	char server[sizeof(((struct address *)0)->un.sun_path) + 1];
	struct address address;
	uint16_t offset = 1;

	if (span->length >= sizeof(server))
		return "the name of the broker is too long";
	memcpy(server, span->text, span->length);
	server[span->length] = '\0';
	switch (address_from_server(server, &address)) {
	case 0:
		break;
	case -ENAMETOOLONG:
		return "the name of the broker is too long";
	default:
		return "a broker is expected after @";
	}
	while (offset < rules->servers_used && strcmp(rules->servers + offset, server) != 0)
		offset = (uint16_t)(offset + strlen(rules->servers + offset) + 1);
	*ret = offset;
	if (offset < rules->servers_used)
		return NULL;
	if (offset + span->length + 1 > sizeof(rules->servers))
		return "too many different brokers";
	memcpy(rules->servers + offset, server, span->length + 1);
	rules->servers_used = (uint16_t)(offset + span->length + 1);
	return NULL;
}

/* Returns NULL, or what is wrong. */
static const char *rule_parse(struct rules *rules, struct span span)
{
	struct rule rule = {.protocols = RULE_TCP | RULE_UDP};
	const char *reason;

	if (span_starts(&span, "tcp:"))
		rule.protocols = RULE_TCP;
	if (span_starts(&span, "udp:"))
		rule.protocols = RULE_UDP;
	if (rule.protocols != (RULE_TCP | RULE_UDP))
		span_skip(&span, 4);
	reason = ports_parse(&span, &rule);
	if (reason)
		return reason;
	if (span_starts(&span, "@")) {
		span_skip(&span, 1);
		if (memchr(span.text, '=', span.length) && !memchr(span.text, '/', span.length))
			return "this version cannot bind to another address (=)";
		reason = server_add(rules, &span, &rule.server);
		if (reason)
			return reason;
		span.length = 0;
	}
	if (span_starts(&span, "="))
		return "this version cannot bind to another address (=)";
	if (span.length > 0)
		return "a blank, or @ and a broker, is expected after the port";
	if (rules->count == RULES_MAX)
		return "more than 64 rules";
	rules->rule[rules->count++] = rule;
	return NULL;
}

int rules_parse(const char *text, struct rules *ret, struct rules_error *ret_error)
{
	const char *position = text;

	ret->count = 0;
	/* Offset 0 means that there is none. */
	ret->servers_used = 1;
	while (position) {
		struct span span = {.text = position};
		const char *reason;

		if (is_blank(*position)) {
			position++;
			continue;
		}
		if (!*position)
			break;
		while (span.text[span.length] && !is_blank(span.text[span.length]))
			span.length++;
		reason = rule_parse(ret, span);
		if (reason) {
			*ret_error = (struct rules_error){
				.reason = reason,
				.rule = span.text,
				.length = span.length,
				.position = (size_t)(span.text - text) + 1,
			};
			return -EINVAL;
		}
		position += span.length;
	}
	return 0;
}

bool rules_mention(const struct rules *rules, uint16_t port)
{
	for (unsigned i = 0; i < rules->count; i++) {
		if (port >= rules->rule[i].first && port <= rules->rule[i].last)
			return true;
	}
	return false;
}

const struct rule *rules_find(const struct rules *rules, enum rule_protocol protocol, uint16_t port)
{
	for (unsigned i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i];

		if ((rule->protocols & protocol) && port >= rule->first && port <= rule->last)
			return rule;
	}
	return NULL;
}

const char *rules_server(const struct rules *rules, const struct rule *rule)
{
	return rule->server ? rules->servers + rule->server : NULL;
}
