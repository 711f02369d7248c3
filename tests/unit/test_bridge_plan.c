/* SPDX-License-Identifier: MIT */
/*
 * What cannot be in one plan is refused with a line that names the forward; and no remote client
 * looks like a local one to its target unless that was asked for.
 */
#include "tests/unit/unit.h"

#include "bridge/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char error[512];

static void add(struct plan *plan, const char *listen_text, const char *connect_text)
{
	struct endpoint listen, connect;
	char name[16];

	must(endpoint_parse(listen_text, ENDPOINT_LISTEN, &listen, error, sizeof(error)) == 0);
	must(endpoint_parse(connect_text, ENDPOINT_CONNECT, &connect, error, sizeof(error)) == 0);
	snprintf(name, sizeof(name), "%u", plan->n_forwards + 1);
	assert_int_equal(plan_add(plan, name, &listen, &connect), 0);
	assert_null(listen.text);
	assert_null(connect.text);
}

static int check(const char *const texts[4])
{
	struct plan plan = plan_default();
	int r;

	for (size_t i = 0; i < 4 && texts[i]; i += 2)
		add(&plan, texts[i], texts[i + 1]);
	memset(error, 'x', sizeof(error));
	r = plan_check(&plan, error, sizeof(error));
	plan_free(&plan);
	assert_int_equal(plan.n_forwards, 0);
	plan_free(&plan);
	return r;
}

static void defaults(void **state)
{
	struct plan plan = plan_default();

	assert_int_equal(plan.max_connections, 20000);
	assert_int_equal(plan.connect_timeout_s, 10);
	assert_true(plan.idle_timeout_s == PLAN_NEVER);
	assert_int_equal(plan.udp_timeout_s, 300);
	assert_int_equal(plan.drain_timeout_s, 30);
	assert_int_equal(plan.workers, 0);
	assert_int_equal(plan_check(&plan, error, sizeof(error)), 0);
	plan_free(&plan);
}

static void what_goes_together(void **state)
{
	static const char *const rows[][4] = {
		{"tcp:*:1", "tcp:a:1"},
		{"tcp:*:1", "unix:/a"},
		{"unix:/a", "tcp:a:1"},
		{"unix:/a", "unix:/b"},
		{"udp:*:1", "udp:a:1"},
		{"fd:3", "tcp:a:1"},
		{"fd:3", "udp:a:1"},
		{"fd:3,accepted", "fd:4"},
		{"tcp:*:1", "fd:3"},
		{"tcp:*:1", "tcp:a:1,transparent"},
		{"unix:/a,proxy=any", "tcp:a:1,transparent"},
		/* another protocol, address, port, place or interface */
		{"tcp:*:1", "tcp:a:1", "udp:*:1", "udp:a:1"},
		{"tcp:*:1", "tcp:a:1", "tcp:*:2", "tcp:a:1"},
		{"tcp:127.0.0.1:1", "tcp:a:1", "tcp:127.0.0.2:1", "tcp:a:1"},
		{"tcp:[fe80::1%a]:1", "tcp:a:1", "tcp:[fe80::1%b]:1", "tcp:a:1"},
		{"tcp:*:1,netns=a", "tcp:a:1", "tcp:*:1", "tcp:a:1"},
		{"tcp:*:1,netns=a", "tcp:a:1", "tcp:*:1,netns=b", "tcp:a:1"},
		{"tcp:*:1,netns=./a", "tcp:a:1", "tcp:*:1,netns=a", "tcp:a:1"},
		{"tcp:*:1,netns=a", "tcp:a:1", "tcp:*:1,broker=a", "tcp:a:1"},
		{"tcp:*:1,netns=fd:5", "tcp:a:1", "tcp:*:1,netns=fd:6", "tcp:a:1"},
		{"tcp:*:1,interface=a", "tcp:a:1", "tcp:*:1,interface=b", "tcp:a:1"},
		{"unix:@a,netns=a", "tcp:a:1", "unix:@a", "tcp:a:1"},
		{"tcp:*:1,netns=fd:5", "tcp:a:1,netns=fd:5", "tcp:*:2,netns=fd:5", "tcp:a:1"},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (check(rows[i]) < 0)
			fail_msg("row %zu: %s", i, error);
		assert_string_equal(error, "");
	}
}

static void what_does_not(void **state)
{
	static const struct {
		const char *texts[4], *about;
	} rows[] = {
		{{"udp:*:1", "tcp:a:1"}, "forward 1: datagrams cannot go to a tcp: endpoint"},
		{{"udp:*:1", "unix:/a"}, "datagrams cannot go to a unix: endpoint"},
		{{"udp:*:1", "fd:3"}, "datagrams cannot go to a fd: endpoint"},
		{{"tcp:*:1", "udp:a:1"}, "a stream cannot go to udp: endpoints"},
		{{"unix:/a", "udp:a:1"}, "a stream cannot go to udp: endpoints"},
		{{"fd:3,accepted", "udp:a:1"}, "a stream cannot go to udp: endpoints"},
		{{"unix:/a", "tcp:a:1,transparent"}, "clients of a Unix socket have no address"},
		{{"tcp:*:1", "tcp:a:1", "tcp:*:1", "tcp:b:1"},
			"forward 2: forward 1 listens at tcp:*:1 already"},
		{{"tcp:*:1", "tcp:a:1", ":1", "tcp:b:1"}, "listens at tcp:*:1 already"},
		{{"tcp:[::1]:1", "tcp:a:1", "[0:0::1]:1", "tcp:b:1"},
			"listens at tcp:[::1]:1 already"},
		{{"tcp:*:1,netns=a", "tcp:a:1", "tcp:*:1,netns=/run/netns/a", "tcp:a:1"},
			"listens at tcp:*:1,netns=a already"},
		{{"tcp:*:1,broker=a", "tcp:a:1", "tcp:*:1,broker=a", "tcp:a:1"}, "already"},
		{{"tcp:*:1,netns=fd:5", "tcp:a:1", "tcp:*:1,netns=fd:5", "tcp:a:1"}, "already"},
		{{"tcp:*:1,interface=a", "tcp:a:1", "tcp:*:1,interface=a", "tcp:a:1"}, "already"},
		{{"unix:/a", "tcp:a:1", "unix:/a", "tcp:a:1"}, "listens at unix:/a already"},
		{{"fd:3", "fd:3"}, "forward 1: descriptor 3 is used twice"},
		{{"fd:3", "tcp:a:1", "fd:3", "tcp:a:1"}, "forward 2: descriptor 3 is used twice"},
		{{"fd:3", "tcp:a:1", "tcp:*:1", "fd:3"}, "descriptor 3 is used twice"},
		{{"tcp:*:1", "fd:3", "fd:3", "tcp:a:1"}, "descriptor 3 is used twice"},
		{{"fd:3", "tcp:a:1,netns=fd:3"}, "cannot be both a socket and a network namespace"},
		{{"tcp:*:1,netns=fd:4", "tcp:a:1", "tcp:*:2", "fd:4"},
			"cannot be both a socket and"},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (check(rows[i].texts) != -EINVAL)
			fail_msg("row %zu was taken", i);
		if (!strstr(error, rows[i].about))
			fail_msg("\"%s\" is expected in: %s", rows[i].about, error);
	}
}

static struct netaddr address(const char *host)
{
	struct netaddr ret = {0};

	if (strcmp(host, "unix") == 0) {
		ret.length = sizeof(ret.un.sun_family);
		ret.un.sun_family = AF_UNIX;
	} else if (host[0]) {
		must(netaddr_parse(host, 5, &ret) == 0);
	}
	return ret;
}

static void remote_clients_do_not_look_local(void **state)
{
	static const struct {
		const char *connect, *client, *server, *target;
		bool refused;
	} rows[] = {
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "127.0.0.1", true},
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "127.1.2.3", true},
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "::1", true},
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "0.0.0.0", true},
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "::", true},
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "::ffff:127.0.0.1", true},
		{"tcp:a:1", "::ffff:10.0.0.9", "::ffff:10.0.0.1", "127.0.0.1", true},
		{"tcp:a:1", "2001:db8::9", "2001:db8::1", "127.0.0.1", true},
		{"udp:a:1", "10.0.0.9", "10.0.0.1", "127.0.0.1", true},
		/* a bind= that is loopback tells nothing */
		{"tcp:a:1,bind=127.0.0.2", "10.0.0.9", "10.0.0.1", "127.0.0.1", true},
		{"tcp:a:1,bind=[::1]:7", "10.0.0.9", "10.0.0.1", "::1", true},
		/* the target is not on this machine, or it is told */
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "10.0.0.2", false},
		{"unix:/a", "10.0.0.9", "10.0.0.1", "unix", false},
		{"tcp:a:1,proxy=v1", "10.0.0.9", "10.0.0.1", "127.0.0.1", false},
		{"udp:a:1,proxy=v2", "10.0.0.9", "10.0.0.1", "127.0.0.1", false},
		{"tcp:a:1,transparent", "10.0.0.9", "10.0.0.1", "127.0.0.1", false},
		{"tcp:a:1,as-local", "10.0.0.9", "10.0.0.1", "127.0.0.1", false},
		{"tcp:a:1,bind=10.8.0.2:7", "10.0.0.9", "10.0.0.1", "127.0.0.1", false},
		{"tcp:a:1,bind=fd00::1", "10.0.0.9", "10.0.0.1", "::1", false},
		/* the client is a local one */
		{"tcp:a:1", "127.0.0.1", "127.0.0.1", "127.0.0.1", false},
		{"tcp:a:1", "::1", "::1", "127.0.0.1", false},
		{"tcp:a:1", "::ffff:127.0.0.1", "", "127.0.0.1", false},
		{"tcp:a:1", "unix", "unix", "127.0.0.1", false},
		{"tcp:a:1", "", "", "127.0.0.1", false},
		{"tcp:a:1", "10.0.0.1", "10.0.0.1", "127.0.0.1", false},
		{"tcp:a:1", "::ffff:10.0.0.1", "10.0.0.1", "127.0.0.1", false},
		/* there is nothing to connect to */
		{"tcp:a:1", "10.0.0.9", "10.0.0.1", "", false},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct netaddr client = address(rows[i].client), server = address(rows[i].server);
		struct netaddr target = address(rows[i].target);
		struct plan plan = plan_default();

		add(&plan,
			rows[i].connect[0] == 'u' && rows[i].connect[1] == 'd' ? "udp:*:1"
									       : "tcp:*:1",
			rows[i].connect);
		if (plan_presents_local(plan.forwards, &client, &server, &target) !=
			rows[i].refused)
			fail_msg("row %zu", i);
		if (rows[i].refused)
			assert_true(plan_presents_local(plan.forwards, &client, NULL, &target));
		plan_free(&plan);
	}
}

static void that_they_will_be_refused_is_told_at_the_start(void **state)
{
	static const struct {
		const char *listen, *connect;
		bool warned;
	} rows[] = {
		{"tcp:*:1", "tcp:127.0.0.1:1", true},
		{"tcp:0.0.0.0:1,netns=vpn", "tcp:127.0.0.1:1", true},
		{"tcp:[::]:1", "tcp:[::1]:1,netns=vpn", true},
		{"tcp:10.0.0.1:1", "tcp:[::ffff:127.0.0.1]:1", true},
		{"udp:*:1", "udp:127.0.0.1:1", true},
		{"tcp:*:1", "tcp:127.0.0.1:1,bind=127.0.0.2", true},
		{"tcp:*:1", "tcp:127.0.0.1:1,as-local", false},
		{"tcp:*:1", "tcp:127.0.0.1:1,proxy=v2", false},
		{"tcp:*:1", "tcp:127.0.0.1:1,transparent", false},
		{"tcp:*:1", "tcp:127.0.0.1:1,bind=10.0.0.2", false},
		{"tcp:*:1", "tcp:10.0.0.2:1", false},
		{"tcp:*:1", "tcp:localhost:1", false},
		{"tcp:*:1", "unix:/a", false},
		{"tcp:127.0.0.1:1", "tcp:127.0.0.1:1", false},
		{"tcp:[::1]:1", "tcp:127.0.0.1:1", false},
		{"unix:/a", "tcp:127.0.0.1:1", false},
		{"fd:3", "tcp:127.0.0.1:1", false},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct plan plan = plan_default();
		char text[512] = "";

		add(&plan, rows[i].listen, rows[i].connect);
		if (plan_warning(plan.forwards, text, sizeof(text)) != rows[i].warned)
			fail_msg("row %zu: %s", i, text);
		if (rows[i].warned) {
			assert_non_null(strstr(text, "forward 1: "));
			assert_non_null(strstr(text, "as-local"));
			assert_non_null(strstr(text, rows[i].connect));
		}
		plan_free(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(what_goes_together),
		cmocka_unit_test(what_does_not),
		cmocka_unit_test(remote_clients_do_not_look_local),
		cmocka_unit_test(that_they_will_be_refused_is_told_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
