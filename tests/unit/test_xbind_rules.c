/* SPDX-License-Identifier: MIT */
/*
 * XBIND is parsed as rules.h promises: which rule a port of a protocol gets, and what is said of a
 * text that is no rules. And every errno of a broker becomes one that bind(2) may fail with.
 */
#include "tests/unit/unit.h"

#include "xbind/advice.h"
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
		rule = rules_find(&rules, matches[i].protocol, matches[i].port);
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

static const struct {
	const char *text, *rule, *reason;
	size_t position;
} errors[] = {
	{"x", "x", "port is expected", 1},
	{"3000 x", "x", "port is expected", 6},
	{"\t 3000,3001 1", "3000,3001", "blank", 3},
	{"65536", "65536", "65535", 1},
	{"99999999999999999999", "99999999999999999999", "65535", 1},
	{"-1", "-1", "port is expected", 1},
	{"+1", "+1", "port is expected", 1},
	{"8010-8000", "8010-8000", "range ends", 1},
	{"0-10", "0-10", "0 stands", 1},
	{"1-", "1-", "port is expected", 1},
	{"1-*", "1-*", "port is expected", 1},
	{"1-2-3", "1-2-3", "blank", 1},
	{"**", "**", "blank", 1},
	{"tcp:", "tcp:", "port is expected", 1},
	{"TCP:1", "TCP:1", "port is expected", 1},
	{"tcp:udp:1", "tcp:udp:1", "port is expected", 1},
	{"sctp:1", "sctp:1", "port is expected", 1},
	{"3000@", "3000@", "broker is expected", 1},
	{"3000@@", "3000@@", "broker is expected", 1},
	{"3000@.", "3000@.", "broker is expected", 1},
	{"3000@..", "3000@..", "broker is expected", 1},
	{"3000 @vpn", "@vpn", "port is expected", 6},
	{"3000=4000", "3000=4000", "cannot bind to another address", 1},
	{"3000=1.2.3.4:80@vpn", "3000=1.2.3.4:80@vpn", "cannot bind to another address", 1},
	{"3000@vpn=4000", "3000@vpn=4000", "cannot bind to another address", 1},
};

static void test_errors(void **state)
{
	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		struct rules_error error;
		struct rules rules;

		print_message("# case %zu\n", i);
		assert_int_equal(rules_parse(errors[i].text, &rules, &error), -EINVAL);
		assert_non_null(strstr(error.reason, errors[i].reason));
		assert_int_equal(error.length, strlen(errors[i].rule));
		assert_memory_equal(error.rule, errors[i].rule, error.length);
		assert_int_equal(error.position, errors[i].position);
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
	assert_non_null(rules_find(&rules, RULE_TCP, 1000 + RULES_MAX - 1));
	strcat(text, "9");
	assert_int_equal(rules_parse(text, &rules, &error), -EINVAL);
	assert_int_equal(error.position, RULES_MAX * 5 + 1);
}

static void test_long_servers(void **state)
{
	char text[RULES_SERVERS_MAX * 2 + 64] = "1@/", server[128];
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

/* Whatever happens, bind(2) fails with something that a program does not try again at once. */
static void test_advice(void **state)
{
	static const int never[] = {0, EAGAIN, EINTR, EINPROGRESS, EADDRINUSE, EBADF, ENOTSOCK};
	static const int named[] = {ENAMETOOLONG, ENOENT, ENOTDIR, ELOOP, ECONNREFUSED, EACCES,
		EPERM, ENETDOWN, ETIMEDOUT, EBADMSG, EOPNOTSUPP, EPROTO, EPROTONOSUPPORT,
		EAFNOSUPPORT, ESOCKTNOSUPPORT, EMFILE, ENFILE, ETOOMANYREFS, EUSERS, EBUSY,
		ENOBUFS, ENOMEM};

	for (int error = 1; error < 4096; error++) {
		const struct advice *advice = advice_for(error);

		assert_non_null(advice->text);
		for (size_t i = 0; i < ELEMENTS(never); i++)
			assert_int_not_equal(advice->program_errno, never[i]);
	}
	/* What lib/xsocket.h names has a text of its own. */
	for (size_t i = 0; i < ELEMENTS(named); i++)
		assert_ptr_not_equal(advice_for(named[i]), advice_for(4095));
	assert_ptr_equal(advice_for(EAGAIN), advice_for(4095));
	assert_int_equal(advice_for(ENOENT)->program_errno, EADDRNOTAVAIL);
	assert_int_equal(advice_for(ECONNREFUSED)->program_errno, EADDRNOTAVAIL);
	assert_int_equal(advice_for(EACCES)->program_errno, EACCES);
	assert_int_equal(advice_for(EMFILE)->program_errno, EMFILE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_as_many_rules_as_there_may_be),
		cmocka_unit_test(test_long_servers),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
