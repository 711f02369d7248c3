/* SPDX-License-Identifier: MIT */
/*
 * What a user writes as an endpoint means what the manual says, or is refused with a line that
 * says what to write instead.
 */
#include "tests/unit/test_bridge_endpoint.h"

#include "bridge/host.h"

static void kinds_and_where(void **state)
{
	static const struct {
		const char *text;
		enum endpoint_side side;
		enum endpoint_kind kind;
		const char *host;
		unsigned port;
		const char *path;
		int fd;
	} rows[] = {
		{"tcp:127.0.0.1:80", L, ENDPOINT_TCP, "127.0.0.1", 80, NULL, -1},
		{"127.0.0.1:80", L, ENDPOINT_TCP, "127.0.0.1", 80, NULL, -1},
		{"[::1]:80", L, ENDPOINT_TCP, "::1", 80, NULL, -1},
		{"tcp:[::1]:80", C, ENDPOINT_TCP, "::1", 80, NULL, -1},
		{"tcp:[fe80::1%eth0]:80", C, ENDPOINT_TCP, "fe80::1%eth0", 80, NULL, -1},
		{"tcp:[fe80::1%4]:80", L, ENDPOINT_TCP, "fe80::1%4", 80, NULL, -1},
		{"tcp:*:80", L, ENDPOINT_TCP, "", 80, NULL, -1},
		{"tcp::80", L, ENDPOINT_TCP, "", 80, NULL, -1},
		{"*:80", L, ENDPOINT_TCP, "", 80, NULL, -1},
		{":80", L, ENDPOINT_TCP, "", 80, NULL, -1},
		{"udp:*:53", L, ENDPOINT_UDP, "", 53, NULL, -1},
		{"udp:0.0.0.0:53", L, ENDPOINT_UDP, "0.0.0.0", 53, NULL, -1},
		{"udp:ns.example:53", C, ENDPOINT_UDP, "ns.example", 53, NULL, -1},
		{"localhost:65535", C, ENDPOINT_TCP, "localhost", 65535, NULL, -1},
		{"tcp:a_b.x-1.example.:1", C, ENDPOINT_TCP, "a_b.x-1.example.", 1, NULL, -1},
		{"tcp:tcp:80", C, ENDPOINT_TCP, "tcp", 80, NULL, -1},
		{"tcp:1.example:00080", C, ENDPOINT_TCP, "1.example", 80, NULL, -1},
		{"unix:/run/a.sock", L, ENDPOINT_UNIX, NULL, 0, "/run/a.sock", -1},
		{"unix:relative", C, ENDPOINT_UNIX, NULL, 0, "relative", -1},
		{"unix:@name", C, ENDPOINT_UNIX, NULL, 0, "@name", -1},
		{"unix:/a\\,b\\\\c\\d:e=f", L, ENDPOINT_UNIX, NULL, 0, "/a,b\\cd:e=f", -1},
		{"fd:3", L, ENDPOINT_FD, NULL, 0, NULL, 3},
		{"fd:0", C, ENDPOINT_FD, NULL, 0, NULL, 0},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct endpoint endpoint = parse(rows[i].text, rows[i].side);

		assert_int_equal(endpoint.kind, rows[i].kind);
		same_text(endpoint.host, rows[i].host);
		same_text(endpoint.path, rows[i].path);
		assert_int_equal(endpoint.port, rows[i].port);
		assert_int_equal(endpoint.fd, rows[i].fd);
		assert_int_equal(endpoint.place, ENDPOINT_HERE);
		endpoint_free(&endpoint);
	}
}

static void what_is_not_said_is_the_default(void **state)
{
	struct endpoint endpoint = parse("tcp:*:80", L);

	assert_int_equal(endpoint.proxy, ENDPOINT_PROXY_NONE);
	assert_null(endpoint.interface);
	assert_true(endpoint.nodelay);
	assert_int_equal(endpoint.keepalive, 0);
	assert_int_equal(endpoint.tos, ENDPOINT_UNSET);
	assert_int_equal(endpoint.ttl, ENDPOINT_UNSET);
	assert_int_equal(endpoint.mark, ENDPOINT_UNSET);
	assert_int_equal(endpoint.backlog, 4096);
	assert_int_equal(endpoint.mode, 0600);
	assert_int_equal(endpoint.place_fd, -1);
	assert_false(endpoint.v6only || endpoint.freebind || endpoint.accepted);
	endpoint_free(&endpoint);
	endpoint = parse("tcp:127.0.0.1:80", C);
	assert_int_equal(endpoint.tos, ENDPOINT_CARRY);
	assert_int_equal(endpoint.ttl, ENDPOINT_UNSET);
	assert_false(endpoint.transparent || endpoint.as_local || endpoint.bind);
	endpoint_free(&endpoint);
	endpoint = parse("udp:127.0.0.1:80", C);
	assert_int_equal(endpoint.tos, ENDPOINT_UNSET);
	endpoint_free(&endpoint);
}

static const struct {
	const char *text;
	enum endpoint_side side;
	const char *about;
} wrong_places[] = {
	{"", L, "it is empty: write tcp:ADDRESS:PORT"},
	{",", L, "write ADDRESS:PORT"},
	{"80", L, "or *:80 for every address"},
	{"tcp:80", C, "write ADDRESS:PORT, such as 127.0.0.1:80"},
	{"tcp:", L, "write ADDRESS:PORT"},
	{"tcp:*:", L, "\"\" is no port"},
	{"tcp:*:0", L, "port 0 would be one that nobody knows"},
	{"tcp:*:0000", L, "port 0 would be"},
	{"tcp:a:0", C, "\"0\" is no port: write a number from 1 to 65535"},
	{"tcp:*:65536", L, "\"65536\" is no port"},
	{"tcp:*:+80", L, "\"+80\" is no port"},
	{"tcp:*:http", L, "\"http\" is no port"},
	{"tcp:*:80 ", L, "\"80 \" is no port"},
	{"tcp:*:99999999999999999999", L, "is no port"},
	{"tcp:::1:80", L, "IPv6 addresses have brackets"},
	{"::1:80", L, "IPv6 addresses have brackets"},
	{"fe80::1:80", C, "IPv6 addresses have brackets"},
	{"tcp:[::1]80", L, "write [ADDRESS]:PORT"},
	{"tcp:[::1", L, "write [ADDRESS]:PORT"},
	{"tcp:[::1]", L, "write [ADDRESS]:PORT"},
	{"tcp:[127.0.0.1]:80", L, "only IPv6 addresses have brackets: write 127.0.0.1:PORT"},
	{"tcp:[*]:80", L, "in brackets is no IPv6 address"},
	{"tcp:[]:80", L, "in brackets is no IPv6 address"},
	{"tcp:[fe80::1%]:80", L, "in brackets is no IPv6 address"},
	{"tcp:[fe80::1%0123456789abcdef]:80", L, "in brackets is no IPv6 address"},
	{"tcp:[::1%a/b]:80", L, "in brackets is no IPv6 address"},
	{"tcp:1.2.3:80", C, "\"1.2.3\" is no IPv4 address"},
	{"tcp:1.2.3.256:80", L, "\"1.2.3.256\" is no IPv4 address"},
	{"tcp:1.2.3.4.:80", C, "is no IPv4 address"},
	{"tcp:1.2.3.4%lo:80", C, "no name of a host"},
	{"tcp:localhost:80", L, "names are for connecting only"},
	{"tcp:*:80", C, "it does not say where to connect to"},
	{":80", C, "it does not say where to connect to"},
	{"tcp:0.0.0.0:80", C, "nobody has the address 0.0.0.0: write 127.0.0.1"},
	{"tcp:[::]:80", C, "nobody has the address ::: write [::1]"},
	{"tcp:a b:80", C, "\"a b\" is no name of a host"},
	{"tcp:-a:80", C, "no name of a host"},
	{"tcp:a-.b:80", C, "no name of a host"},
	{"tcp:a..b:80", C, "no name of a host"},
	{"tcp:.:80", C, "no name of a host"},
	{"tcp:m\xc3\xbc.example:80", C, "xn--"},
	{"tcp4:127.0.0.1:80", C, "write tcp:ADDRESS:PORT, udp:ADDRESS:PORT, unix:PATH or fd:N"},
	{"sctp:a:80", C, "write tcp:ADDRESS:PORT"},
	{"/run/a.sock", L, "unix:PATH"},
	{"unix:", L, "write unix:PATH, or unix:@NAME"},
	{"unix:@", L, "write unix:PATH, or unix:@NAME"},
	{"fd:", L, "\"\" is no descriptor"},
	{"fd:-1", L, "\"-1\" is no descriptor"},
	{"fd:x", C, "\"x\" is no descriptor: write a number, such as fd:3"},
	{"fd:2147483648", L, "is no descriptor"},
	{"tcp:*:80\n", L, "control character"},
	{"\x1b[31mtcp:*:80", L, "control character"},
	{"unix:/a\x7f", L, "control character"},
	{"unix:/a\\", L, "behind the last backslash"},
	{"\\", L, "behind the last backslash"},
	{"unix:/a,mode=1\\", L, "behind the last backslash"},
};

static void what_and_where_that_are_wrong(void **state)
{
	for (size_t i = 0; i < ELEMENTS(wrong_places); i++)
		refuse(wrong_places[i].text, wrong_places[i].side, wrong_places[i].about);
}

static void long_texts(void **state)
{
	struct endpoint endpoint;
	char text[8192];

	for (size_t length = 1; length < 300; length++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, "unix:/", 6);
		text[5 + length] = '\0';
		if (length <= 107) {
			endpoint = parse(text, L);
			assert_int_equal(strlen(endpoint.path), length);
			endpoint_free(&endpoint);
		} else {
			refuse(text, L, "the path is too long, a Unix socket's has 107 bytes");
		}
		text[5] = '@';
		if (length > 1 && length <= 108) {
			endpoint = parse(text, C);
			endpoint_free(&endpoint);
		} else if (length > 1) {
			refuse(text, C, "the name is too long, a Unix socket's has 107 bytes");
		}
	}
	memset(text, 'a', sizeof(text));
	strcpy(text + 64, ".example:80");
	refuse(text, C, "no name of a host");
	memset(text, 'a', sizeof(text));
	for (size_t i = 50; i < 260; i += 50)
		text[i] = '.';
	strcpy(text + 254, ":80");
	refuse(text, C, "no name of a host");
	strcpy(text + 253, ":80");
	endpoint = parse(text, C);
	endpoint_free(&endpoint);
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "tcp:a:1,netns=", 14);
	refuse(text, C, "netns= takes NAME");
	memcpy(text, "tcp:a:1,netns=/", 15);
	refuse(text, C, "netns= takes NAME");
	memcpy(text, "tcp:a:1,broker=", 15);
	refuse(text, C, "broker= takes SERVER");
}

static void a_small_buffer_for_the_message_does_no_harm(void **state)
{
	static const char *const texts[] = {"tcp:*:x", "tcp:*:1,nonsense", "", "\n"};
	char small[300];

	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		for (size_t size = 1; size < 200; size++) {
			struct endpoint endpoint;

			memset(small, 0x5a, sizeof(small));
			assert_int_equal(
				endpoint_parse(texts[i], L, &endpoint, small, size), -EINVAL);
			assert_true(strlen(small) < size);
			assert_int_equal(small[size], 0x5a);
		}
	}
}

static void names_of_hosts(void **state)
{
	assert_false(host_is_name(""));
	assert_true(host_is_name("a"));
	assert_true(host_is_name("a.b."));
	assert_false(host_is_name("a.b.."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_and_where),
		cmocka_unit_test(what_is_not_said_is_the_default),
		cmocka_unit_test(what_and_where_that_are_wrong),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(a_small_buffer_for_the_message_does_no_harm),
		cmocka_unit_test(names_of_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
