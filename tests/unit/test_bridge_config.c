/* SPDX-License-Identifier: MIT */
/*
 * A configuration file of the bridge means what it says or is refused as a whole, with the line
 * that is wrong.
 */
#include "tests/unit/unit.h"

#include "bridge/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PAIR "Listen=tcp:*:80\nConnect=tcp:a:81\n"

static char path[128];

static int setup(void **state)
{
	temp_setup(state);
	temp_path(&temp_fixture, "test.conf", path);
	return 0;
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "we");

	must(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Loads a text that is right. */
static struct plan load(const char *text)
{
	struct plan plan;
	char error[1024];

	memset(&plan, 0xa5, sizeof(plan));
	write_file(text);
	if (config_load(path, &plan, error, sizeof(error)) < 0)
		fail_msg("%s", error);
	assert_string_equal(error, "");
	return plan;
}

/* Loads a text that is wrong in a line (0: as a whole). The message has to name it, and `about`. */
static void refuse(const char *text, unsigned line, const char *about)
{
	struct plan plan, before;
	char error[1024], begin[160];

	memset(&plan, 0xa5, sizeof(plan));
	before = plan;
	write_file(text);
	assert_int_equal(config_load(path, &plan, error, sizeof(error)), -EINVAL);
	assert_memory_equal(&plan, &before, sizeof(plan));
	if (line > 0)
		snprintf(begin, sizeof(begin), "%s:%u: ", path, line);
	else
		snprintf(begin, sizeof(begin), "%s: ", path);
	if (strncmp(error, begin, strlen(begin)) != 0 || !strstr(error, about))
		fail_msg("line %u and \"%s\" are expected in: %s", line, about, error);
}

static void what_is_not_said_is_the_default(void **state)
{
	struct plan plan = load("[Forward web]\n" PAIR), expected = plan_default();
	const struct plan_forward *forward = plan.forwards;

	assert_int_equal(plan.n_forwards, 1);
	assert_string_equal(forward->name, "web");
	assert_string_equal(forward->listen.text, "tcp:*:80");
	assert_int_equal(forward->listen.side, ENDPOINT_LISTEN);
	assert_string_equal(forward->connect.text, "tcp:a:81");
	assert_int_equal(forward->connect.side, ENDPOINT_CONNECT);
	assert_int_equal(forward->max_connections, 0);
	assert_int_equal(forward->connect_timeout_s, 0);
	assert_int_equal(forward->idle_timeout_s, 0);
	assert_int_equal(plan.max_connections, expected.max_connections);
	assert_int_equal(plan.connect_timeout_s, expected.connect_timeout_s);
	assert_int_equal(plan.idle_timeout_s, expected.idle_timeout_s);
	assert_int_equal(plan.udp_timeout_s, expected.udp_timeout_s);
	assert_int_equal(plan.drain_timeout_s, expected.drain_timeout_s);
	assert_int_equal(plan.workers, expected.workers);
	plan_free(&plan);
}

static void each_key_sets_its_own(void **state)
{
	struct plan plan =
		load("[Bridge]\nMaxConnections=11\nConnectTimeoutSec=12\n"
		     "IdleTimeoutSec=13\nUdpTimeoutSec=1min\nDrainTimeoutSec=15\nWorkers=16\n"
		     "[Forward a]\nMaxConnections=17\nConnectTimeoutSec=18\n"
		     "IdleTimeoutSec=1h\n" PAIR
		     "[Forward b-2.x@y_]\nConnect=udp:a:1,bind=10.0.0.1\nListen=udp:*:1\n"
		     "IdleTimeoutSec=infinity\n");

	assert_int_equal(plan.max_connections, 11);
	assert_int_equal(plan.connect_timeout_s, 12);
	assert_int_equal(plan.idle_timeout_s, 13);
	assert_int_equal(plan.udp_timeout_s, 60);
	assert_int_equal(plan.drain_timeout_s, 15);
	assert_int_equal(plan.workers, 16);
	assert_int_equal(plan.n_forwards, 2);
	assert_int_equal(plan.forwards[0].max_connections, 17);
	assert_int_equal(plan.forwards[0].connect_timeout_s, 18);
	assert_int_equal(plan.forwards[0].idle_timeout_s, 3600);
	assert_string_equal(plan.forwards[1].name, "b-2.x@y_");
	assert_string_equal(plan.forwards[1].connect.bind, "10.0.0.1");
	assert_true(plan.forwards[1].idle_timeout_s == PLAN_NEVER);
	plan_free(&plan);
}

static void a_time_can_be_none(void **state)
{
	struct plan plan = load("[Bridge]\nIdleTimeoutSec=5\nIdleTimeoutSec=infinity\n"
				"DrainTimeoutSec=0\n[Forward a]\n" PAIR);

	assert_true(plan.idle_timeout_s == PLAN_NEVER);
	assert_int_equal(plan.drain_timeout_s, 0);
	plan_free(&plan);
}

static void sections_may_come_in_pieces(void **state)
{
	struct plan plan = load("[Forward a]\nListen=unix:/a ; a comment\n[Forward b]\n" PAIR
				"[Bridge]\nWorkers=2\n[Forward a]\nConnect=unix:/b\\,\\\\c\n");

	assert_int_equal(plan.n_forwards, 2);
	assert_string_equal(plan.forwards[0].listen.path, "/a");
	assert_string_equal(plan.forwards[0].connect.path, "/b,\\c");
	plan_free(&plan);
}

static void what_is_missing(void **state)
{
	refuse("", 0, "there is nothing to bridge");
	refuse("[Bridge]\nWorkers=2\n", 0, "there is nothing to bridge");
	refuse("[Forward a]\nListen=tcp:*:80\n", 0, "[Forward a] has no Connect=");
	refuse("[Forward a]\n" PAIR "[Forward b]\nConnect=tcp:a:1\n", 0,
		"[Forward b] has no Listen=");
	refuse("[Forward a]\nMaxConnections=1\n", 0, "[Forward a] has no Listen=");
}

static void what_cannot_be_in_one_file(void **state)
{
	refuse("[Forward a]\n" PAIR "[Forward b]\n" PAIR, 0,
		"forward b: forward a listens at tcp:*:80 already");
	refuse("[Forward a]\nListen=udp:*:1\nConnect=tcp:a:1\n", 0,
		"forward a: datagrams cannot go");
}

static void wrong_lines_are_named(void **state)
{
	refuse("[Forward a]\nListen=tcp:80\n", 2, "Listen=tcp:80: write ADDRESS:PORT");
	refuse("[Forward a]\nListen=\n", 2, "Listen=\"\": it is empty");
	refuse("[Forward a]\nListen\n", 2, "");
	refuse("[Forward a]\nConnect=tcp:a:1,proxy=v3\n", 2, "proxy= takes v1 or v2, not \"v3\"");
	refuse("[Forward a]\n" PAIR "Listen=tcp:*:1\n", 4, "Listen= is there twice");
	refuse("[Forward a]\n" PAIR "Connect=tcp:*:1\n", 4, "Connect= is there twice");
	refuse("[Forward a]\nListne=tcp:*:80\n", 2, "no setting Listne= in [Forward NAME], only");
	refuse("[Forward a]\nWorkers=1\n", 2, "no setting Workers= in [Forward NAME], only");
	refuse("[Bridge]\nListen=tcp:*:80\n", 2, "no setting Listen= in [Bridge], only");
	refuse("[Bridge]\nMaxConnections=0\n", 2, "MaxConnections= takes a whole number");
	refuse("[Bridge]\nMaxConnections=1000001\n", 2, "MaxConnections= takes a whole number");
	refuse("[Bridge]\nWorkers=1025\n", 2, "Workers= takes a whole number from 1 to 1024");
	refuse("[Bridge]\nUdpTimeoutSec=infinity\n", 2, "UdpTimeoutSec= takes a time");
	refuse("[Bridge]\nConnectTimeoutSec=0\n", 2, "ConnectTimeoutSec= takes a time");
	refuse("[Bridge]\nDrainTimeoutSec=00\n", 2, "DrainTimeoutSec= takes a time");
	refuse("[Bridge]\nIdleTimeoutSec=1.5\n", 2, "IdleTimeoutSec= takes a time");
	refuse("[Forward a]\nMaxConnections=x\n", 2, "MaxConnections= takes a whole number");
	refuse("[Forward a]\nConnectTimeoutSec=infinity\n", 2, "ConnectTimeoutSec= takes a time");
	refuse("[Forward a]\nIdleTimeoutSec=\n", 2, "IdleTimeoutSec= takes a time");
	refuse("Workers=1\n", 1, "below a line [Bridge] or [Forward NAME]");
	refuse("[Server]\nWorkers=1\n", 2,
		"there is no section [Server], only [Bridge] and [Forward NAME]");
	refuse("[Forward]\n" PAIR, 2, "each forward has a name: write [Forward NAME]");
	refuse("[Forward ]\n" PAIR, 2, "[Forward NAME] takes a name");
	refuse("[Forward a b]\n" PAIR, 2, "not \"a b\"");
	refuse("[Forward  a]\n" PAIR, 2, "not \" a\"");
	refuse("[forward a]\n" PAIR, 2, "there is no section [forward a]");
}

static void names_of_forwards_are_never_cut(void **state)
{
	for (unsigned length = 1; length < 150; length++) {
		char name[151] = "", text[400];
		struct plan plan;

		memset(name, 'n', length);
		snprintf(text, sizeof(text), "[Forward %s]\n" PAIR, name);
		if (length <= 32) {
			plan = load(text);
			assert_string_equal(plan.forwards[0].name, name);
			plan_free(&plan);
		} else {
			refuse(text, 2, "takes a name of up to 32 letters");
		}
	}
}

static void files_that_cannot_be_read_are_told(void **state)
{
	struct plan plan;
	char error[256];

	assert_int_equal(config_load(path, &plan, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, path));
	must(mkdir(path, 0700) == 0);
	assert_int_equal(config_load(path, &plan, error, sizeof(error)), -EIO);
	assert_non_null(strstr(error, path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, temp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_said_is_the_default),
		TEST(each_key_sets_its_own),
		TEST(a_time_can_be_none),
		TEST(sections_may_come_in_pieces),
		TEST(what_is_missing),
		TEST(what_cannot_be_in_one_file),
		TEST(wrong_lines_are_named),
		TEST(names_of_forwards_are_never_cut),
		TEST(files_that_cannot_be_read_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
