/* SPDX-License-Identifier: MIT */
/* Addresses are read, written, compared and converted as the header says. */
#include "tests/unit/unit.h"

#include "bridge/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

static struct netaddr parse(const char *host, uint16_t port)
{
	struct netaddr address;

	memset(&address, 0xa5, sizeof(address));
	assert_int_equal(netaddr_parse(host, port, &address), 0);
	return address;
}

static struct netaddr unix_address(const char *path, size_t length)
{
	struct netaddr address = {.un.sun_family = AF_UNIX};

	memcpy(address.un.sun_path, path, length);
	address.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return address;
}

static void addresses_are_written_as_they_are_read(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		const char *text;
	} rows[] = {
		{"127.0.0.1", 80, "127.0.0.1:80"},
		{"0.0.0.0", 65535, "0.0.0.0:65535"},
		{"255.255.255.255", 1, "255.255.255.255:1"},
		{"::", 0, "[::]:0"},
		{"::1", 80, "[::1]:80"},
		{"2001:DB8:0:0:0:0:0:1", 443, "[2001:db8::1]:443"},
		{"::ffff:10.0.0.1", 22, "[::ffff:10.0.0.1]:22"},
		{"fe80::1%7", 22, "[fe80::1%7]:22"},
		{"fe80::1%4294967295", 22, "[fe80::1%4294967295]:22"},
	};
	char text[NETADDR_TEXT_SIZE];

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct netaddr address = parse(rows[i].host, rows[i].port);

		assert_string_equal(netaddr_text(&address, text), rows[i].text);
		assert_int_equal(netaddr_port(&address), rows[i].port);
		assert_int_equal(address.length, strchr(rows[i].host, ':')
							 ? sizeof(struct sockaddr_in6)
							 : sizeof(struct sockaddr_in));
	}
}

static void nonsense_is_refused(void **state)
{
	static const char *const rows[] = {"", " ", "1", "127.1", "127.0.0.1.", "127.0.0.256",
		"0x7f.0.0.1", "127.0.0.1%lo", "127.0.0.1 ", "[::1]", "::1%", "::1%0",
		"::1%123456789012345678", "::1%a%b", "::g", ":::", "localhost", "1:2:3:4:5:6:7:8:9",
		"::ffff:1.2.3", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct netaddr address = {.length = 77};
		int r = netaddr_parse(rows[i], 1, &address);

		if (r != -EINVAL && !(r == -ENODEV && strchr(rows[i], '%')))
			fail_msg("\"%s\" was taken", rows[i]);
		assert_int_equal(address.length, 77);
	}
}

static void interfaces_have_names_and_numbers(void **state)
{
	struct netaddr address = parse("fe80::1%lo", 1);

	assert_int_equal(address.in6.sin6_scope_id, if_nametoindex("lo"));
	assert_int_equal(netaddr_parse("fe80::1%nosuchdevice", 1, &address), -ENODEV);
}

static void unix_names_are_told_and_disturb_nobody(void **state)
{
	char path[108], text[NETADDR_TEXT_SIZE];
	struct netaddr address = unix_address("/run/a", 7);

	assert_string_equal(netaddr_text(&address, text), "unix:/run/a");
	address = unix_address("/run/a", 6);
	assert_string_equal(netaddr_text(&address, text), "unix:/run/a");
	address = unix_address("\0name", 5);
	assert_string_equal(netaddr_text(&address, text), "unix:@name");
	address = unix_address("\0a\0b\n\x1b\x7f", 7);
	assert_string_equal(netaddr_text(&address, text), "unix:@a?b???");
	address = unix_address("", 0);
	assert_string_equal(netaddr_text(&address, text), "unix");
	memset(path, 'x', sizeof(path));
	address = unix_address(path, sizeof(path));
	assert_int_equal(strlen(netaddr_text(&address, text)), 5 + 108);
	path[0] = '\0';
	address = unix_address(path, sizeof(path));
	assert_int_equal(strlen(netaddr_text(&address, text)), 5 + 108);
	address.length = 0;
	assert_string_equal(netaddr_text(&address, text), "nobody");
	address = (struct netaddr){.length = sizeof(address.sa), .sa.sa_family = AF_NETLINK};
	assert_string_equal(netaddr_text(&address, text), "nobody");
}

static void ports_are_set_where_there_are_any(void **state)
{
	struct netaddr in = parse("10.0.0.1", 1), in6 = parse("::1", 1);
	struct netaddr un = unix_address("/a", 3), none = {0};

	netaddr_set_port(&in, 8080);
	netaddr_set_port(&in6, 8080);
	netaddr_set_port(&un, 8080);
	netaddr_set_port(&none, 8080);
	assert_int_equal(netaddr_port(&in), 8080);
	assert_int_equal(in.in.sin_port, htons(8080));
	assert_int_equal(netaddr_port(&in6), 8080);
	assert_int_equal(netaddr_port(&un), 0);
	assert_string_equal(un.un.sun_path, "/a");
	assert_int_equal(netaddr_port(&none), 0);
}

static void equal_is_what_reaches_the_same(void **state)
{
	struct netaddr a = parse("10.0.0.1", 80), b = a, mapped = parse("::ffff:10.0.0.1", 80);
	struct netaddr none = {0}, other_none = {.in.sin_port = 3};

	assert_true(netaddr_equal(&a, &b));
	b.in.sin_zero[0] = 1; /* means nothing */
	assert_true(netaddr_equal(&a, &b));
	netaddr_set_port(&b, 81);
	assert_false(netaddr_equal(&a, &b));
	assert_true(netaddr_equal_host(&a, &b));
	assert_false(netaddr_equal(&a, &mapped));
	assert_true(netaddr_equal_host(&a, &mapped));
	b = parse("10.0.0.2", 80);
	assert_false(netaddr_equal(&a, &b));
	assert_false(netaddr_equal_host(&a, &b));
	a = parse("fe80::1%1", 80);
	b = parse("fe80::1%2", 80);
	assert_false(netaddr_equal(&a, &b));
	assert_false(netaddr_equal_host(&a, &b));
	b.in6.sin6_scope_id = 1;
	b.in6.sin6_flowinfo = 5;
	assert_true(netaddr_equal(&a, &b));
	a = unix_address("/a", 2);
	b = unix_address("/a", 3);
	assert_true(netaddr_equal(&a, &b));
	b = unix_address("/ab", 4);
	assert_false(netaddr_equal(&a, &b));
	a = unix_address("\0a", 2);
	b = unix_address("\0a\0", 3);
	assert_false(netaddr_equal(&a, &b));
	a = unix_address("", 0);
	b = unix_address("\0", 1);
	assert_false(netaddr_equal(&a, &b));
	assert_true(netaddr_equal(&none, &other_none));
	assert_false(netaddr_equal(&none, &a));
	assert_false(netaddr_equal_host(&none, &other_none));
}

static void local_is_what_does_not_leave_the_machine(void **state)
{
	static const struct {
		const char *host;
		bool local, unspecified;
	} rows[] = {
		{"127.0.0.1", true, false},
		{"127.255.255.254", true, false},
		{"126.255.255.255", false, false},
		{"128.0.0.1", false, false},
		{"0.0.0.0", true, true},
		{"0.0.0.1", false, false},
		{"10.0.0.1", false, false},
		{"::1", true, false},
		{"::2", false, false},
		{"::", true, true},
		{"::ffff:127.0.0.1", true, false},
		{"::ffff:0.0.0.0", true, true},
		{"::ffff:10.0.0.1", false, false},
		{"fe80::1", false, false},
		{"2001:db8::1", false, false},
	};
	struct netaddr un = unix_address("/a", 3), none = {0};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct netaddr address = parse(rows[i].host, 80);

		if (netaddr_is_local(&address) != rows[i].local ||
			netaddr_is_unspecified(&address) != rows[i].unspecified)
			fail_msg("%s", rows[i].host);
	}
	assert_true(netaddr_is_local(&un));
	assert_false(netaddr_is_unspecified(&un));
	assert_false(netaddr_is_local(&none));
	assert_false(netaddr_is_unspecified(&none));
}

static void mapping_there_and_back_changes_nothing(void **state)
{
	struct netaddr address = parse("192.0.2.1", 8080), before = address;
	char text[NETADDR_TEXT_SIZE];

	netaddr_map(&address);
	assert_string_equal(netaddr_text(&address, text), "[::ffff:192.0.2.1]:8080");
	assert_int_equal(address.length, sizeof(struct sockaddr_in6));
	netaddr_map(&address);
	assert_string_equal(netaddr_text(&address, text), "[::ffff:192.0.2.1]:8080");
	netaddr_unmap(&address);
	assert_true(netaddr_equal(&address, &before));
	assert_int_equal(address.length, sizeof(struct sockaddr_in));
	netaddr_unmap(&address);
	assert_true(netaddr_equal(&address, &before));
	address = before = parse("2001:db8::1", 1);
	netaddr_unmap(&address);
	assert_true(netaddr_equal(&address, &before));
	address = before = unix_address("/a", 3);
	netaddr_map(&address);
	netaddr_unmap(&address);
	assert_true(netaddr_equal(&address, &before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_written_as_they_are_read),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(interfaces_have_names_and_numbers),
		cmocka_unit_test(unix_names_are_told_and_disturb_nobody),
		cmocka_unit_test(ports_are_set_where_there_are_any),
		cmocka_unit_test(equal_is_what_reaches_the_same),
		cmocka_unit_test(local_is_what_does_not_leave_the_machine),
		cmocka_unit_test(mapping_there_and_back_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
