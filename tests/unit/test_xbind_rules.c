/* SPDX-License-Identifier: MIT */
/* XBIND is parsed as rules.h promises: which rule a port of a protocol gets. */
#include "tests/unit/unit.h"

#include "xbind/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* server: NULL: no rule fits; "": one fits that names none. */
static const struct {
	const char *text;
	enum rule_protocol protocol;
	uint16_t port;
	const char *server;
} matches[] = {
	{NULL, RULE_TCP, 3000, NULL},
	{"", RULE_TCP, 0, NULL},
	{" \t\n\r ", RULE_TCP, 3000, NULL},
	{"3000", RULE_TCP, 3000, ""},
	{"3000", RULE_UDP, 3000, ""},
	{"3000", RULE_TCP, 3001, NULL},
	{"3000", RULE_TCP, 0, NULL},
	{"03000", RULE_TCP, 3000, ""},
	{"65535", RULE_TCP, 65535, ""},
	{"8000-8010", RULE_TCP, 7999, NULL},
	{"8000-8010", RULE_TCP, 8000, ""},
	{"8000-8010", RULE_TCP, 8010, ""},
	{"8000-8010", RULE_TCP, 8011, NULL},
	{"8000-8000", RULE_TCP, 8000, ""},
	{"1-65535", RULE_UDP, 65535, ""},
	{"*", RULE_TCP, 1, ""},
	{"*", RULE_UDP, 65535, ""},
	{"*", RULE_TCP, 0, NULL},
	{"0", RULE_TCP, 0, ""},
	{"0", RULE_TCP, 1, NULL},
	{"* 0", RULE_TCP, 0, ""},
	{"tcp:3000", RULE_TCP, 3000, ""},
	{"tcp:3000", RULE_UDP, 3000, NULL},
	{"udp:53", RULE_UDP, 53, ""},
	{"udp:53", RULE_TCP, 53, NULL},
	{"udp:*", RULE_UDP, 53, ""},
	{"udp:0", RULE_UDP, 0, ""},
	{"tcp:1-2", RULE_TCP, 2, ""},
	{"3000@vpn", RULE_TCP, 3000, "vpn"},
	{"*@/run/some/path", RULE_TCP, 3000, "/run/some/path"},
	{"3000@./a=b", RULE_TCP, 3000, "./a=b"},
	{"tcp:1-2@@name", RULE_TCP, 1, "@name"},
	{"3000@a@b", RULE_TCP, 3000, "a@b"},
	{"3000@a 3000@b", RULE_TCP, 3000, "a"},
	{"udp:3000@a 3000@b", RULE_TCP, 3000, "b"},
	{"3001@a 3002@b 3003@a 3004", RULE_TCP, 3003, "a"},
	{"3001@a 3002@b 3003@a 3004", RULE_TCP, 3002, "b"},
	{"3001@a 3002@b 3003@a 3004", RULE_TCP, 3004, ""},
	{"3001@ab 3002@b", RULE_TCP, 3002, "b"},
	{" 1\t2\n3 ", RULE_TCP, 3, ""},
	{"3000=8080@a 3000@b", RULE_TCP, 3000, "a"},
	{"3000=8080", RULE_TCP, 8080, NULL},
	{"tcp:3000=1@a udp:3000=2@b", RULE_TCP, 3000, "a"},
	{"tcp:3000=1@a udp:3000=2@b", RULE_UDP, 3000, "b"},
	{"3000=[::1%b]:1@a 3001@b", RULE_UDP, 3001, "b"},
	{"3000@a,b", RULE_TCP, 3000, "a,b"},
};

static void test_matches(void **state)
{
	for (size_t i = 0; i < ELEMENTS(matches); i++) {
		const char *server = matches[i].server, *found;
		const struct rule *rule;
		struct rules_error error;
		struct rules rules;

		print_message("# case %zu\n", i);
		assert_int_equal(rules_parse(matches[i].text, &rules, &error), 0);
		rule = rules_find(&rules, matches[i].protocol, matches[i].port, TARGET_ANY);
		if (!server) {
			assert_null(rule);
			continue;
		}
		assert_non_null(rule);
		assert_true(rules_mention(&rules, matches[i].port));
		found = rules_server(&rules, rule);
		if (!*server)
			assert_null(found);
		else
			assert_string_equal(found, server);
	}
}

static void test_as_many_rules_as_there_may_be(void **state)
{
	char text[RULES_MAX * 6 + 16] = "";
	struct rules_error error;
	struct rules rules;

	for (int i = 0; i < RULES_MAX; i++)
		sprintf(text + strlen(text), "%d ", 1000 + i);
	assert_int_equal(rules_parse(text, &rules, &error), 0);
	assert_non_null(rules_find(&rules, RULE_TCP, 1000 + RULES_MAX - 1, TARGET_ANY));
	strcat(text, "9");
	assert_int_equal(rules_parse(text, &rules, &error), -EINVAL);
	assert_int_equal(error.position, RULES_MAX * 5 + 1);
}

static void test_long_servers(void **state)
{
	char text[RULES_NAMES_MAX * 2 + 64] = "1@/", server[128];
	struct rules_error error;
	struct rules rules;

	/* unix(7): 107 bytes. */
	memset(text + 3, 'a', 106);
	assert_int_equal(rules_parse(text, &rules, &error), 0);
	assert_int_equal(strlen(rules_server(&rules, &rules.rule[0])), 107);
	memset(text + 3, 'a', 107);
	assert_int_equal(rules_parse(text, &rules, &error), -EINVAL);
	assert_non_null(strstr(error.reason, "too long"));
	memset(text + 3, 'a', 500);
	assert_int_equal(rules_parse(text, &rules, &error), -EINVAL);

	/* The same one is kept once, many different ones do not fit. */
	memset(server, 'b', sizeof(server));
	server[100] = '\0';
	text[0] = '\0';
	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), "%d@/%s ", i + 1, server);
	assert_int_equal(rules_parse(text, &rules, &error), 0);
	assert_string_equal(rules_server(&rules, &rules.rule[19]) + 1, server);
	text[0] = '\0';
	for (int i = 0; i < 20; i++)
		sprintf(text + strlen(text), "%d@/%c%s ", i + 1, 'a' + i, server + 1);
	assert_int_equal(rules_parse(text, &rules, &error), -EINVAL);
	assert_non_null(strstr(error.reason, "too many"));
}

/* Which rule never counts, by its number, or 0. */
static const struct {
	const char *text;
	unsigned rule, cover;
} covers[] = {
	{"3000 3001", 0, 0},
	{"3000 3000", 2, 1},
	{"3000-3010 3005=80", 2, 1},
	{"3005 3000-3010", 0, 0},
	{"tcp:3000 3000", 0, 0},
	{"tcp:3000 udp:3000", 0, 0},
	{"3000 tcp:3000@vpn", 2, 1},
	{"* 0", 0, 0},
	{"0 * 65535", 3, 2},
	{"3000=127.0.0.1 3000=[::1]", 0, 0},
	{"3000=127.0.0.1 3000=[::1] 3000=[::]", 3, 2},
	{"3000=127.0.0.1 3000", 0, 0},
	{"3000 3000=127.0.0.1", 2, 1},
	{"3000=127.0.0.1 3000=0.0.0.0:80", 2, 1},
};

static void test_cover(void **state)
{
	for (size_t i = 0; i < ELEMENTS(covers); i++) {
		struct rules_error error;
		struct rules rules;

		print_message("# case %zu\n", i);
		assert_int_equal(rules_parse(covers[i].text, &rules, &error), 0);
		for (unsigned j = 0; j < rules.count; j++) {
			const struct rule *cover = rules_cover(&rules, &rules.rule[j]);

			if (j + 1 == covers[i].rule)
				assert_ptr_equal(cover, &rules.rule[covers[i].cover - 1]);
			else
				assert_null(cover);
		}
	}
}

/* One may be on a signal handler's stack. */
static void test_size(void **state)
{
	assert_true(sizeof(struct rules) <= 3200);
	assert_true(sizeof(struct rule) <= 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_as_many_rules_as_there_may_be),
		cmocka_unit_test(test_long_servers),
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
