/* SPDX-License-Identifier: MIT */
/* Where a socket is bound by a rule, given its kind and what the program says. */
#include "tests/unit/unit.h"

#include "xbind/rules.h"
#include "preload/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static const struct {
	const char *text;
	enum target_socket socket;
	const char *address; /* the program's */
	uint16_t port;
	const char *there; /* NULL: no rule fits */
} targets[] = {
	/* The port alone. */
	{"3000", TARGET_IPV4, "127.0.0.1", 3000, "127.0.0.1:3000"},
	{"3000=8080", TARGET_IPV4, "127.0.0.1", 3000, "127.0.0.1:8080"},
	{"3000=8080", TARGET_IPV4, "0.0.0.0", 3000, "0.0.0.0:8080"},
	{"3000=8080", TARGET_DUAL, "::", 3000, "[::]:8080"},
	{"3000=8080", TARGET_IPV6, "::1", 3000, "[::1]:8080"},
	{"3000=0", TARGET_IPV4, "127.0.0.1", 3000, "127.0.0.1:0"},
	{"0=8080", TARGET_IPV4, "127.0.0.1", 0, "127.0.0.1:8080"},
	{"0=0", TARGET_IPV4, "127.0.0.1", 0, "127.0.0.1:0"},
	/* Ranges. */
	{"8000-8010=9000", TARGET_IPV4, "127.0.0.1", 8000, "127.0.0.1:9000"},
	{"8000-8010=9000", TARGET_IPV4, "127.0.0.1", 8003, "127.0.0.1:9003"},
	{"8000-8010=9000", TARGET_IPV4, "127.0.0.1", 8010, "127.0.0.1:9010"},
	{"8000-8010=65525", TARGET_IPV4, "127.0.0.1", 8010, "127.0.0.1:65535"},
	{"8000-8010=80", TARGET_IPV4, "127.0.0.1", 8010, "127.0.0.1:90"},
	{"8000-8010=0", TARGET_IPV4, "127.0.0.1", 8010, "127.0.0.1:0"},
	{"8000-8010=1.2.3.4:9000", TARGET_IPV4, "127.0.0.1", 8003, "1.2.3.4:9003"},
	{"1-65534=2", TARGET_IPV4, "127.0.0.1", 65534, "127.0.0.1:65535"},
	{"*=1.2.3.4", TARGET_IPV4, "127.0.0.1", 8003, "1.2.3.4:8003"},
	{"*=0", TARGET_IPV4, "127.0.0.1", 8003, "127.0.0.1:0"},
	{"*=[::]:0", TARGET_IPV6, "::1", 8003, "[::]:0"},
	/* The address. */
	{"3000=0.0.0.0", TARGET_IPV4, "127.0.0.1", 3000, "0.0.0.0:3000"},
	{"3000=1.2.3.4:80", TARGET_IPV4, "127.0.0.1", 3000, "1.2.3.4:80"},
	{"3000=255.255.255.255:65535", TARGET_IPV4, "0.0.0.0", 3000, "255.255.255.255:65535"},
	{"3000=[::1]", TARGET_IPV6, "::", 3000, "[::1]:3000"},
	{"3000=[2001:db8:0:0:1:0:0:1]:80", TARGET_DUAL, "::", 3000, "[2001:db8::1:0:0:1]:80"},
	{"3000=[fe80::1%eth0]:80", TARGET_IPV6, "::", 3000, "[fe80::1%eth0]:80"},
	{"3000=[1:2:3:4:5:6:7:8]", TARGET_IPV6, "::", 3000, "[1:2:3:4:5:6:7:8]:3000"},
	{"3000=[1:0:3:4:5:6:7:0]", TARGET_IPV6, "::", 3000, "[1:0:3:4:5:6:7:0]:3000"},
	{"3000=[1::]", TARGET_IPV6, "::", 3000, "[1::]:3000"},
	{"0=[::1]:0", TARGET_IPV6, "::", 0, "[::1]:0"},
	/* Whether the socket takes it. */
	{"3000=1.2.3.4:80", TARGET_DUAL, "::", 3000, "[::ffff:1.2.3.4]:80"},
	{"3000=0.0.0.0:80", TARGET_DUAL, "::", 3000, "[::ffff:0.0.0.0]:80"},
	{"3000=1.2.3.4:80", TARGET_IPV6, "::", 3000, NULL},
	{"3000=[::1]:80", TARGET_IPV4, "0.0.0.0", 3000, NULL},
	{"3000=[::ffff:1.2.3.4]:80", TARGET_IPV4, "0.0.0.0", 3000, "1.2.3.4:80"},
	{"3000=[::ffff:1.2.3.4]:80", TARGET_DUAL, "::", 3000, "[::ffff:1.2.3.4]:80"},
	{"3000=[::ffff:1.2.3.4]:80", TARGET_IPV6, "::", 3000, NULL},
	{"3000=127.0.0.1:80 3000=[::1]:81", TARGET_IPV4, "0.0.0.0", 3000, "127.0.0.1:80"},
	{"3000=127.0.0.1:80 3000=[::1]:81", TARGET_IPV6, "::", 3000, "[::1]:81"},
	{"3000=127.0.0.1:80 3000=[::1]:81", TARGET_DUAL, "::", 3000, "[::ffff:127.0.0.1]:80"},
	{"3000=[::1]:81 3000=127.0.0.1:80", TARGET_DUAL, "::", 3000, "[::1]:81"},
	{"3000=127.0.0.1:80 3000=82", TARGET_IPV6, "::1", 3000, "[::1]:82"},
	{"udp:3000=1 tcp:3000=2", TARGET_IPV4, "127.0.0.1", 3000, "127.0.0.1:2"},
};

static int domain_of(const char *text)
{
	return strchr(text, ':') ? AF_INET6 : AF_INET;
}

static struct sockaddr_storage address_of(const char *text, uint16_t port, socklen_t *length)
{
	struct sockaddr_storage address = {.ss_family = (sa_family_t)domain_of(text)};
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

	in->sin_port = htons(port);
	if (address.ss_family == AF_INET)
		assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
	else
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	*length = address.ss_family == AF_INET ? sizeof(*in) : sizeof(*in6);
	return address;
}

static void test_targets(void **state)
{
	for (size_t i = 0; i < ELEMENTS(targets); i++) {
		char text[SOCKADDR_TEXT_SIZE];
		struct sockaddr_storage address;
		const struct rule *rule;
		struct rules_error error;
		struct rules rules;
		socklen_t length;

		print_message("# %s, case %zu\n", targets[i].text, i);
		assert_int_equal(rules_parse(targets[i].text, &rules, &error), 0);
		rule = rules_find(&rules, RULE_TCP, targets[i].port, targets[i].socket);
		assert_non_null(rules_find(&rules, RULE_TCP, targets[i].port, TARGET_ANY));
		if (!targets[i].there) {
			assert_null(rule);
			continue;
		}
		assert_non_null(rule);
		address = address_of(targets[i].address, targets[i].port, &length);
		assert_int_equal(
			target_apply(rules_target(&rules, rule), address.ss_family,
				(unsigned)(targets[i].port - rule->first), &address, &length),
			0);
		assert_string_equal(sockaddr_text(&address, rules_interface(&rules, rule), text),
			targets[i].there);
		assert_int_equal(length, address.ss_family == AF_INET
						 ? sizeof(struct sockaddr_in)
						 : sizeof(struct sockaddr_in6));
	}
}

/* What bind(2) would refuse does not become something that it takes. */
static void test_wrong_families(void **state)
{
	static const struct target four = {.family = AF_INET, .address = {127, 0, 0, 1}};
	static const struct target six = {.family = AF_INET6};
	struct sockaddr_storage address;
	socklen_t length;

	address = address_of("::1", 1, &length);
	assert_int_equal(target_apply(&four, AF_INET, 0, &address, &length), -EAFNOSUPPORT);
	address = address_of("127.0.0.1", 1, &length);
	assert_int_equal(target_apply(&four, AF_INET6, 0, &address, &length), -EAFNOSUPPORT);
	assert_int_equal(target_apply(&six, AF_INET6, 0, &address, &length), -EAFNOSUPPORT);
	address.ss_family = AF_UNSPEC;
	assert_int_equal(target_apply(&four, AF_INET, 0, &address, &length), -EAFNOSUPPORT);
	address = address_of("0.0.0.0", 7, &length);
	address.ss_family = AF_UNSPEC;
	assert_int_equal(target_apply(&four, AF_INET, 0, &address, &length), 0);
	assert_int_equal(address.ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)&address)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(((struct sockaddr_in *)&address)->sin_port, htons(7));
	/* Without its scope, and too short. */
	address = address_of("::1", 1, &length);
	length = 24;
	assert_int_equal(target_apply(&six, AF_INET6, 0, &address, &length), 0);
	assert_int_equal(length, sizeof(struct sockaddr_in6));
	length = 23;
	assert_int_equal(target_apply(&six, AF_INET6, 0, &address, &length), -EAFNOSUPPORT);
}

/* As inet_ntop(3) writes it. */
static void test_text_of_addresses(void **state)
{
	static const char *const texts[] = {"::", "::1", "1::", "1::2", "fe80::1:0:0:2",
		"1:2:3:4:5:6:7:8", "0:1:0:1:0:1:0:1", "1:0:2:3:4:5:6:7",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1:2::7:8", "::ffff:1.2.3.4",
		"64:ff9b::102:304"};
	char text[SOCKADDR_TEXT_SIZE], expected[SOCKADDR_TEXT_SIZE], ntop[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		struct sockaddr_storage address;
		socklen_t length;

		address = address_of(texts[i], 65535, &length);
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&address)->sin6_addr, ntop,
			sizeof(ntop));
		((struct sockaddr_in6 *)&address)->sin6_scope_id = i % 2 ? 4294967295U : 0;
		strcat(strcat(strcpy(expected, "["), ntop),
			i % 2 ? "%4294967295]:65535" : "]:65535");
		assert_string_equal(sockaddr_text(&address, NULL, text), expected);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_wrong_families),
		cmocka_unit_test(test_text_of_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
