/* SPDX-License-Identifier: MIT */
/* Headers of the PROXY protocol: what is written, what is read, what is turned down, and when. */
#include "tests/unit/unit.h"

#include "bridge/proxy.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define HEAD 16
#define NONE "nobody"

/* From text: "ADDR PORT", "unix:PATH", "unix:@NAME", "unix" without a name, or NONE. */
static struct netaddr address_of(const char *text)
{
	struct netaddr address = {0};
	char host[64];
	unsigned port;

	if (strcmp(text, NONE) == 0)
		return address;
	if (strncmp(text, "unix", 4) == 0) {
		size_t length = text[4] ? strlen(text + 5) : 0;

		address.un.sun_family = AF_UNIX;
		memcpy(address.un.sun_path, text + 5, length);
		address.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
		if (address.un.sun_path[0] == '@')
			address.un.sun_path[0] = '\0';
		else if (length > 0)
			address.length++;
		return address;
	}
	must(sscanf(text, "%63s %u", host, &port) == 2);
	must(netaddr_parse(host, (uint16_t)port, &address) == 0);
	return address;
}

static void is_address(const struct netaddr *found, const char *expected)
{
	char a[NETADDR_TEXT_SIZE] = "", b[NETADDR_TEXT_SIZE] = "";
	struct netaddr address = address_of(expected);

	assert_string_equal(netaddr_text(found, a), netaddr_text(&address, b));
	assert_true(netaddr_equal(found, &address));
}

/* ---- version 1 ---- */

static const struct {
	const char *source, *destination;
	const char *text;
} written_v1[] = {
	{"1.2.3.4 56324", "5.6.7.8 443", "PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n"},
	{"0.0.0.0 0", "255.255.255.255 65535", "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n"},
	{"2001:db8::1 1", "::1 65535", "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"},
	{"::ffff:1.2.3.4 1", "::ffff:5.6.7.8 2", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"},
	{"::ffff:1.2.3.4 1", "5.6.7.8 2", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"},
	{"1.2.3.4 1", "::1 2", "PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n"},
	{"::1 1", "1.2.3.4 2", "PROXY TCP6 ::1 ::ffff:1.2.3.4 1 2\r\n"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0 65535",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535",
		"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0 "
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"},
	{"unix:/run/a", "unix:/run/b", "PROXY UNKNOWN\r\n"},
	{"unix", "1.2.3.4 1", "PROXY UNKNOWN\r\n"},
	{NONE, NONE, "PROXY UNKNOWN\r\n"},
	{"1.2.3.4 1", NONE, "PROXY UNKNOWN\r\n"},
	{NONE, "1.2.3.4 1", "PROXY UNKNOWN\r\n"},
};

static void test_write_v1(void **state)
{
	for (size_t i = 0; i < ELEMENTS(written_v1); i++) {
		struct proxy proxy = {
			address_of(written_v1[i].source), address_of(written_v1[i].destination)};
		unsigned char buffer[PROXY_SEND_MAX];
		size_t length = proxy_write(1, false, &proxy, buffer);

		print_message("# %s", written_v1[i].text);
		assert_int_equal(length, strlen(written_v1[i].text));
		assert_memory_equal(buffer, written_v1[i].text, length);
	}
}

static const struct {
	const char *text;
	int result; /* 0: all of the text; else as proxy_read() */
	const char *source, *destination;
} read_v1[] = {
	{"PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n", 0, "1.2.3.4 56324", "5.6.7.8 443"},
	{"PROXY TCP6 ::1 2001:db8::1 1 2\r\n", 0, "::1 1", "2001:db8::1 2"},
	{"PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n", 0, "1.2.3.4 1", "::1 2"},
	{"PROXY UNKNOWN\r\n", 0, NONE, NONE},
	{"PROXY UNKNOWN \r\n", 0, NONE, NONE},
	{"PROXY UNKNOWN 1.2.3.4 what ever it says\r\n", 0, NONE, NONE},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.0\r\n", 32, "1.2.3.4 1", "5.6.7.8 2"},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n\r\n", 32, "1.2.3.4 1", "5.6.7.8 2"},
	/* Protocols. */
	{"PROXY \r\n", -EPROTO},
	{"PROXY TCP\r\n", -EPROTO},
	{"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY UNKNOWNTCP4\r\n", -EPROTO},
	/* Addresses. */
	{"PROXY TCP4\r\n", -EPROTO},
	{"PROXY TCP4 ::1 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY TCP6 1.2.3.4 ::1 1 2\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY TCP6 fe80::1%lo ::1 1 2\r\n", -EPROTO},
	{"PROXY TCP6 fe80::1%1 ::1 1 2\r\n", -EPROTO},
	{"PROXY TCP6 [::1] ::1 1 2\r\n", -EPROTO},
	/* Ports. */
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 000001\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 02\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 0\r\n", 0, "1.2.3.4 1", "5.6.7.8 0"},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 0x1 2\r\n", -EPROTO},
	/* Blanks and line ends. */
	{"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{" PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", -EPROTO},
	{"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rx", -EPROTO},
	{"PROXY UNKNOWN\n", -EPROTO},
	{"PROXY UNKNOWN \x01\r\n", -EPROTO},
	{"PROXY UNKNOWN \xc3\xa4\r\n", -EPROTO},
	/* No header at all. */
	{"GET / HTTP/1.0\r\n", -EPROTO},
	{"PROPFIND / HTTP/1.0\r\n", -EPROTO},
	{"PR", 0, NULL},
	{"PRO ", -EPROTO},
	{"\x16\x03\x01", -EPROTO},
};

/* A header that is read is asked for byte by byte, and one that is turned down never before. */
static int read_by_bytes(unsigned versions, const char *data, size_t length, struct proxy *proxy)
{
	int r = 0;

	for (size_t i = 0; i <= length && r == 0; i++) {
		unsigned char exact[2048];

		memcpy(exact, data, i);
		memset(exact + i, 0xff, sizeof(exact) - i);
		r = proxy_read(versions, exact, i, proxy);
		assert_true(r <= (int)i);
	}
	return r;
}

static void test_read_v1(void **state)
{
	for (size_t i = 0; i < ELEMENTS(read_v1); i++) {
		const char *text = read_v1[i].text;
		struct proxy proxy;
		int expected = read_v1[i].result;

		print_message("# case %zu: %.*s\n", i, (int)strcspn(text, "\r\n"), text);
		if (expected == 0 && read_v1[i].source)
			expected = (int)strlen(text);
		assert_int_equal(read_by_bytes(3, text, strlen(text), &proxy), expected);
		assert_int_equal(proxy_read(1, (const void *)text, strlen(text), &proxy), expected);
		if (expected <= 0)
			continue;
		is_address(&proxy.source, read_v1[i].source);
		is_address(&proxy.destination, read_v1[i].destination);
		assert_int_equal(
			proxy_read(2, (const void *)text, strlen(text), &proxy), -EPROTO);
	}
}

/* 107 bytes are a header, 108 are none, and nobody waits for more. */
static void test_longest_v1(void **state)
{
	char text[200] = "PROXY UNKNOWN ";
	struct proxy proxy;

	memset(text + strlen(text), 'x', 120);
	memcpy(text + 105, "\r\n", 2);
	assert_int_equal(read_by_bytes(1, text, 130, &proxy), 107);
	text[105] = 'x';
	assert_int_equal(proxy_read(1, (void *)text, 106, &proxy), 0);
	assert_int_equal(proxy_read(1, (void *)text, 107, &proxy), -EPROTO);
	memcpy(text + 106, "\r\n", 2);
	assert_int_equal(proxy_read(1, (void *)text, 106, &proxy), 0);
	assert_int_equal(proxy_read(1, (void *)text, 107, &proxy), -EPROTO);
	assert_int_equal(proxy_read(1, (void *)text, 108, &proxy), -EPROTO);
	memcpy(text, "PROXY UNKNOWN \0y", 16);
	assert_int_equal(proxy_read(1, (void *)text, 108, &proxy), -EPROTO);
}

/* ---- version 2 ---- */

#define IPV4_ADDRESSES "\x01\x02\x03\x04\x05\x06\x07\x08\xdc\x04\x01\xbb"
#define IPV6_ADDRESSES                                                                             \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                               \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01\xff\xff"
#define MIXED_ADDRESSES                                                                            \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04"                                             \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01\0\x02"

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *source, *destination;
	bool datagram;
	const char *bytes;
	size_t length;
} written_v2[] = {
	{"1.2.3.4 56324", "5.6.7.8 443", false, BYTES(V2 "\x21\x11\0\x0c" IPV4_ADDRESSES)},
	{"1.2.3.4 56324", "5.6.7.8 443", true, BYTES(V2 "\x21\x12\0\x0c" IPV4_ADDRESSES)},
	{"::ffff:1.2.3.4 56324", "::ffff:5.6.7.8 443", true,
		BYTES(V2 "\x21\x12\0\x0c" IPV4_ADDRESSES)},
	{"2001:db8::1 1", "::1 65535", false, BYTES(V2 "\x21\x21\0\x24" IPV6_ADDRESSES)},
	{"2001:db8::1 1", "::1 65535", true, BYTES(V2 "\x21\x22\0\x24" IPV6_ADDRESSES)},
	{"1.2.3.4 1", "::1 2", false, BYTES(V2 "\x21\x21\0\x24" MIXED_ADDRESSES)},
	{"unix:/run/a", "::1 2", false, BYTES(V2 "\x20\0\0\0")},
	{NONE, NONE, false, BYTES(V2 "\x20\0\0\0")},
	{NONE, "1.2.3.4 1", true, BYTES(V2 "\x20\0\0\0")},
};

static void test_write_v2(void **state)
{
	for (size_t i = 0; i < ELEMENTS(written_v2); i++) {
		struct proxy proxy = {
			address_of(written_v2[i].source), address_of(written_v2[i].destination)};
		unsigned char buffer[PROXY_SEND_MAX];
		size_t length = proxy_write(2, written_v2[i].datagram, &proxy, buffer);

		print_message("# %s to %s\n", written_v2[i].source, written_v2[i].destination);
		assert_int_equal(length, written_v2[i].length);
		assert_memory_equal(buffer, written_v2[i].bytes, length);
		if (written_v2[i].datagram) /* version 1 has none */
			assert_int_equal(proxy_write(1, true, &proxy, buffer), length);
	}
}

/* What is written is read, all of it and no more. */
static void test_unix_and_back(void **state)
{
	static const char *const names[] = {"unix", "unix:/", "unix:/run/xsocket/vpn", "unix:@name",
		("unix:/2345678901234567890123456789012345678901234567890123"
		 "4567890123456789012345678901234567890123456789012345")};

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct proxy proxy = {address_of(names[i]), address_of("unix:/run/server")}, found;
		unsigned char buffer[PROXY_SEND_MAX];
		size_t length = proxy_write(2, false, &proxy, buffer);

		print_message("# %s\n", names[i]);
		assert_int_equal(length, PROXY_SEND_MAX);
		assert_memory_equal(buffer, V2 "\x21\x31\0\xd8", HEAD);
		assert_int_equal(read_by_bytes(2, (char *)buffer, length, &found), length);
		is_address(&found.source, names[i]);
		is_address(&found.destination, "unix:/run/server");
	}
}

/* A path that fills the whole field has no NUL behind it. */
static void test_longest_path(void **state)
{
	unsigned char buffer[HEAD + 216];
	struct proxy proxy;

	memcpy(buffer, V2 "\x21\x31\0\xd8", HEAD);
	memset(buffer + HEAD, 'p', 216);
	assert_int_equal(proxy_read(2, buffer, sizeof(buffer), &proxy), sizeof(buffer));
	assert_int_equal(proxy.source.length, sizeof(struct sockaddr_un));
	assert_memory_equal(proxy.source.un.sun_path, buffer + HEAD, 108);
	assert_int_equal(proxy.destination.length, sizeof(struct sockaddr_un));
}

static const struct {
	const char *bytes;
	size_t length;
	int result;
	const char *source, *destination;
} read_v2[] = {
	{BYTES(V2 "\x21\x11\0\x0c" IPV4_ADDRESSES "data"), 28, "1.2.3.4 56324", "5.6.7.8 443"},
	{BYTES(V2 "\x21\x12\0\x0c" IPV4_ADDRESSES), 28, "1.2.3.4 56324", "5.6.7.8 443"},
	{BYTES(V2 "\x21\x21\0\x24" IPV6_ADDRESSES), 52, "2001:db8::1 1", "::1 65535"},
	{BYTES(V2 "\x21\x22\0\x24" IPV6_ADDRESSES), 52, "2001:db8::1 1", "::1 65535"},
	{BYTES(V2 "\x21\x21\0\x24" MIXED_ADDRESSES), 52, "1.2.3.4 1", "::1 2"},
	/* Extensions are left out. */
	{BYTES(V2 "\x21\x11\0\x13" IPV4_ADDRESSES "\x04\0\x04PING" "data"), 35, "1.2.3.4 56324",
		"5.6.7.8 443"},
	{BYTES(V2 "\x21\x11\0\x0e" IPV4_ADDRESSES "\xff\xff" "data"), 30, "1.2.3.4 56324",
		"5.6.7.8 443"},
	/* No addresses. */
	{BYTES(V2 "\x20\0\0\0"), 16, NONE, NONE},
	{BYTES(V2 "\x20\0\0\x04" "abcd"), 20, NONE, NONE},
	{BYTES(V2 "\x20\x11\0\x0c" IPV4_ADDRESSES), 28, NONE, NONE},
	{BYTES(V2 "\x20\xff\0\0"), 16, NONE, NONE},
	{BYTES(V2 "\x21\0\0\0"), 16, NONE, NONE},
	{BYTES(V2 "\x21\0\0\x0c" IPV4_ADDRESSES), 28, NONE, NONE},
	/* Not of version 2. */
	{BYTES(V2 "\x11\x11\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x31\x11\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x22\x11\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x2f"), -EPROTO},
	{BYTES("\r\n\r\n\0\r\nQUIX"), -EPROTO},
	{BYTES("\r\n\r\nx"), -EPROTO},
	{BYTES("\r\n"), 0},
	{BYTES(""), 0},
	/* Families and protocols that there are not. */
	{BYTES(V2 "\x21\x10\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x21\x13\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x21\x01\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x21\x41\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x21\xf1\0\x0c" IPV4_ADDRESSES), -EPROTO},
	/* Too short for their family, and too long for anybody: not waited for. */
	{BYTES(V2 "\x21\x11\0\x0b" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x21\x21\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x21\x31\0\x0c" IPV4_ADDRESSES), -EPROTO},
	{BYTES(V2 "\x21\x11\x03\xf1"), -EPROTO},
	{BYTES(V2 "\x20\0\xff\xff"), -EPROTO},
	{BYTES(V2 "\x21\x11\x03\xf0"), 0},
};

static void test_read_v2(void **state)
{
	for (size_t i = 0; i < ELEMENTS(read_v2); i++) {
		const void *bytes = read_v2[i].bytes;
		struct proxy proxy;

		print_message("# case %zu\n", i);
		assert_int_equal(read_by_bytes(3, bytes, read_v2[i].length, &proxy),
			read_v2[i].result);
		assert_int_equal(proxy_read(2, bytes, read_v2[i].length, &proxy),
			read_v2[i].result);
		if (read_v2[i].result <= 0)
			continue;
		is_address(&proxy.source, read_v2[i].source);
		is_address(&proxy.destination, read_v2[i].destination);
		assert_int_equal(proxy_read(1, bytes, read_v2[i].length, &proxy), -EPROTO);
	}
}

/* Up to PROXY_RECEIVE_MAX bytes with extensions; not one more. */
static void test_longest_v2(void **state)
{
	unsigned char buffer[PROXY_RECEIVE_MAX + 1] = {0};
	struct proxy proxy;

	memcpy(buffer, V2 "\x21\x11\x03\xf0" IPV4_ADDRESSES, 28);
	assert_int_equal(proxy_read(2, buffer, PROXY_RECEIVE_MAX - 1, &proxy), 0);
	assert_int_equal(proxy_read(2, buffer, sizeof(buffer), &proxy), PROXY_RECEIVE_MAX);
	is_address(&proxy.source, "1.2.3.4 56324");
	buffer[15]++;
	assert_int_equal(proxy_read(2, buffer, sizeof(buffer), &proxy), -EPROTO);
}

/* What is not read leaves what was there. */
static void test_failure_changes_nothing(void **state)
{
	struct proxy proxy = {address_of("1.2.3.4 1"), address_of("::1 2")}, before = proxy;
	static const char bad[] = "PROXY TCP4 9.9.9.9 8.8.8.8 1 x\r\n";

	assert_int_equal(proxy_read(3, (const void *)bad, sizeof(bad) - 1, &proxy), -EPROTO);
	assert_int_equal(proxy_read(3, (const void *)bad, 20, &proxy), 0);
	assert_memory_equal(&proxy, &before, sizeof(proxy));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_v1),
		cmocka_unit_test(test_read_v1),
		cmocka_unit_test(test_longest_v1),
		cmocka_unit_test(test_write_v2),
		cmocka_unit_test(test_unix_and_back),
		cmocka_unit_test(test_longest_path),
		cmocka_unit_test(test_read_v2),
		cmocka_unit_test(test_longest_v2),
		cmocka_unit_test(test_failure_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
