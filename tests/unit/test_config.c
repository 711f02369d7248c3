/* SPDX-License-Identifier: MIT */
/*
 * A configuration file means what it says or is refused as a whole, with the line that is wrong:
 * nothing that a user writes is ever left out in silence.
 */
#include "tests/unit/unit.h"

#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char path[128];

static int setup(void **state)
{
	temp_setup(state);
	temp_path(&temp_fixture, "test.conf", path);
	return 0;
}

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen(path, "we");

	must(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
}

/* Loads a text that is right. */
static struct config load(const char *text)
{
	struct config config;
	char error[256];
	int r;

	memset(&config, 0xa5, sizeof(config));
	write_file(text, strlen(text));
	r = config_load(path, &config, error, sizeof(error));
	if (r < 0)
		print_error("%s\n", error);
	assert_int_equal(r, 0);
	assert_string_equal(error, "");
	return config;
}

/* Loads a text that is wrong in a line. The message has to name it, and `about`. */
static void refuse_bytes(const char *text, size_t size, unsigned line, const char *about)
{
	struct config config, before;
	char error[512], begin[160];

	memset(&config, 0xa5, sizeof(config));
	before = config;
	write_file(text, size);
	assert_int_equal(config_load(path, &config, error, sizeof(error)), -EINVAL);
	assert_memory_equal(&config, &before, sizeof(config));
	snprintf(begin, sizeof(begin), "%s:%u: ", path, line);
	if (strncmp(error, begin, strlen(begin)) != 0 || !strstr(error, about))
		fail_msg("line %u and \"%s\" are expected in: %s", line, about, error);
}

static void refuse(const char *text, unsigned line, const char *about)
{
	refuse_bytes(text, strlen(text), line, about);
}

static void is_default(struct config config)
{
	assert_int_equal(config.max_connections, 4096);
	assert_int_equal(config.max_connections_per_user, 1024);
	assert_int_equal(config.idle_timeout_s, 600);
	assert_int_equal(config.request_timeout_s, 5);
	assert_int_equal(config.max_batch, 253);
	assert_int_equal(config.policy.kinds, POLICY_KINDS_DEFAULT);
	assert_true(config.allow_resolver);
}

static void what_is_not_said_is_the_default(void **state)
{
	is_default(config_default());
	is_default(load(""));
	is_default(load("\n\n  \n\t\n"));
	is_default(load("[Server]\n"));
	is_default(load("[Server]"));
	is_default(load("# a comment\n; another\n[Server]\n#MaxBatch=1\n  # indented\n\t; too\n"));
	is_default(load("\xef\xbb\xbf[Server]\r\n"));
}

static void each_key_sets_its_own(void **state)
{
	struct config config = load("[Server]\n"
				    "MaxConnections=11\n"
				    "MaxConnectionsPerUser = 12\n"
				    "IdleTimeoutSec=13\n"
				    "RequestTimeoutSec=14\n"
				    "MaxBatch=15 ; sockets\n"
				    "AllowSockets=udp\tping\n"
				    "AllowResolver=no\n");

	assert_int_equal(config.max_connections, 11);
	assert_int_equal(config.max_connections_per_user, 12);
	assert_int_equal(config.idle_timeout_s, 13);
	assert_int_equal(config.request_timeout_s, 14);
	assert_int_equal(config.max_batch, 15);
	assert_int_equal(config.policy.kinds, POLICY_UDP | POLICY_PING);
	assert_false(config.allow_resolver);
	assert_true(load("[Server]\nAllowResolver = yes\n").allow_resolver);
}

static void the_form_of_a_line_is_free_where_nothing_gets_lost(void **state)
{
	assert_int_equal(load("[Server]\r\nMaxBatch=15\r\n").max_batch, 15);
	assert_int_equal(load("[Server]\nMaxBatch=15").max_batch, 15);
	assert_int_equal(load("[Server]\nMaxBatch = 15  \n").max_batch, 15);
	assert_int_equal(load("[Server]\nMaxBatch=15\nMaxBatch=16\n").max_batch, 16);
	assert_int_equal(
		load("[Server]\nMaxBatch=15\n\n[Server]\nMaxConnections=9\n").max_batch, 15);
}

static void kinds_are_those_of_the_documentation(void **state)
{
	assert_int_equal(
		load("[Server]\nAllowSockets=tcp udp mptcp sctp udplite ping route\n").policy.kinds,
		POLICY_TCP | POLICY_UDP | POLICY_MPTCP | POLICY_SCTP | POLICY_UDPLITE |
			POLICY_PING | POLICY_ROUTE);
	assert_int_equal(load("[Server]\nAllowSockets=tcp tcp\n").policy.kinds, POLICY_TCP);
	assert_int_equal(load("[Server]\nAllowSockets=\n").policy.kinds, 0);
}

static void times_have_units(void **state)
{
	static const struct {
		const char *text;
		unsigned seconds;
	} times[] = {{"1", 1}, {"90", 90}, {"90s", 90}, {"90 s", 90}, {"2sec", 2}, {"2 sec", 2},
		{"5min", 300}, {"5m", 300}, {"5 min", 300}, {"1h", 3600}, {"1d", 86400}, {"007", 7},
		{"2147483647", 2147483647}, {"24855d", 24855u * 86400}};
	char text[128];

	for (size_t i = 0; i < ELEMENTS(times); i++) {
		snprintf(text, sizeof(text), "[Server]\nIdleTimeoutSec=%s\n", times[i].text);
		assert_int_equal(load(text).idle_timeout_s, times[i].seconds);
		snprintf(text, sizeof(text), "[Server]\nRequestTimeoutSec=%s\n", times[i].text);
		assert_int_equal(load(text).request_timeout_s, times[i].seconds);
	}
	assert_int_equal(load("[Server]\nIdleTimeoutSec=infinity\n").idle_timeout_s, 0);
}

static void wrong_times_are_refused(void **state)
{
	static const char *const times[] = {"", "0", "0s", "-1", "+1", "1.5", "s", "min",
		"5 minutes", "1w", "1h30min", "0x10", "2147483648", "35791395min", "24856d",
		"99999999999999999999", "infinite", "1 2"};
	char text[128];

	for (size_t i = 0; i < ELEMENTS(times); i++) {
		snprintf(text, sizeof(text), "[Server]\nIdleTimeoutSec=%s\n", times[i]);
		refuse(text, 2, "IdleTimeoutSec= takes a time");
	}
	refuse("[Server]\nRequestTimeoutSec=infinity\n", 2, "RequestTimeoutSec= takes a time");
}

static void numbers_have_limits(void **state)
{
	static const char *const numbers[] = {"", "0", "-1", "+1", "1.0", "1k", "0x10", "one",
		"1000001", "4294967297", "18446744073709551617", "1 2", "\"5\""};
	char text[128];

	assert_int_equal(load("[Server]\nMaxConnections=1000000\n").max_connections, 1000000);
	assert_int_equal(load("[Server]\nMaxConnectionsPerUser=1\n").max_connections_per_user, 1);
	assert_int_equal(load("[Server]\nMaxBatch=253\n").max_batch, 253);
	refuse("[Server]\nMaxBatch=254\n", 2, "from 1 to 253, not \"254\"");
	for (size_t i = 0; i < ELEMENTS(numbers); i++) {
		snprintf(text, sizeof(text), "[Server]\nMaxConnections=%s\n", numbers[i]);
		refuse(text, 2, "MaxConnections= takes a whole number from 1 to 1000000");
		snprintf(text, sizeof(text), "[Server]\nMaxConnectionsPerUser=%s\n", numbers[i]);
		refuse(text, 2, "MaxConnectionsPerUser= takes a whole number");
	}
}

static void wrong_lines_are_named(void **state)
{
	refuse("\n\n[Server]\nMaxBatch\n", 4, "");
	refuse("[Server]\nMaxBatch=1\nnonsense\nMaxBatch=2\n", 3, "");
	refuse("[Server\n", 1, "neither [Section] nor Key=value");
	refuse("[Server]\n]\n", 2, "");
	refuse("[Server]\nMaxBatch=1 # no comment\n", 2, "MaxBatch=");
	refuse("[Server]\nAllowSockets=tcp raw\n", 2, "not \"raw\"");
	refuse("[Server]\nAllowSockets=tcp,udp\n", 2, "not \"tcp,udp\"");
	refuse("[Server]\nAllowSockets=TCP\n", 2, "not \"TCP\"");
	refuse("[Server]\nAllowSockets=netlink\n", 2, "not \"netlink\"");
	refuse("[Server]\nAllowResolver=\n", 2, "AllowResolver= takes yes or no, not \"\"");
	refuse("[Server]\nAllowResolver=No\n", 2, "AllowResolver= takes yes or no, not \"No\"");
	refuse("[Server]\nAllowResolver=true\n", 2, "not \"true\"");
}

static void unknown_names_are_refused(void **state)
{
	refuse("[Server]\nMaxBatches=1\n", 2, "there is no setting MaxBatches=");
	refuse("[Server]\nmaxbatch=1\n", 2, "there is no setting maxbatch=");
	refuse("[Server]\n=1\n", 2, "there is no setting =");
	refuse("MaxBatch=1\n[Server]\n", 1, "below a line [Server]");
	refuse("[Broker]\nMaxBatch=1\n", 2, "there is no section [Broker], only [Server]");
	refuse("[server]\nMaxBatch=1\n", 2, "there is no section [server]");
	refuse("[Server]\nMaxBatch=1\n[Client]\nMaxBatch=1\n", 4, "[Client]");
	refuse("[]\nMaxBatch=1\n", 2, "");
}

static void text_behind_a_section_is_refused(void **state)
{
	refuse("[Server] MaxBatch=1\n", 1, "");
	refuse("[Server]x\n", 1, "");
	is_default(load("[Server]  \n"));
	is_default(load("[Server] ; of the VPN\n"));
}

static void the_first_mistake_is_the_one_told(void **state)
{
	refuse("[Server]\nMaxBatch=a\nMaxBatch=b\nnonsense\n", 2, "\"a\"");
	refuse("[Server]\nnonsense\nMaxBatch=b\n", 2, "neither");
}

static void indented_lines_are_refused(void **state)
{
	refuse("[Server]\nAllowSockets=tcp\n  udp\n", 3, "indented");
	refuse("[Server]\n MaxBatch=1\n", 2, "indented");
	refuse("[Server]\n\tMaxBatch=1", 2, "indented");
	refuse(" [Server]\n", 1, "indented");
}

static void long_lines_are_refused(void **state)
{
	for (size_t length = 100; length < 1000; length++) {
		char text[2048] = "[Server]\nAllowSockets=tcp";
		size_t size = strlen(text), line = size + length;
		struct config config;
		char error[512];

		/* The last word counts: it is read, or the line is refused. */
		memset(text + size, ' ', length);
		memcpy(text + line, " udp\n", 5);
		write_file(text, line + 5);
		if (config_load(path, &config, error, sizeof(error)) == 0)
			assert_int_equal(config.policy.kinds, POLICY_TCP | POLICY_UDP);
		else
			refuse_bytes(text, line + 5, 2, "too long");
		/* the same without an end */
		write_file(text, line + 4);
		if (config_load(path, &config, error, sizeof(error)) == 0)
			assert_int_equal(config.policy.kinds, POLICY_TCP | POLICY_UDP);
		else
			refuse_bytes(text, line + 4, 2, "too long");
	}
	assert_int_equal(load("[Server]\nAllowSockets=tcp udp mptcp sctp udplite ping"
			      "                                                      \n")
				 .policy.kinds,
		63);
}

static void a_nul_byte_is_refused_wherever_it_is(void **state)
{
	static const char text[] = "# comment\n[Server]\nMaxBatch=15\nMaxConnections=9\n";
	char copy[sizeof(text)];
	unsigned line = 1;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		refuse_bytes(copy, sizeof(text) - 1, line, "NUL");
		refuse_bytes(copy, i + 1, line, "NUL");
		if (text[i] == '\n')
			line++;
	}
}

static void files_that_cannot_be_read_are_told(void **state)
{
	struct config config;
	char error[256];

	assert_int_equal(config_load(path, &config, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, path));
	assert_non_null(strstr(error, strerror(ENOENT)));
	/* a directory can be opened and not read */
	must(mkdir(path, 0700) == 0);
	assert_int_equal(config_load(path, &config, error, sizeof(error)), -EIO);
	assert_non_null(strstr(error, path));
}

static void a_small_buffer_for_the_message_does_no_harm(void **state)
{
	struct config config;
	char error[300];

	for (size_t size = 2; size < 200; size++) {
		write_file("[Server]\nMaxBatch=x\n", 20);
		memset(error, 0x5a, sizeof(error));
		assert_int_equal(config_load(path, &config, error, size), -EINVAL);
		assert_true(strlen(error) < size);
		assert_int_equal(error[size], 0x5a);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, temp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_said_is_the_default),
		TEST(each_key_sets_its_own),
		TEST(the_form_of_a_line_is_free_where_nothing_gets_lost),
		TEST(kinds_are_those_of_the_documentation),
		TEST(times_have_units),
		TEST(wrong_times_are_refused),
		TEST(numbers_have_limits),
		TEST(wrong_lines_are_named),
		TEST(unknown_names_are_refused),
		TEST(text_behind_a_section_is_refused),
		TEST(the_first_mistake_is_the_one_told),
		TEST(indented_lines_are_refused),
		TEST(long_lines_are_refused),
		TEST(a_nul_byte_is_refused_wherever_it_is),
		TEST(files_that_cannot_be_read_are_told),
		TEST(a_small_buffer_for_the_message_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
