/* SPDX-License-Identifier: MIT */
/*
 * A text that is no rules is refused as a whole, with the rule that is wrong, where it is, and what
 * to write instead. Each mistake that people make has a hint of its own.
 */
#include "tests/unit/unit.h"

#include "xbind/rules.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *text, *rule, *reason;
	size_t position;
} mistakes[] = {
	{"x", "x", "port is expected", 1},
	{"3000 x", "x", "port is expected", 6},
	{"\t 3000,3001 1", "3000,3001", "separated by blanks", 3},
	{"3000;3001", "3000;3001", "separated by blanks", 1},
	{"3000, 3001", "3000,", "separated by blanks", 1},
	{",3000", ",3000", "separated by blanks", 1},
	{"65536", "65536", "65535", 1},
	{"99999999999999999999", "99999999999999999999", "65535", 1},
	{"1-65536", "1-65536", "65535", 1},
	{"-1", "-1", "without a sign", 1},
	{"+1", "+1", "without a sign", 1},
	{"8010-8000", "8010-8000", "range ends", 1},
	{"0-10", "0-10", "0 stands", 1},
	{"1-", "1-", "port is expected", 1},
	{"1-*", "1-*", "port is expected", 1},
	{"1-2-3", "1-2-3", "a blank, or =", 1},
	{"8000..8010", "8000..8010", "8000-8010", 1},
	{"**", "**", "a blank, or =", 1},
	{"80x", "80x", "a blank, or =", 1},
	{"tcp:", "tcp:", "port is expected", 1},
	{"TCP:1", "TCP:1", "small letters", 1},
	{"tcp:udp:1", "tcp:udp:1", "small letters", 1},
	{"tcp/3000", "tcp/3000", "tcp:3000", 1},
	{"sctp:1", "sctp:1", "MPTCP and SCTP", 1},
	{"3000/tcp", "3000/tcp", "tcp:3000", 1},
	{"http", "http", "names of services", 1},
	{"all", "all", "* for every port", 1},
	{"any", "any", "* for every port", 1},
	{"'3000", "'3000", "quotation marks", 1},
	{"\"3000\"", "\"3000\"", "quotation marks", 1},
	{"XBIND=3000", "XBIND=3000", "leave out XBIND=", 1},
	{"3000:vpn", "3000:vpn", "3000@vpn", 1},
	{"3000:8080", "3000:8080", "3000=4000", 1},
	{"3000->8080", "3000->8080", "3000=4000", 1},
	{"3000>8080", "3000>8080", "3000=4000", 1},
	{":3000", ":3000", "without a colon", 1},
	{"127.0.0.1:3000", "127.0.0.1:3000", "goes behind it", 1},
	{"[::1]:3000", "[::1]:3000", "goes behind it", 1},
	{"3000 = 8080", "=", "before =", 6},
	{"3000 =8080", "=8080", "before =, without blanks", 6},
	{"!3000", "!3000", "port is expected", 1},
	{"3000@", "3000@", "broker is expected", 1},
	{"3000@@", "3000@@", "broker is expected", 1},
	{"3000@.", "3000@.", "broker is expected", 1},
	{"3000@..", "3000@..", "broker is expected", 1},
	{"3000 @vpn", "@vpn", "without blanks", 6},
	{"3000@vpn,4000@vpn", "3000@vpn,4000@vpn", "separated by blanks", 1},
	{"3000@vpn,", "3000@vpn,", "separated by blanks", 1},
	{"3000@vpn;tcp:4000", "3000@vpn;tcp:4000", "separated by blanks", 1},
	{"3000@/run/vpn,4000", "3000@/run/vpn,4000", "separated by blanks", 1},
	{"3000@vpn=4000", "3000@vpn=4000", "end of the rule, as in 3000=4000@vpn", 1},
	{"3000=", "3000=", "after = comes", 1},
	{"3000=@vpn", "3000=@vpn", "after = comes", 1},
	{"3000==8080", "3000==8080", "alone", 1},
	{"3000=>8080", "3000=>8080", "alone", 1},
	{"3000=8080=9090", "3000=8080=9090", "one =", 1},
	{"3000=8080,4000=9000", "3000=8080,4000=9000", "separated by blanks", 1},
	{"3000=65536", "3000=65536", "65535", 1},
	{"3000=1.2.3.4:65536", "3000=1.2.3.4:65536", "65535", 1},
	{"3000=:8080", "3000=:8080", "without a colon", 1},
	{"3000=*:8080", "3000=*:8080", "0.0.0.0", 1},
	{"3000=vpn", "3000=vpn", "broker goes after @", 1},
	{"3000=localhost:80", "3000=localhost:80", "in numbers", 1},
	{"3000=tcp:8080", "3000=tcp:8080", "front of the rule", 1},
	{"3000=::1", "3000=::1", "in brackets", 1},
	{"3000=::", "3000=::", "in brackets", 1},
	{"3000=fe80::1%eth0", "3000=fe80::1%eth0", "in brackets", 1},
	{"3000=2001:db8::1", "3000=2001:db8::1", "in brackets", 1},
	{"3000=[::1", "3000=[::1", "] is missing", 1},
	{"3000=[::1:80", "3000=[::1:80", "] is missing", 1},
	{"3000=[]:80", "3000=[]:80", "not an IPv6", 1},
	{"3000=[1.2.3.4]:80", "3000=[1.2.3.4]:80", "only an IPv6", 1},
	{"3000=[::g]", "3000=[::g]", "not an IPv6", 1},
	{"3000=[::1]80", "3000=[::1]80", "after the address comes", 1},
	{"3000=[::1]:", "3000=[::1]:", "after the colon", 1},
	{"3000=[::1]:80x", "3000=[::1]:80x", "after the colon", 1},
	{"3000=[fe80::1]", "3000=[fe80::1]", "link-local", 1},
	{"3000=[fe80::1%]", "3000=[fe80::1%]", "after % comes", 1},
	{"3000=[fe80::1%0123456789abcdef]", "3000=[fe80::1%0123456789abcdef]", "after % comes", 1},
	{"3000=[::ffff:1.2.3.4%lo]", "3000=[::ffff:1.2.3.4%lo]", "IPv4", 1},
	{"3000=1.2.3", "3000=1.2.3", "four numbers", 1},
	{"3000=1.2.3.4.5", "3000=1.2.3.4.5", "four numbers", 1},
	{"3000=1.2.3.256", "3000=1.2.3.256", "four numbers", 1},
	{"3000=127.000.000.001", "3000=127.000.000.001", "four numbers", 1},
	{"3000=1.2.3.4:", "3000=1.2.3.4:", "after the colon", 1},
	{"3000=1.2.3.4:80:90", "3000=1.2.3.4:80:90", "after the colon", 1},
	{"3000=1.2.3.4:-1", "3000=1.2.3.4:-1", "after the colon", 1},
	{"3000=10.0.0.0/8", "3000=10.0.0.0/8", "length of the network", 1},
	{"3000=[fd00::]/8", "3000=[fd00::]/8", "length of the network", 1},
	{"3000=80:1.2.3.4", "3000=80:1.2.3.4", "address goes before", 1},
	{"8000-8010=9000-9010", "8000-8010=9000-9010", "write only that", 1},
	{"8000-8010=65526", "8000-8010=65526", "beyond port 65535", 1},
	{"*=8080", "*=8080", "many ports cannot become one", 1},
	{"tcp:*=1.2.3.4:80", "tcp:*=1.2.3.4:80", "many ports cannot become one", 1},
	{"1-65535=1", "1-65535=1", "many ports cannot become one", 1},
};

static void test_mistakes(void **state)
{
	for (size_t i = 0; i < ELEMENTS(mistakes); i++) {
		struct rules_error error;
		struct rules rules;

		print_message("# %s\n", mistakes[i].text);
		assert_int_equal(rules_parse(mistakes[i].text, &rules, &error), -EINVAL);
		print_message("# %s\n", error.reason);
		assert_non_null(strstr(error.reason, mistakes[i].reason));
		assert_int_equal(error.length, strlen(mistakes[i].rule));
		assert_memory_equal(error.rule, mistakes[i].rule, error.length);
		assert_int_equal(error.position, mistakes[i].position);
	}
}

/* Whatever is cut off or put in the place of a character, nothing beyond the text is looked at. */
static void test_every_beginning(void **state)
{
	static const char full[] =
		"tcp:8000-8010=[fe80::1%eth0]:9000@vpn udp:53=127.0.0.1:54@/run/x *=0.0.0.0";
	static const char others[] = "@=:[]%.,;-*0x/ \t\"";
	struct rules_error error;
	struct rules rules;

	for (size_t length = 0; length <= strlen(full); length++) {
		char *text = test_malloc(length + 1);

		for (size_t other = 0; length > 0 && other < sizeof(others); other++) {
			memcpy(text, full, length);
			text[length] = '\0';
			text[length - 1] = others[other];
			if (rules_parse(text, &rules, &error) < 0)
				assert_true(*error.reason != '\0' && error.length > 0);
		}
		memcpy(text, full, length);
		text[length] = '\0';
		if (rules_parse(text, &rules, &error) < 0)
			assert_true(*error.reason != '\0' && error.length > 0);
		test_free(text);
	}
	assert_int_equal(rules_parse(full, &rules, &error), 0);
	assert_int_equal(rules.count, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_every_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
