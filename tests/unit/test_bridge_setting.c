/* SPDX-License-Identifier: MIT */
/* Each option of an endpoint sets its own, and is refused where it means nothing. */
#include "tests/unit/test_bridge_endpoint.h"

/* One option is parsed, and its field is of the value that is expected. */
#define SETS(text, side, field, value)                                                             \
	do {                                                                                       \
		struct endpoint one = parse(text, side);                                           \
		assert_int_equal(one.field, value);                                                \
		endpoint_free(&one);                                                               \
	} while (0)

#define SETS_TEXT(text, side, field, value)                                                        \
	do {                                                                                       \
		struct endpoint one = parse(text, side);                                           \
		same_text(one.field, value);                                                       \
		endpoint_free(&one);                                                               \
	} while (0)

static void each_option_sets_its_own(void **state)
{
	SETS("tcp:*:1,proxy=v1", L, proxy, ENDPOINT_PROXY_V1);
	SETS("unix:/a,proxy=any", L, proxy, ENDPOINT_PROXY_ANY);
	SETS("udp:1.2.3.4:1,proxy=v2", C, proxy, ENDPOINT_PROXY_V2);
	SETS_TEXT("tcp:*:1,interface=eth0", L, interface, "eth0");
	SETS("tcp:*:1,nodelay=no", L, nodelay, false);
	SETS("fd:3,nodelay=yes", C, nodelay, true);
	SETS("tcp:*:1,keepalive=no", L, keepalive, -1);
	SETS("tcp:*:1,keepalive=yes", L, keepalive, 0);
	SETS("tcp:*:1,keepalive", L, keepalive, 0);
	SETS("tcp:*:1,keepalive=32767", L, keepalive, 32767);
	SETS("tcp:1.2.3.4:1,tos=0", C, tos, 0);
	SETS("tcp:1.2.3.4:1,tos=carry", C, tos, ENDPOINT_CARRY);
	SETS("udp:*:1,tos=255", L, tos, 255);
	SETS("udp:*:1,tos=carry", L, tos, ENDPOINT_CARRY);
	SETS("udp:1.2.3.4:1,ttl=carry", C, ttl, ENDPOINT_CARRY);
	SETS("tcp:1.2.3.4:1,ttl=carry", C, ttl, ENDPOINT_CARRY);
	SETS("tcp:*:1,ttl=1", L, ttl, 1);
	SETS("tcp:*:1,mark=0", L, mark, 0);
	SETS("tcp:*:1,mark=0x7fffffff", L, mark, 0x7fffffff);
	SETS("tcp:*:1,backlog=7", L, backlog, 7);
	SETS("tcp:[::]:1,ipv6only", L, v6only, true);
	SETS("tcp:[::]:1,ipv6only=no", L, v6only, false);
	SETS("tcp:10.0.0.1:1,freebind", L, freebind, true);
	SETS("unix:/a,mode=0666", L, mode, 0666);
	SETS("unix:/a,mode=7", L, mode, 7);
	SETS_TEXT("unix:/a,user=www-data", L, user, "www-data");
	SETS_TEXT("unix:/a,group=33", L, group, "33");
	SETS("fd:3,accepted", L, accepted, true);
	SETS_TEXT("tcp:a:1,bind=10.0.0.1", C, bind, "10.0.0.1");
	SETS_TEXT("tcp:[::1]:1,bind=[fd00::1]:5", C, bind, "[fd00::1]:5");
	SETS_TEXT("tcp:[::1]:1,bind=fd00::1", C, bind, "fd00::1");
	SETS("tcp:a:1,transparent", C, transparent, true);
	SETS("udp:a:1,as-local", C, as_local, true);
}

static void places(void **state)
{
	static const struct {
		const char *text;
		enum endpoint_place place;
		const char *name;
		int fd;
	} rows[] = {
		{"tcp:*:1,netns=vpn", ENDPOINT_NETNS, "vpn", -1},
		{"tcp:*:1,netns=/run/netns/vpn", ENDPOINT_NETNS, "/run/netns/vpn", -1},
		{"tcp:*:1,netns=./a\\,b", ENDPOINT_NETNS, "./a,b", -1},
		{"udp:*:1,netns=pid:4194304", ENDPOINT_NETNS, "pid:4194304", -1},
		{"unix:@a,netns=vpn", ENDPOINT_NETNS, "vpn", -1},
		{"tcp:*:1,netns=fd:0", ENDPOINT_NETNS_FD, NULL, 0},
		{"tcp:*:1,netns=fd:7", ENDPOINT_NETNS_FD, NULL, 7},
		{"tcp:*:1,broker=vpn", ENDPOINT_BROKER, "vpn", -1},
		{"tcp:*:1,broker=@vpn", ENDPOINT_BROKER, "@vpn", -1},
		{"udp:*:1,broker=/run/x/y", ENDPOINT_BROKER, "/run/x/y", -1},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct endpoint endpoint = parse(rows[i].text, L);

		assert_int_equal(endpoint.place, rows[i].place);
		same_text(endpoint.place_name, rows[i].name);
		assert_int_equal(endpoint.place_fd, rows[i].fd);
		endpoint_free(&endpoint);
	}
}

static void many_options_at_once(void **state)
{
	struct endpoint endpoint =
		parse("tcp:db.example:5432,broker=vpn,proxy=v2,mark=17,bind=10.0.0.2,ttl=9,tos=16,"
		      "nodelay=no,keepalive=60,interface=wg0,as-local",
			C);

	assert_int_equal(endpoint.place, ENDPOINT_BROKER);
	assert_int_equal(endpoint.proxy, ENDPOINT_PROXY_V2);
	assert_int_equal(endpoint.mark, 17);
	assert_int_equal(endpoint.keepalive, 60);
	assert_string_equal(endpoint.bind, "10.0.0.2");
	endpoint_free(&endpoint);
	assert_null(endpoint.text);
	endpoint_free(&endpoint);
}

static const struct {
	const char *text;
	enum endpoint_side side;
	const char *about;
} wrong_options[] = {
	{"tcp:*:1,", L, "a comma with no option behind it"},
	{"tcp:*:1,,netns=a", L, "a comma with no option behind it"},
	{"tcp:*:1,nets=a", L,
		"no option \"nets\" of a listening tcp: endpoint, which takes "
		"netns, broker, proxy, interface, nodelay, keepalive, tos, ttl, "
		"mark, backlog, ipv6only, freebind"},
	{"tcp:a:1,=x", C, "there is no option \"\""},
	{"tcp:a:1,NETNS=x", C, "there is no option \"NETNS\""},
	{"tcp:a:1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1", C, "there is no option"},
	{"tcp:a:1,backlog=5", C, "\"backlog\" means nothing to a connecting tcp: endpoint"},
	{"tcp:*:1,mode=0600", L, "\"mode\" means nothing to a listening tcp: endpoint"},
	{"tcp:*:1,transparent", L, "means nothing to a listening tcp: endpoint"},
	{"tcp:*:1,as-local", L, "means nothing to a listening"},
	{"udp:*:1,nodelay=no", L, "means nothing to a listening udp: endpoint"},
	{"udp:*:1,proxy=v2", L, "\"proxy\" means nothing to a listening udp: endpoint"},
	{"fd:3,netns=vpn", L, "\"netns\" means nothing to a listening fd: endpoint"},
	{"fd:3,broker=vpn", C, "\"broker\" means nothing to a connecting fd: endpoint"},
	{"fd:3,accepted", C, "means nothing to a connecting fd: endpoint"},
	{"unix:@a,broker=vpn", C, "\"broker\" means nothing to a connecting unix: endpoint"},
	{"tcp:*:1,netns=a,netns=b", L, "netns is there twice: leave one out"},
	{"tcp:*:1,netns=a,broker=b", L, "netns= and broker= exclude each other"},
	{"tcp:*:1,broker=b,netns=fd:4", L, "netns= and broker= exclude each other"},
	{"tcp:*:1,netns", L, "netns= takes NAME of ip-netns(8), a path, pid:N or fd:N"},
	{"tcp:*:1,netns=", L, "netns= takes NAME"},
	{"tcp:*:1,netns=..", L, "netns= takes NAME"},
	{"tcp:*:1,netns=pid:0", L, "netns=pid:N takes the number of a process"},
	{"tcp:*:1,netns=pid:self", L, "netns=pid:N takes the number of a process"},
	{"tcp:*:1,netns=fd:x", L, "netns=fd:N takes a descriptor"},
	{"tcp:*:1,broker", L, "broker= takes SERVER"},
	{"tcp:*:1,broker=", L, "broker= takes SERVER"},
	{"unix:/a,netns=vpn", L, "a path is the same in every network namespace"},
	{"tcp:*:1,proxy", L, "proxy= takes v1, v2 or any, not \"\""},
	{"tcp:a:1,proxy=any", C, "proxy= takes v1 or v2, not \"any\""},
	{"udp:a:1,proxy=v1", C, "has no datagrams: write proxy=v2"},
	{"tcp:*:1,interface=0123456789abcdef", L, "takes the name of an interface"},
	{"tcp:*:1,interface=", L, "takes the name of an interface"},
	{"tcp:*:1,nodelay=1", L, "nodelay= takes yes or no, not \"1\""},
	{"tcp:*:1,keepalive=0", L, "keepalive= takes yes, no, or 1 to 32767 seconds"},
	{"tcp:*:1,keepalive=32768", L, "keepalive= takes"},
	{"tcp:*:1,tos=carry", L, "tos= takes a number from 0 to 255, not \"carry\""},
	{"udp:*:1,ttl=0", L, "from 1 to 255, or carry for the target's, not \"0\""},
	{"tcp:a:1,tos=256", C, "from 0 to 255, or carry for the client's, not \"256\""},
	{"tcp:a:1,ttl=0", C, "ttl= takes a number from 1 to 255"},
	{"tcp:a:1,mark=0x80000000", C, "mark= takes a number from 0 to 0x7fffffff"},
	{"tcp:a:1,mark=-1", C, "mark= takes"},
	{"tcp:a:1,mark=0x", C, "mark= takes"},
	{"tcp:a:1,mark", C, "mark= takes"},
	{"tcp:*:1,backlog=0", L, "backlog= takes a number from 1 to"},
	{"tcp:*:1,backlog", L, "backlog= takes a number"},
	{"tcp:*:1,ipv6only", L, "write [::]:1,ipv6only"},
	{"tcp:1.2.3.4:1,ipv6only", L, "write [::]:1,ipv6only"},
	{"unix:/a,mode=0680", L, "mode= takes permissions"},
	{"unix:/a,mode=01777", L, "mode= takes permissions"},
	{"unix:/a,mode=u+x", L, "mode= takes permissions"},
	{"unix:/a,mode", L, "mode= takes permissions"},
	{"unix:/a,user=", L, "user needs a name"},
	{"unix:/a,group", L, "group needs a name"},
	{"unix:@a,mode=0600", L, "an abstract name has no mode="},
	{"unix:@a,user=root", L, "an abstract name has no mode="},
	{"tcp:a:1,bind=localhost", C, "bind= takes ADDRESS or ADDRESS:PORT"},
	{"tcp:a:1,bind=10.0.0.1:0", C, "bind= takes"},
	{"tcp:a:1,bind=[10.0.0.1]:1", C, "bind= takes"},
	{"tcp:a:1,bind=[::1", C, "bind= takes"},
	{"tcp:a:1,bind=[::1]x", C, "bind= takes"},
	{"tcp:a:1,bind", C, "bind= takes"},
	{"tcp:a:1,bind=10.0.0.1,transparent", C, "bind= and transparent exclude each other"},
	{"tcp:[::1]:1,bind=10.0.0.1", C,
		"bind= has an IPv4 address, and what it connects to an "
		"IPv6 one"},
	{"tcp:10.0.0.1:1,bind=fd00::1", C, "bind= has an IPv6 address"},
};

static void options_that_are_wrong(void **state)
{
	for (size_t i = 0; i < ELEMENTS(wrong_options); i++)
		refuse(wrong_options[i].text, wrong_options[i].side, wrong_options[i].about);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_sets_its_own),
		cmocka_unit_test(places),
		cmocka_unit_test(many_options_at_once),
		cmocka_unit_test(options_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
