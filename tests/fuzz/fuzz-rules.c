/* SPDX-License-Identifier: MIT */
/*
 * Any text is either rules, and then each of them is one that can fit, or refused with the very
 * part of the text that is wrong. Rules mean the same with other blanks around them.
 */
#include "tests/fuzz/fuzz.h"

#include "xbind/rules.h"

#include <errno.h>

static void check_rules(const struct rules *rules)
{
	HOLDS(rules->count <= RULES_MAX);
	HOLDS(rules->servers_used >= 1 && rules->servers_used <= RULES_SERVERS_MAX);
	for (unsigned i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i];
		const char *server = rules_server(rules, rule);
		const struct rule *found;

		HOLDS(rule->protocols >= 1 && rule->protocols <= 3);
		HOLDS(rule->first <= rule->last);
		HOLDS(rule->first > 0 || rule->last == 0);
		HOLDS(rules_mention(rules, rule->first) && rules_mention(rules, rule->last));
		found = rules_find(
			rules, rule->protocols & RULE_TCP ? RULE_TCP : RULE_UDP, rule->last);
		HOLDS(found && found <= rule && rule->last >= found->first &&
			rule->last <= found->last);
		if (server) {
			HOLDS(rule->server < rules->servers_used);
			HOLDS(server[0] && !strpbrk(server, " \t\r\n"));
			HOLDS(rule->server + strlen(server) < rules->servers_used);
		}
	}
}

static void is_same(const struct rules *a, const struct rules *b)
{
	HOLDS(a->count == b->count && a->servers_used == b->servers_used);
	for (unsigned i = 0; i < a->count; i++) {
		const struct rule *p = &a->rule[i], *q = &b->rule[i];
		const char *x = rules_server(a, p), *y = rules_server(b, q);

		HOLDS(p->protocols == q->protocols && p->server == q->server);
		HOLDS(p->first == q->first && p->last == q->last);
		HOLDS(!x == !y && (!x || strcmp(x, y) == 0));
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
