/* SPDX-License-Identifier: MIT */
/*
 * The command line: endpoints come in pairs, netns_tcp_bridge's options fill the same endpoints,
 * and each mistake is one line with what to do, the way to the help, and status 2.
 */
#include "tests/unit/unit.h"

#include "bridge/options.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HINT "\nTry 'xsocket-bridge --help'.\n"

static char said[4096]; /* on stderr */

/* Splits a command line at its blanks ("''" is an empty argument) and parses it. */
static int parse(const char *line, struct options *options)
{
	int memory = memfd_create("stderr", MFD_CLOEXEC), saved = dup(STDERR_FILENO), argc = 1, r;
	char copy[1024], *argv[64] = {(char *)"xsocket-bridge"}, *cursor = NULL;
	ssize_t n;

	must(memory >= 0 && saved >= 0 && strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok_r(copy, " ", &cursor); word; word = strtok_r(NULL, " ", &cursor))
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	argv[argc] = NULL;
	fflush(stderr);
	must(dup2(memory, STDERR_FILENO) >= 0);
	optind = 0; /* getopt(3) begins anew */
	r = options_parse(argc, argv, options);
	fflush(stderr);
	must(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	n = pread(memory, said, sizeof(said) - 1, 0);
	must(n >= 0);
	said[n] = '\0';
	close(memory);
	return r;
}

static struct options accept_line(const char *line)
{
	struct options options;

	if (parse(line, &options) != 0)
		fail_msg("%s: %s", line, said);
	assert_string_equal(said, "");
	return options;
}

static void refuse(const char *line, const char *about)
{
	struct options options, before;
	const char *end;

	memset(&options, 0xa5, sizeof(options));
	before = options;
	if (parse(line, &options) != 3)
		fail_msg("%s: was taken", line);
	assert_memory_equal(&options, &before, sizeof(options));
	end = strstr(said, HINT);
	if (!strstr(said, about) || strncmp(said, "xsocket-bridge: ", 16) != 0 || !end ||
		strcmp(end, HINT) != 0 || memchr(said, '\n', (size_t)(end - said)))
		fail_msg("%s: \"%s\" is expected in: %s", line, about, said);
}

static void one_pair(void **state)
{
	static const char *const lines[] = {
		"--listen tcp:*:80 --connect tcp:a:81",
		"--connect tcp:a:81 --listen tcp:*:80",
		"--listen=tcp:*:80 --connect=tcp:a:81",
		"-l tcp:*:80 -c tcp:a:81",
		"-ltcp:*:80 -ctcp:a:81",
		"-l *:80 -c a:81",
	};

	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		struct options options = accept_line(lines[i]);

		assert_int_equal(options.mode, OPTIONS_SERVE);
		assert_null(options.config);
		assert_int_equal(options.plan.n_forwards, 1);
		assert_string_equal(options.plan.forwards[0].name, "1");
		assert_int_equal(options.plan.forwards[0].listen.side, ENDPOINT_LISTEN);
		assert_int_equal(options.plan.forwards[0].listen.port, 80);
		assert_int_equal(options.plan.forwards[0].connect.side, ENDPOINT_CONNECT);
		assert_int_equal(options.plan.forwards[0].connect.port, 81);
		plan_free(&options.plan);
	}
}

static void many_pairs(void **state)
{
	struct options options = accept_line("-l *:1 -c a:2 -c a:4 -l *:3 --listen udp:*:5 "
					     "--connect udp:a:6 -c unix:/b -l unix:/a");

	assert_int_equal(options.plan.n_forwards, 4);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(options.plan.forwards[i].listen.port, 2 * i + 1);
		assert_int_equal(options.plan.forwards[i].connect.port, 2 * i + 2);
	}
	assert_int_equal(options.plan.forwards[2].listen.kind, ENDPOINT_UDP);
	assert_string_equal(options.plan.forwards[3].listen.path, "/a");
	assert_string_equal(options.plan.forwards[3].name, "4");
	plan_free(&options.plan);
}

/* All nine options of netns_tcp_bridge, short and long, in its own order and in others. */
static void those_of_netns_tcp_bridge(void **state)
{
	static const struct {
		const char *line;
		enum endpoint_kind listen_kind, connect_kind;
		int listen_fd, connect_fd;
		bool accepted;
		const char *listen_place, *connect_place; /* a number: a descriptor */
	} rows[] = {
		{"-l 127.0.0.1:80 -c [::1]:80", ENDPOINT_TCP, ENDPOINT_TCP, -1, -1, false, "", ""},
		{"-l 127.0.0.1:80 -f /proc/6448/ns/net -c 10.0.0.1:80", ENDPOINT_TCP, ENDPOINT_TCP,
			-1, -1, false, "/proc/6448/ns/net", ""},
		{"--listen-netns-file /n --listen 127.0.0.1:80 --connect 10.0.0.1:80", ENDPOINT_TCP,
			ENDPOINT_TCP, -1, -1, false, "/n", ""},
		{"-c 10.0.0.1:80 -l 127.0.0.1:80 -f vpn", ENDPOINT_TCP, ENDPOINT_TCP, -1, -1, false,
			"./vpn", ""},
		{"-F 5 -T 6 -l 127.0.0.1:80 -c 10.0.0.1:80", ENDPOINT_TCP, ENDPOINT_TCP, -1, -1,
			false, "5", "6"},
		{"--listen-netns-fd 5 --connect-netns-fd=5 -l 127.0.0.1:80 -c 10.0.0.1:80",
			ENDPOINT_TCP, ENDPOINT_TCP, -1, -1, false, "5", "5"},
		{"-l 127.0.0.1:80 -t /m -c 10.0.0.1:80 -F 0", ENDPOINT_TCP, ENDPOINT_TCP, -1, -1,
			false, "0", "/m"},
		{"-l 127.0.0.1:80 -c 10.0.0.1:80 --connect-netns-file /m", ENDPOINT_TCP,
			ENDPOINT_TCP, -1, -1, false, "", "/m"},
		{"-L 3 -c 10.0.0.1:80 -t /m", ENDPOINT_FD, ENDPOINT_TCP, 3, -1, false, "", "/m"},
		{"--listen-fd 3 --connect 10.0.0.1:80", ENDPOINT_FD, ENDPOINT_TCP, 3, -1, false, "",
			""},
		{"-S 0 -c 10.0.0.1:80", ENDPOINT_FD, ENDPOINT_TCP, 0, -1, true, "", ""},
		{"--preaccepted-fd=7 -C 8", ENDPOINT_FD, ENDPOINT_FD, 7, 8, true, "", ""},
		{"-l 127.0.0.1:80 -f /n --connect-fd 9", ENDPOINT_TCP, ENDPOINT_FD, -1, 9, false,
			"/n", ""},
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct options options = accept_line(rows[i].line);
		const struct endpoint *listen = &options.plan.forwards[0].listen;
		const struct endpoint *connect = &options.plan.forwards[0].connect;

		assert_int_equal(options.plan.n_forwards, 1);
		assert_int_equal(listen->kind, rows[i].listen_kind);
		assert_int_equal(connect->kind, rows[i].connect_kind);
		assert_int_equal(listen->fd, rows[i].listen_fd);
		assert_int_equal(connect->fd, rows[i].connect_fd);
		assert_int_equal(listen->accepted, rows[i].accepted);
		for (int side = 0; side < 2; side++) {
			const struct endpoint *endpoint = side ? connect : listen;
			const char *place = side ? rows[i].connect_place : rows[i].listen_place;

			if (!place[0]) {
				assert_int_equal(endpoint->place, ENDPOINT_HERE);
			} else if (place[0] >= '0' && place[0] <= '9') {
				assert_int_equal(endpoint->place, ENDPOINT_NETNS_FD);
				assert_int_equal(endpoint->place_fd, atoi(place));
			} else {
				assert_int_equal(endpoint->place, ENDPOINT_NETNS);
				assert_string_equal(endpoint->place_name, place);
			}
		}
		plan_free(&options.plan);
	}
}

static void their_text_is_that_of_an_endpoint(void **state)
{
	struct options options = accept_line("-S 7 -C 8");

	assert_string_equal(options.plan.forwards[0].listen.text, "fd:7,accepted");
	assert_string_equal(options.plan.forwards[0].connect.text, "fd:8");
	plan_free(&options.plan);
}

static void each_pair_has_its_own_namespaces(void **state)
{
	struct options options =
		accept_line("-l *:1 -f /n1 -t /m1 -c a:1 -c a:2 -F 5 -l *:2 -l *:3,netns=x -c a:3");

	assert_int_equal(options.plan.n_forwards, 3);
	assert_string_equal(options.plan.forwards[0].listen.place_name, "/n1");
	assert_string_equal(options.plan.forwards[0].connect.place_name, "/m1");
	assert_int_equal(options.plan.forwards[1].listen.place_fd, 5);
	assert_int_equal(options.plan.forwards[1].connect.place, ENDPOINT_HERE);
	assert_string_equal(options.plan.forwards[2].listen.place_name, "x");
	plan_free(&options.plan);
}

static void limits(void **state)
{
	struct options options = accept_line("-l *:1 -c a:1 --connect-timeout 1 --idle-timeout 2 "
					     "--udp-timeout 3 --drain-timeout 0 "
					     "--max-connections 1000000 --workers 1024 --check");

	assert_int_equal(options.mode, OPTIONS_CHECK);
	assert_int_equal(options.plan.connect_timeout_s, 1);
	assert_int_equal(options.plan.idle_timeout_s, 2);
	assert_int_equal(options.plan.udp_timeout_s, 3);
	assert_int_equal(options.plan.drain_timeout_s, 0);
	assert_int_equal(options.plan.max_connections, 1000000);
	assert_int_equal(options.plan.workers, 1024);
	plan_free(&options.plan);
	options = accept_line("--idle-timeout 5 --idle-timeout infinity -l *:1 -c a:1");
	assert_true(options.plan.idle_timeout_s == PLAN_NEVER);
	plan_free(&options.plan);
}

static void a_file(void **state)
{
	struct options options = accept_line("--config /etc/x.conf");

	assert_string_equal(options.config, "/etc/x.conf");
	assert_int_equal(options.plan.n_forwards, 0);
	assert_int_equal(options.plan.max_connections, 20000);
	options = accept_line("--check --config=x");
	assert_int_equal(options.mode, OPTIONS_CHECK);
	plan_free(&options.plan);
}

static const struct {
	const char *line, *about;
} wrong_lines[] = {
	{"", "--listen EP and --connect EP are needed, or --config FILE"},
	{"--check", "--listen EP and --connect EP are needed"},
	{"-l *:1", "--listen *:1 has nothing to connect to: add --connect EP"},
	{"-c a:1", "--connect a:1 has nothing to listen at: add --listen EP"},
	{"-L 3", "--listen-fd fd:3 has nothing to connect to"},
	{"-C 3", "--connect-fd fd:3 has nothing to listen at"},
	{"-f /n", "--listen-netns-file needs --listen and --connect beside it"},
	{"-T 3", "--connect-netns-fd needs --listen and --connect beside it"},
	{"-f /n -l *:1", "has nothing to connect to"},
	{"-l *:1 -c a:1 -l *:2", "--listen *:2 has nothing to connect to"},
	{"-l *:1 -c a:1 -c a:2", "--connect a:2 has nothing to listen at"},
	{"-l *:1 -c a:1 -L 3", "--listen-fd fd:3 has nothing to connect to"},
	{"-l *:1 -l *:2 -c a:1", "--listen is there twice before a --connect"},
	{"-c a:1 -c a:2 -l *:1", "--connect is there twice before a --listen"},
	/* what netns_tcp_bridge refuses */
	{"-l 127.0.0.1:1 -L 3 -c 127.0.0.1:2", "--listen and --listen-fd exclude each other"},
	{"-S 3 -l 127.0.0.1:1 -c 127.0.0.1:2", "--preaccepted-fd and --listen exclude each other"},
	{"-L 3 -S 4 -c 127.0.0.1:2", "--listen-fd and --preaccepted-fd exclude each other"},
	{"-c 127.0.0.1:1 -C 3 -l 127.0.0.1:2", "--connect and --connect-fd exclude each other"},
	{"-l *:1 -f /n -F 5 -c a:1", "--listen-netns-file and --listen-netns-fd exclude"},
	{"-l *:1 -f /n -f /m -c a:1", "--listen-netns-file and --listen-netns-file exclude"},
	{"-l *:1 -T 5 -t /n -c a:1", "--connect-netns-fd and --connect-netns-file exclude"},
	{"-L 3 -f /n -c a:1", "--listen-netns-file means nothing with --listen-fd"},
	{"-L 3 -F 5 -c a:1", "--listen-netns-fd means nothing with --listen-fd"},
	{"-S 3 -F 5 -c a:1", "--listen-netns-fd means nothing with --preaccepted-fd"},
	{"-C 3 -t /n -l *:1", "--connect-netns-file means nothing with --connect-fd"},
	{"-C 3 -T 5 -l *:1", "--connect-netns-fd means nothing with --connect-fd"},
	{"-l fd:3 -f /n -c a:1", "--listen-netns-file means nothing with --listen:"},
	{"-l unix:/a -f /n -c a:1", "a path is the same in every network namespace"},
	{"-l *:1,netns=a -f /n -c a:1", "--listen-netns-file and netns= or broker= of --listen "
					"*:1,netns=a exclude each other"},
	{"-l *:1 -T 5 -c a:1,broker=b", "exclude each other: leave one of them out"},
	{"-l *:1 -c a:1 -f /n -l *:2 -c a:2", "--listen-netns-file must stand between"},
	{"-t /n -l *:1 -c a:1 -l *:2 -c a:2", "--connect-netns-file must stand between"},
	{"-l *:1 -c a:1 -l *:2 -c a:2 -t /n", "--connect-netns-file must stand between"},
	{"-f '' -l *:1 -c a:1", "--listen-netns-file takes a path"},
	{"-F x -l *:1 -c a:1", "--listen-netns-fd takes the number of a descriptor, not \"x\""},
	{"-F -1 -l *:1 -c a:1", "takes the number of a descriptor, not \"-1\""},
	{"-L -1 -c a:1", "--listen-fd takes the number of a descriptor, not \"-1\""},
	{"-S 1.5 -c a:1", "--preaccepted-fd takes the number of a descriptor"},
	{"-C 99999999999 -l *:1", "--connect-fd takes the number of a descriptor"},
	/* of endpoints and plans */
	{"-l tcp:80 -c a:1", "--listen tcp:80: write ADDRESS:PORT"},
	{"-l '' -c a:1", "--listen \"\": it is empty"},
	{"-l *:1 -c 127.0.0.1", "--connect 127.0.0.1: write ADDRESS:PORT"},
	{"-l udp:*:1 -c a:1", "forward 1: datagrams cannot go to a tcp: endpoint"},
	{"-l *:1 -c a:1 -l *:1 -c a:2", "forward 2: forward 1 listens at *:1 already"},
	{"-L 3 -C 3", "descriptor 3 is used twice"},
	{"-S 3 -F 3 -c a:1", "means nothing with"},
	/* the others */
	{"*:1 a:1", "\"*:1\": write --listen or --connect before an endpoint"},
	{"-l *:1 -c a:1 x", "\"x\": write --listen"},
	{"--config x -l *:1 -c a:1", "--config FILE says everything"},
	{"--config x --workers 3", "--config FILE says everything"},
	{"--config x -f y", "needs --listen and --connect beside it"},
	{"--config x --config y", "there can be one --config only"},
	{"--connect-timeout 0 -l *:1 -c a:1", "--connect-timeout takes seconds from 1 to"},
	{"--connect-timeout infinity -l *:1 -c a:1", "--connect-timeout takes seconds"},
	{"--idle-timeout 5min -l *:1 -c a:1", "or infinity, not \"5min\""},
	{"--udp-timeout -1 -l *:1 -c a:1", "--udp-timeout takes seconds"},
	{"--drain-timeout '' -l *:1 -c a:1", "--drain-timeout takes seconds from 0 to"},
	{"--max-connections 1000001 -l *:1 -c a:1", "takes a number from 1 to 1000000"},
	{"--workers 0 -l *:1 -c a:1", "--workers takes a number from 1 to 1024"},
	{"--no-such-option", "unrecognized option '--no-such-option'"},
	{"-x", "invalid option -- 'x'"},
	{"-l", "option requires an argument -- 'l'"},
	{"--listen-netns -l *:1", "is ambiguous"},
};

static void mistakes(void **state)
{
	for (size_t i = 0; i < ELEMENTS(wrong_lines); i++)
		refuse(wrong_lines[i].line, wrong_lines[i].about);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pair),
		cmocka_unit_test(many_pairs),
		cmocka_unit_test(those_of_netns_tcp_bridge),
		cmocka_unit_test(their_text_is_that_of_an_endpoint),
		cmocka_unit_test(each_pair_has_its_own_namespaces),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_file),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
