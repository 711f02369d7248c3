/* SPDX-License-Identifier: MIT */
#include "xbind/rules.h"

#include "preload/span.h"

#include "common/address.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What a text that does not begin as a rule was meant to be. */
static const char *hint_begin(const struct span *span)
{
	static const char *const expected = "a port is expected: a number, a range, * or 0";

	if (span->length == 0)
		return expected;
	if (*span->text == '\'' || *span->text == '"')
		return "leave out the quotation marks, they are not part of a rule";
	if (span_starts(span, "XBIND="))
		return "leave out XBIND=, it stands there already";
	if (span_is(span, "all") || span_is(span, "any"))
		return "write * for every port";
	if (*span->text == '=')
		return "the port that the program binds is expected before =, without blanks";
	if (*span->text == '@')
		return "a port is expected before @, without blanks; the broker of all rules is "
		       "XSOCKET";
	if (*span->text == '[')
		return "a port is expected, the one that the program binds; an address goes behind "
		       "it, as in 3000=[::1]";
	if (*span->text == ',' || *span->text == ';')
		return "rules are separated by blanks";
	if (*span->text == ':')
		return "a port is expected, without a colon before it";
	if (*span->text == '-' || *span->text == '+')
		return "a port is expected, a number without a sign";
	if (!span_starts_letter(span))
		return expected;
	if (span_has(span, ':') || span_has(span, '/'))
		return "a port is expected; before it only tcp: and udp:, in small letters, as in "
		       "tcp:3000 (tcp: is MPTCP and SCTP, too)";
	return "a port is expected, a number; names of services are not known";
}

/* What a text was meant to be that goes on wrongly behind its ports. */
static const char *hint_behind(const struct span *span, const struct rule *rule)
{
	static const char *const expected =
		"a blank, or = and where to bind it, or @ and a broker, is expected after the "
		"port";
	struct span next = {.text = span->text + 1, .length = span->length - 1};

	switch (*span->text) {
	case ',':
	case ';':
		return "rules are separated by blanks, as in 3000 4000";
	case '/':
		return "tcp: or udp: goes before the port, as in tcp:3000";
	case '.':
		return span_starts(&next, ".")
			       ? "a range is written with one -, as in 8000-8010"
			       : "a port is expected, the one that the program binds; an address "
				 "goes behind it, as in 3000=127.0.0.1";
	case '>':
		return "write 3000=4000 to have another port there";
	case ':':
		if (span_starts_digit(&next))
			return "write 3000=4000 to have another port there, 3000-4000 for a range";
		if (rule->protocols == (RULE_TCP | RULE_UDP) && span_starts_letter(&next))
			return "a broker goes after @, as in 3000@vpn";
		return expected;
	default:
		return expected;
	}
}

static const char *port_parse(struct span *span, uint16_t *ret, const char *otherwise)
{
	switch (span_port(span, ret)) {
	case 0:
		return NULL;
	case -ERANGE:
		return "a port is at most 65535";
	default:
		return otherwise;
	}
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
	reason = port_parse(span, &rule->first, hint_begin(span));
	if (reason)
		return reason;
	rule->last = rule->first;
	if (!span_starts(span, "-"))
		return NULL;
	span_skip(span, 1);
	reason = port_parse(span, &rule->last,
		span_starts(span, ">") ? "write 3000=4000 to have another port there"
				       : "after - a port is expected, with which the range ends");
	if (reason)
		return reason;
	if (rule->first > rule->last)
		return "the range ends before it begins";
	if (rule->first == 0)
		return "0 stands for a port that bind() chooses, it cannot begin a range";
	return NULL;
}

/* Each different name is kept once. */
static const char *name_add(
	struct rules *rules, const char *name, size_t length, const char *too_many, uint16_t *ret)
{
	uint16_t offset = 1;

	while (offset < rules->names_used &&
		(strlen(rules->names + offset) != length ||
			memcmp(rules->names + offset, name, length) != 0))
		offset = (uint16_t)(offset + strlen(rules->names + offset) + 1);
	*ret = offset;
	if (offset < rules->names_used)
		return NULL;
	if (offset + length + 1 > sizeof(rules->names))
		return too_many;
	memcpy(rules->names + offset, name, length);
	rules->names[offset + length] = '\0';
	rules->names_used = (uint16_t)(offset + length + 1);
	return NULL;
}

/* Whether another rule goes on behind a comma. A name has a comma, and this is not to be one. */
static bool has_another_rule(struct span span)
{
	while (span.length > 0) {
		bool comma = *span.text == ',' || *span.text == ';';

		span_skip(&span, 1);
		if (comma && (span.length == 0 || span_starts_digit(&span) || *span.text == '*' ||
				     span_starts(&span, "tcp:") || span_starts(&span, "udp:")))
			return true;
	}
	return false;
}

static const char *server_parse(struct rules *rules, const struct span *span, uint16_t *ret)
{
	char server[sizeof(((struct address *)0)->un.sun_path) + 1];
	struct address address;

	if (has_another_rule(*span))
		return "rules are separated by blanks, as in 3000@vpn 4000@vpn";
	if (span_has(span, '=') && !span_has(span, '/'))
		return "@ and the broker go to the end of the rule, as in 3000=4000@vpn";
	if (span->length >= sizeof(server))
		return "the name of the broker is too long";
	if (span->length > 0)
		memcpy(server, span->text, span->length);
	server[span->length] = '\0';
	switch (address_from_server(server, &address)) {
	case 0:
		return name_add(rules, server, span->length, "too many different brokers", ret);
	case -ENAMETOOLONG:
		return "the name of the broker is too long";
	default:
		return "a broker is expected after @";
	}
}

/* What is between = and @. */
static const char *target_add(
	struct rules *rules, struct span span, const struct rule *rule, struct target *ret)
{
	struct span interface;
	const char *reason = target_parse(span, ret, &interface);

	if (reason)
		return reason;
	if (ret->has_port && ret->port > 0 && rule->first == 1 && rule->last == UINT16_MAX)
		return "many ports cannot become one; give * an address alone, or leave out =";
	if (ret->port > 0 && ret->port + (rule->last - rule->first) > UINT16_MAX)
		return "the range would go beyond port 65535 there";
	if (interface.length > 0)
		return name_add(rules, interface.text, interface.length,
			"too many different interfaces", &ret->interface);
	return NULL;
}

/* Returns NULL, or what is wrong. */
static const char *rule_parse(struct rules *rules, struct span span)
{
	struct rule rule = {.protocols = RULE_TCP | RULE_UDP};
	struct target target = {.family = AF_UNSPEC};
	struct span part;
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
	if (span_starts(&span, "=")) {
		part = (struct span){span.text + 1, span_until(&span, '@') - 1};
		reason = target_add(rules, part, &rule, &target);
		if (reason)
			return reason;
		span_skip(&span, part.length + 1);
	}
	if (span_starts(&span, "@")) {
		span_skip(&span, 1);
		reason = server_parse(rules, &span, &rule.server);
		if (reason)
			return reason;
		span.length = 0;
	}
	if (span.length > 0)
		return hint_behind(&span, &rule);
	if (rules->count == RULES_MAX)
		return "more than 64 rules";
	rules->target[rules->count] = target;
	rules->rule[rules->count++] = rule;
	return NULL;
}

int rules_parse(const char *text, struct rules *ret, struct rules_error *ret_error)
{
	const char *position = text;

	ret->count = 0;
	/* Offset 0 means that there is none. */
	ret->names_used = 1;
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

const struct rule *rules_find(const struct rules *rules, enum rule_protocol protocol, uint16_t port,
	enum target_socket socket)
{
	for (unsigned i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i];

		if ((rule->protocols & protocol) && port >= rule->first && port <= rule->last &&
			(socket == TARGET_ANY || target_fits(&rules->target[i], socket)))
			return rule;
	}
	return NULL;
}

const char *rules_server(const struct rules *rules, const struct rule *rule)
{
	return rule->server ? rules->names + rule->server : NULL;
}

const struct target *rules_target(const struct rules *rules, const struct rule *rule)
{
	return &rules->target[rule - rules->rule];
}

const char *rules_interface(const struct rules *rules, const struct rule *rule)
{
	const struct target *target = rules_target(rules, rule);

	return target->interface ? rules->names + target->interface : NULL;
}

const struct rule *rules_cover(const struct rules *rules, const struct rule *rule)
{
	const struct target *target = rules_target(rules, rule);

	for (const struct rule *other = rules->rule; other < rule; other++) {
		const struct target *by = rules_target(rules, other);

		if ((other->protocols & rule->protocols) == rule->protocols &&
			other->first <= rule->first && other->last >= rule->last &&
			(by->family == AF_UNSPEC || by->family == target->family))
			return other;
	}
	return NULL;
}
