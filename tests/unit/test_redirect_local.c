/* SPDX-License-Identifier: MIT */
/*
 * Which addresses are in XREDIRECT_LOCAL, and which texts are no list: those are refused as a
 * whole, with the entry that is wrong, where it is, and what to write instead.
 */
#include "tests/unit/unit.h"

#include "xredirect/local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *list, *address;
	unsigned port;
	bool has;
} lookups[] = {
	{"", "127.0.0.1", 80, false},
	{"127.0.0.1", "127.0.0.1", 80, true},
	{"127.0.0.1", "127.0.0.1", 0, true},
	{"127.0.0.1", "127.0.0.1", 65535, true},
	{"127.0.0.1", "127.0.0.2", 80, false},
	{"127.0.0.1", "::1", 80, false},
	{"127.0.0.1", "::ffff:127.0.0.1", 80, true},
	{"127.0.0.1", "::127.0.0.1", 80, false},
	{"::ffff:127.0.0.1", "127.0.0.1", 80, true},
	{"::ffff:127.0.0.0/104", "127.9.9.9", 80, true},
	{"::ffff:127.0.0.0/104", "128.0.0.0", 80, false},
	{"::ffff:0.0.0.0/96", "1.2.3.4", 80, true},
	{"::ffff:0.0.0.0/96", "::1", 80, false},
	{"127.0.0.0/8", "127.255.255.255", 80, true},
	{"127.0.0.0/8", "126.255.255.255", 80, false},
	{"127.0.0.0/8", "128.0.0.0", 80, false},
	{"10.0.0.0/9", "10.127.0.1", 80, true},
	{"10.0.0.0/9", "10.128.0.1", 80, false},
	{"10.0.0.8/29", "10.0.0.15", 80, true},
	{"10.0.0.8/29", "10.0.0.16", 80, false},
	{"10.0.0.8/29", "10.0.0.7", 80, false},
	{"10.0.0.8/31", "10.0.0.9", 80, true},
	{"10.0.0.8/31", "10.0.0.10", 80, false},
	{"10.0.0.8/32", "10.0.0.8", 80, true},
	{"10.0.0.8/32", "10.0.0.9", 80, false},
	{"0.0.0.0/0", "255.255.255.255", 80, true},
	{"0.0.0.0/0", "::1", 80, false},
	{"0.0.0.0/0", "::ffff:1.2.3.4", 80, true},
	{"0.0.0.0", "0.0.0.0", 80, true},
	{"0.0.0.0", "127.0.0.1", 80, false},
	{"0.0.0.0/1", "127.0.0.1", 80, true},
	{"0.0.0.0/1", "128.0.0.1", 80, false},
	{"::/0", "2001:db8::1", 80, true},
	{"::/0", "1.2.3.4", 80, false},
	{"::/0", "::ffff:1.2.3.4", 80, false},
	{"::/64", "1.2.3.4", 80, false},
	{"::/95", "1.2.3.4", 80, false},
	{"::1", "::1", 80, true},
	{"::1", "::2", 80, false},
	{"::", "::", 80, true},
	{"::", "::1", 80, false},
	{"::", "0.0.0.0", 80, false},
	{"fd00::/8", "fdff:ffff::1", 80, true},
	{"fd00::/8", "fc00::1", 80, false},
	{"fe80::/10", "febf::1", 80, true},
	{"fe80::/10", "fec0::1", 80, false},
	{"2001:db8::/127", "2001:db8::1", 80, true},
	{"2001:db8::/127", "2001:db8::2", 80, false},
	{"10.0.0.1:80", "10.0.0.1", 80, true},
	{"10.0.0.1:80", "10.0.0.1", 81, false},
	{"10.0.0.1:80", "10.0.0.1", 79, false},
	{"10.0.0.1:80", "10.0.0.2", 80, false},
	{"10.0.0.1:80-90", "10.0.0.1", 80, true},
	{"10.0.0.1:80-90", "10.0.0.1", 90, true},
	{"10.0.0.1:80-90", "10.0.0.1", 79, false},
	{"10.0.0.1:80-90", "10.0.0.1", 91, false},
	{"10.0.0.1:80-80", "10.0.0.1", 80, true},
	{"10.0.0.1:0", "10.0.0.1", 0, true},
	{"10.0.0.1:0", "10.0.0.1", 1, false},
	{"10.0.0.1:65535", "10.0.0.1", 65535, true},
	{"10.0.0.0/8:5432", "10.9.9.9", 5432, true},
	{"10.0.0.0/8:5432", "10.9.9.9", 5433, false},
	{"[::1]", "::1", 80, true},
	{"[::1]:80", "::1", 80, true},
	{"[::1]:80", "::1", 81, false},
	{"[fd00::]/8:5432", "fd12::1", 5432, true},
	{"[fd00::]/8:5432", "fd12::1", 80, false},
	{"fd00::/8:5432", "fd12::1", 5432, true},
	{"fd00::/8:5432", "fd12::1", 80, false},
	/* An address, whatever was meant. */
	{"::1:80", "::1", 80, false},
	{"::1:80", "::1:80", 9, true},
	{"127.0.0.1,::1", "::1", 80, true},
	{"127.0.0.1:1,127.0.0.1:3", "127.0.0.1", 3, true},
	{"127.0.0.1:1,127.0.0.1:3", "127.0.0.1", 2, false},
};

static socklen_t make_address(const char *text, unsigned port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	memset(ret, 0x5a, sizeof(*ret));
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	must(inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}

static void test_lookups(void **state)
{
	for (size_t i = 0; i < ELEMENTS(lookups); i++) {
		struct sockaddr_storage address;
		struct local_error error;
		struct local local;
		socklen_t length = make_address(lookups[i].address, lookups[i].port, &address);

		print_message("# %s has %s port %u\n", lookups[i].list, lookups[i].address,
			lookups[i].port);
		memset(&local, 0x5a, sizeof(local));
		assert_int_equal(local_parse(lookups[i].list, &local, &error), 0);
		assert_int_equal(local_has(&local, &address, length), lookups[i].has);
	}
}

/* What the kernel would not take as an address is none that is listed. */
static void test_no_addresses(void **state)
{
	struct sockaddr_storage address;
	struct local_error error;
	struct local local;

	assert_int_equal(local_parse("0.0.0.0/0,::/0", &local, &error), 0);
	make_address("127.0.0.1", 80, &address);
	for (socklen_t length = 0; length <= sizeof(address); length++)
		assert_int_equal(local_has(&local, &address, length), length >= 16);
	make_address("::1", 80, &address);
	for (socklen_t length = 0; length <= sizeof(address); length++)
		assert_int_equal(local_has(&local, &address, length), length >= 24);
	for (unsigned family = 0; family < 100; family++) {
		address.ss_family = (sa_family_t)family;
		assert_int_equal(local_has(&local, &address, sizeof(address)),
			family == AF_INET || family == AF_INET6);
	}
}

static const struct {
	const char *text, *entry, *reason;
	size_t position;
} mistakes[] = {
	{"localhost", "localhost", "127.0.0.0/8,::1", 1},
	{"localhost:80", "localhost:80", "127.0.0.0/8,::1", 1},
	{"127.0.0.1,localhost", "localhost", "127.0.0.0/8,::1", 11},
	{"example.org", "example.org", "names are not known", 1},
	{"example.org:443", "example.org:443", "names are not known", 1},
	{"db", "db", "names are not known", 1},
	{"*", "*", "stand for every address", 1},
	{"*:80", "*:80", "stand for every address", 1},
	{"all", "all", "stand for every address", 1},
	{"any", "any", "stand for every address", 1},
	{"127.0.0.1 ::1", "127.0.0.1 ::1", "commas, without blanks", 1},
	{"127.0.0.1:80 ::1", "127.0.0.1:80 ::1", "commas, without blanks", 1},
	{"127.0.0.1, ::1", " ::1", "commas, without blanks", 11},
	{"127.0.0.1 ,::1", "127.0.0.1 ", "commas, without blanks", 1},
	{"127.0.0.1;::1", "127.0.0.1;::1", "commas, without blanks", 1},
	{"127.0.0.1\t", "127.0.0.1\t", "commas, without blanks", 1},
	{"127.0.0.1\n", "127.0.0.1\n", "commas, without blanks", 1},
	{" ", " ", "commas, without blanks", 1},
	{",", "", "comma goes between", 1},
	{"127.0.0.1,", "", "comma goes between", 11},
	{"127.0.0.1,,::1", "", "comma goes between", 11},
	{":80", ":80", "before the port", 1},
	{"127.0.0.1:", "127.0.0.1:", "after the colon comes a port", 1},
	{"127.0.0.1:http", "127.0.0.1:http", "after the colon comes a port", 1},
	{"127.0.0.1:-80", "127.0.0.1:-80", "after the colon comes a port", 1},
	{"127.0.0.1:65536", "127.0.0.1:65536", "at most 65535", 1},
	{"127.0.0.1:99999999999", "127.0.0.1:99999999999", "at most 65535", 1},
	{"127.0.0.1:80-", "127.0.0.1:80-", "last port of the range", 1},
	{"127.0.0.1:80-79", "127.0.0.1:80-79", "last port of the range", 1},
	{"127.0.0.1:80-65536", "127.0.0.1:80-65536", "last port of the range", 1},
	{"127.0.0.1:80-90-100", "127.0.0.1:80-90-100", "after the address come", 1},
	{"127.0.0.1:80/8", "127.0.0.1:80/8", "after the address come", 1},
	{"127.0.0.1/8", "127.0.0.1/8", "beyond its length", 1},
	{"10.0.0.1/31", "10.0.0.1/31", "beyond its length", 1},
	{"1.2.3.4/0", "1.2.3.4/0", "beyond its length", 1},
	{"fd00::1/8", "fd00::1/8", "beyond its length", 1},
	{"::ffff:127.0.0.0/8", "::ffff:127.0.0.0/8", "beyond its length", 1},
	{"10.0.0.0/33", "10.0.0.0/33", "at most 32", 1},
	{"10.0.0.0/", "10.0.0.0/", "at most 32", 1},
	{"10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0", "at most 32", 1},
	{"fd00::/129", "fd00::/129", "at most 128", 1},
	{"fd00::/", "fd00::/", "at most 128", 1},
	{"10.0.0.0/8/8", "10.0.0.0/8/8", "after the address come", 1},
	{"10.0.0.1x", "10.0.0.1x", "this is no address", 1},
	{"10.0.0", "10.0.0", "this is no address", 1},
	{"10.0.0.256", "10.0.0.256", "this is no address", 1},
	{"10", "10", "this is no address", 1},
	{"::1::2", "::1::2", "this is no address", 1},
	{"10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9", "no ranges of addresses", 1},
	{"[::1", "[::1", "] is missing", 1},
	{"[::1:80", "[::1:80", "] is missing", 1},
	{"[]:80", "[]:80", "not an IPv6 address", 1},
	{"[127.0.0.1]:80", "[127.0.0.1]:80", "not an IPv6 address", 1},
	{"[::1]80", "[::1]80", "after the address come", 1},
	{"[::1]:", "[::1]:", "after the colon comes a port", 1},
	{"fe80::1%eth0", "fe80::1%eth0", "fe80::/10", 1},
	{"[fe80::1%eth0]:80", "[fe80::1%eth0]:80", "not an IPv6 address", 1},
	{"10.0.0.0/8=vpn", "10.0.0.0/8=vpn", "after the address come", 1},
	{"1234567890123456789012345678901234567890123456789",
		"1234567890123456789012345678901234567890123456789", "this is no address", 1},
};

static void test_mistakes(void **state)
{
	for (size_t i = 0; i < ELEMENTS(mistakes); i++) {
		struct local_error error = {0};
		struct local local;

		print_message("# %s\n", mistakes[i].text);
		assert_int_equal(local_parse(mistakes[i].text, &local, &error), -EINVAL);
		assert_non_null(strstr(error.reason, mistakes[i].reason));
		assert_int_equal(error.position, mistakes[i].position);
		assert_int_equal(error.length, strlen(mistakes[i].entry));
		assert_ptr_equal(error.entry, mistakes[i].text + error.position - 1);
		assert_memory_equal(error.entry, mistakes[i].entry, error.length);
	}
}

static void test_as_many_as_there_may_be(void **state)
{
	char text[2048] = "";
	struct local_error error;
	struct local local;

	for (int i = 0; i < LOCAL_MAX; i++)
		sprintf(text + strlen(text), "%s10.0.0.%d", i > 0 ? "," : "", i);
	assert_int_equal(local_parse(text, &local, &error), 0);
	assert_int_equal(local.count, LOCAL_MAX);
	strcat(text, ",10.0.1.0");
	assert_int_equal(local_parse(text, &local, &error), -EINVAL);
	assert_non_null(strstr(error.reason, "more than 64"));
	assert_int_equal(error.length, strlen("10.0.1.0"));
}

static void test_nothing(void **state)
{
	struct local_error error;
	struct local local = {.count = 7};

	assert_int_equal(local_parse(NULL, &local, &error), 0);
	assert_int_equal(local.count, 0);
	local.count = 7;
	assert_int_equal(local_parse("", &local, &error), 0);
	assert_int_equal(local.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_no_addresses),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_as_many_as_there_may_be),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
