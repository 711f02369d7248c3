/* SPDX-License-Identifier: MIT */
/*
 * Any text is either rules, and then each of them is one that can fit, or refused with the very
 * part of the text that is wrong. Rules mean the same with other blanks around them. Where a port
 * is bound by a rule there is such a port, and a rule said to be covered never counts.
 */
#include "tests/fuzz/fuzz.h"

#include "xbind/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

static void check_name(const struct rules *rules, uint16_t offset, const char *name)
{
	HOLDS(offset > 0 && offset < rules->names_used);
	HOLDS(name[0] && !strpbrk(name, " \t\r\n"));
	HOLDS(offset + strlen(name) < rules->names_used);
}

/* A port of a rule becomes one that exists, and not all of them the same one. */
static void check_target(const struct rules *rules, const struct rule *rule, uint16_t port)
{
	const struct target *target = rules_target(rules, rule);
	struct sockaddr_storage address = {.ss_family = AF_INET6};
	struct sockaddr_in6 in6;
	socklen_t length = sizeof(in6);

	HOLDS(target_fits(target, TARGET_IPV4) || target_fits(target, TARGET_IPV6));
	HOLDS(target_fits(target, TARGET_DUAL));
	memset(&address, 0, sizeof(address));
	address.ss_family = AF_INET6;
	HOLDS(target_apply(target, AF_INET6, (unsigned)(port - rule->first), &address, &length) ==
		0);
	memcpy(&in6, &address, sizeof(in6));
	HOLDS(length == sizeof(in6) && in6.sin6_family == AF_INET6);
	if (!target->has_port)
		HOLDS(in6.sin6_port == 0);
	else if (target->port == 0)
		HOLDS(in6.sin6_port == 0);
	else
		HOLDS(ntohs(in6.sin6_port) == target->port + (port - rule->first));
}

static void check_rules(const struct rules *rules)
{
	HOLDS(rules->count <= RULES_MAX);
	HOLDS(rules->names_used >= 1 && rules->names_used <= RULES_NAMES_MAX);
	for (unsigned i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i], *found, *cover;
		enum rule_protocol protocol = rule->protocols & RULE_TCP ? RULE_TCP : RULE_UDP;

		HOLDS(rule->protocols >= 1 && rule->protocols <= 3);
		HOLDS(rule->first <= rule->last);
		HOLDS(rule->first > 0 || rule->last == 0);
		HOLDS(rules_mention(rules, rule->first) && rules_mention(rules, rule->last));
		found = rules_find(rules, protocol, rule->last, TARGET_ANY);
		HOLDS(found && found <= rule && rule->last >= found->first &&
			rule->last <= found->last);
		cover = rules_cover(rules, rule);
		HOLDS(!cover || cover < rule);
		for (int socket = TARGET_IPV4; socket <= TARGET_DUAL; socket++) {
			found = rules_find(rules, protocol, rule->last, (enum target_socket)socket);
			HOLDS(!found || target_fits(rules_target(rules, found),
						(enum target_socket)socket));
			HOLDS(!cover || found != rule);
		}
		if (rules_server(rules, rule))
			check_name(rules, rule->server, rules_server(rules, rule));
		if (rules_interface(rules, rule))
			check_name(rules, rules_target(rules, rule)->interface,
				rules_interface(rules, rule));
		check_target(rules, rule, rule->first);
		check_target(rules, rule, rule->last);
	}
}

static void is_same(const struct rules *a, const struct rules *b)
{
	HOLDS(a->count == b->count && a->names_used == b->names_used);
	HOLDS(memcmp(a->names + 1, b->names + 1, a->names_used - 1U) == 0);
	for (unsigned i = 0; i < a->count; i++) {
		const struct rule *p = &a->rule[i], *q = &b->rule[i];
		const struct target *x = rules_target(a, p), *y = rules_target(b, q);

		HOLDS(p->protocols == q->protocols && p->server == q->server);
		HOLDS(p->first == q->first && p->last == q->last);
		HOLDS(x->family == y->family && x->interface == y->interface);
		HOLDS(x->has_port == y->has_port && x->port == y->port);
		HOLDS(memcmp(x->address, y->address, sizeof(x->address)) == 0);
	}
}

static void check_error(const struct rules_error *error, const char *text)
{
	HOLDS(error->reason && error->reason[0]);
	HOLDS(error->length > 0 && error->position >= 1);
	HOLDS(error->rule == text + error->position - 1);
	HOLDS(error->position - 1 + error->length <= strlen(text));
	for (size_t i = 0; i < error->length; i++)
		HOLDS(!strchr(" \t\r\n", error->rule[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rules rules, again;
	struct rules_error error;
	char *text = malloc(size + 1), *spaced = malloc(2 * size + 3);
	size_t length = 0;
	int r;

	HOLDS(text && spaced);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	memset(&rules, 0x5a, sizeof(rules));
	r = rules_parse(text, &rules, &error);
	if (r == 0) {
		check_rules(&rules);
		spaced[length++] = '\t';
		for (const char *c = text; *c; c++) {
			if (*c == ' ')
				spaced[length++] = '\n';
			spaced[length++] = *c;
		}
		spaced[length++] = ' ';
		spaced[length] = '\0';
		memset(&again, 0xa5, sizeof(again));
		HOLDS(rules_parse(spaced, &again, &error) == 0);
		is_same(&rules, &again);
	} else {
		HOLDS(r == -EINVAL);
		check_error(&error, text);
	}
	free(text);
	free(spaced);
	return 0;
}
