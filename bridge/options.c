/* SPDX-License-Identifier: MIT */
/*
 * Endpoints come in pairs, one of each side in any order; the next one of a side that is there
 * already, once the pair is complete, begins the next pair.
 *
 * -L -S -C and -f -F -t -T are those of netns_tcp_bridge, which knows one pair. The last four say
 * where an endpoint of the pair is that they stand in, before it or behind it. With several pairs
 * they must stand between the two endpoints, as nobody could tell otherwise which pair was meant.
 */
#include "bridge/options.h"

#include "bridge/host.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISTAKE 3
#define HINT	"Try 'xsocket-bridge --help'."

/* What is known of one end of the current pair. */
struct side {
	const char *option; /* that gave the endpoint; NULL: none has */
	struct endpoint endpoint;
	const char *netns_option; /* NULL: none of -f -F, or -t -T */
	const char *netns_path;	  /* NULL: netns_fd */
	int netns_fd;
};

struct parser {
	struct options options;
	struct side sides[2]; /* by enum endpoint_side */
	const char *loose;    /* a netns option that was not between two endpoints */
	bool forwards, limits;
};

enum {
	OPTION_CONFIG = 256,
	OPTION_CHECK,
	OPTION_CONNECT_TIMEOUT,
	OPTION_IDLE_TIMEOUT,
	OPTION_UDP_TIMEOUT,
	OPTION_DRAIN_TIMEOUT,
	OPTION_MAX_CONNECTIONS,
	OPTION_WORKERS,
};

static const char shorts[] = "l:L:S:c:C:f:F:t:T:hV";

static const struct option longs[] = {
	{"listen", required_argument, NULL, 'l'},
	{"listen-fd", required_argument, NULL, 'L'},
	{"preaccepted-fd", required_argument, NULL, 'S'},
	{"connect", required_argument, NULL, 'c'},
	{"connect-fd", required_argument, NULL, 'C'},
	{"listen-netns-file", required_argument, NULL, 'f'},
	{"listen-netns-fd", required_argument, NULL, 'F'},
	{"connect-netns-file", required_argument, NULL, 't'},
	{"connect-netns-fd", required_argument, NULL, 'T'},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT},
	{"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
	{"udp-timeout", required_argument, NULL, OPTION_UDP_TIMEOUT},
	{"drain-timeout", required_argument, NULL, OPTION_DRAIN_TIMEOUT},
	{"max-connections", required_argument, NULL, OPTION_MAX_CONNECTIONS},
	{"workers", required_argument, NULL, OPTION_WORKERS},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* What was asked for has been printed, or could not be. */
static int printed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 1;
	perror("xsocket-bridge: standard output");
	return 2;
}

__attribute__((format(printf, 1, 2))) static int mistake(const char *format, ...)
{
	va_list args;

	fputs("xsocket-bridge: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n" HINT "\n", stderr);
	return MISTAKE;
}

static const char *option_name(int option)
{
	const struct option *row = longs;

	while (row->val != option)
		row++;
	return row->name;
}

/* ---- pairs ---- */

static struct side side_empty(enum endpoint_side side)
{
	struct side empty = {.netns_fd = -1};

	endpoint_init(&empty.endpoint, side);
	return empty;
}

/* Gives an endpoint the namespace that -f -F or -t -T said. */
static int apply_netns(struct side *side)
{
	struct endpoint *endpoint = &side->endpoint;
	const char *path = side->netns_path;

	if (!side->netns_option)
		return 0;
	if (endpoint->kind == ENDPOINT_FD)
		return mistake("--%s means nothing with --%s: a socket is in its network namespace "
			       "already",
			side->netns_option, side->option);
	if (endpoint->place != ENDPOINT_HERE)
		return mistake(
			"--%s and netns= or broker= of --%s %s exclude each other: leave one "
			"of them out",
			side->netns_option, side->option, endpoint->text);
	if (endpoint->kind == ENDPOINT_UNIX && endpoint->path[0] != '@')
		return mistake(
			"--%s means nothing with --%s %s: a path is the same in every network "
			"namespace",
			side->netns_option, side->option, endpoint->text);
	if (!path) {
		endpoint->place = ENDPOINT_NETNS_FD;
		endpoint->place_fd = side->netns_fd;
		return 0;
	}
	/* It is a path, also without a slash. */
	endpoint->place = ENDPOINT_NETNS;
	if (asprintf(&endpoint->place_name, "%s%s", strchr(path, '/') ? "" : "./", path) >= 0)
		return 0;
	endpoint->place_name = NULL;
	return mistake("out of memory");
}

static bool pair_complete(const struct parser *parser)
{
	return parser->sides[ENDPOINT_LISTEN].option && parser->sides[ENDPOINT_CONNECT].option;
}

static int pair_end(struct parser *parser)
{
	struct side *listen = &parser->sides[ENDPOINT_LISTEN];
	struct side *connect = &parser->sides[ENDPOINT_CONNECT];
	char name[16];
	int r;

	if (!listen->option && !connect->option && parser->loose &&
		!parser->options.plan.n_forwards)
		return mistake("--%s needs --listen and --connect beside it", parser->loose);
	if (!listen->option && !connect->option)
		return 0;
	if (!listen->option)
		return mistake("--%s %s has nothing to listen at: add --listen EP", connect->option,
			connect->endpoint.text);
	if (!connect->option)
		return mistake("--%s %s has nothing to connect to: add --connect EP",
			listen->option, listen->endpoint.text);
	r = apply_netns(listen);
	if (r == 0)
		r = apply_netns(connect);
	if (r != 0)
		return r;
	snprintf(name, sizeof(name), "%u", parser->options.plan.n_forwards + 1);
	r = plan_add(&parser->options.plan, name, &listen->endpoint, &connect->endpoint);
	*listen = side_empty(ENDPOINT_LISTEN);
	*connect = side_empty(ENDPOINT_CONNECT);
	return r < 0 ? mistake("out of memory") : 0;
}

/* Room for an endpoint of this side. */
static int side_begin(struct parser *parser, enum endpoint_side which, const char *option)
{
	struct side *side = &parser->sides[which];
	int r;

	parser->forwards = true;
	if (pair_complete(parser)) {
		r = pair_end(parser);
		if (r != 0)
			return r;
	}
	if (side->option && strcmp(side->option, option) != 0)
		return mistake("--%s and --%s exclude each other", side->option, option);
	if (side->option)
		return mistake("--%s is there twice before a --%s: they come in pairs", option,
			which == ENDPOINT_LISTEN ? "connect" : "listen");
	side->option = option;
	return 0;
}

static int parse_endpoint(
	struct parser *parser, enum endpoint_side which, int option, const char *argument)
{
	struct endpoint *endpoint = &parser->sides[which].endpoint;
	int r = side_begin(parser, which, option_name(option));
	char error[1024];

	if (r != 0)
		return r;
	r = endpoint_parse(argument, which, endpoint, error, sizeof(error));
	return r < 0 ? mistake("--%s %s", option_name(option), error) : 0;
}

/* -L, -S and -C: the same as fd:N. */
static int parse_fd(
	struct parser *parser, enum endpoint_side which, int option, const char *argument)
{
	struct endpoint *endpoint = &parser->sides[which].endpoint;
	int r = side_begin(parser, which, option_name(option));
	unsigned fd;

	if (r != 0)
		return r;
	if (!host_number(argument, 0, INT_MAX, &fd))
		return mistake("--%s takes the number of a descriptor, not \"%s\"",
			option_name(option), argument);
	endpoint->kind = ENDPOINT_FD;
	endpoint->fd = (int)fd;
	endpoint->accepted = option == 'S';
	if (asprintf(&endpoint->text, "fd:%u%s", fd, option == 'S' ? ",accepted" : "") >= 0)
		return 0;
	endpoint->text = NULL;
	return mistake("out of memory");
}

/* -f, -F, -t and -T. */
static int parse_netns(
	struct parser *parser, enum endpoint_side which, int option, const char *argument)
{
	struct side *side = &parser->sides[which];
	bool inside =
		!parser->sides[ENDPOINT_LISTEN].option != !parser->sides[ENDPOINT_CONNECT].option;
	const char *name = option_name(option);
	unsigned fd = 0;

	parser->forwards = true;
	if (side->netns_option)
		return mistake("--%s and --%s exclude each other", side->netns_option, name);
	if (option == 'f' || option == 't') {
		if (!argument[0])
			return mistake("--%s takes a path, such as /run/netns/vpn", name);
		side->netns_path = argument;
	} else if (!host_number(argument, 0, INT_MAX, &fd)) {
		return mistake("--%s takes the number of a descriptor, not \"%s\"", name, argument);
	}
	side->netns_fd = (int)fd;
	side->netns_option = name;
	if (!inside)
		parser->loose = name;
	return 0;
}

/* ---- the others ---- */

static int parse_limit(struct parser *parser, int option, const char *argument)
{
	static const struct {
		int option;
		unsigned min, max;
		size_t offset;
	} limits[] = {
		{OPTION_CONNECT_TIMEOUT, 1, INT_MAX, offsetof(struct plan, connect_timeout_s)},
		{OPTION_IDLE_TIMEOUT, 1, INT_MAX, offsetof(struct plan, idle_timeout_s)},
		{OPTION_UDP_TIMEOUT, 1, INT_MAX, offsetof(struct plan, udp_timeout_s)},
		{OPTION_DRAIN_TIMEOUT, 0, INT_MAX, offsetof(struct plan, drain_timeout_s)},
		{OPTION_MAX_CONNECTIONS, 1, PLAN_MAX_CONNECTIONS_MAX,
			offsetof(struct plan, max_connections)},
		{OPTION_WORKERS, 1, PLAN_WORKERS_MAX, offsetof(struct plan, workers)},
	};
	size_t i = 0;
	unsigned *field;

	while (limits[i].option != option)
		i++;
	parser->limits = true;
	field = (unsigned *)((char *)&parser->options.plan + limits[i].offset);
	if (option == OPTION_IDLE_TIMEOUT && strcmp(argument, "infinity") == 0) {
		*field = PLAN_NEVER;
		return 0;
	}
	if (host_number(argument, limits[i].min, limits[i].max, field))
		return 0;
	return mistake("--%s takes %s from %u to %u%s, not \"%s\"", option_name(option),
		option < OPTION_MAX_CONNECTIONS ? "seconds" : "a number", limits[i].min,
		limits[i].max, option == OPTION_IDLE_TIMEOUT ? " or infinity" : "", argument);
}

static int parse_option(struct parser *parser, int option, const char *argument)
{
	switch (option) {
	case 'l':
	case 'c':
		return parse_endpoint(parser, option == 'l' ? ENDPOINT_LISTEN : ENDPOINT_CONNECT,
			option, argument);
	case 'L':
	case 'S':
	case 'C':
		return parse_fd(parser, option == 'C' ? ENDPOINT_CONNECT : ENDPOINT_LISTEN, option,
			argument);
	case 'f':
	case 'F':
	case 't':
	case 'T':
		return parse_netns(parser,
			option == 'f' || option == 'F' ? ENDPOINT_LISTEN : ENDPOINT_CONNECT, option,
			argument);
	case OPTION_CONFIG:
		if (parser->options.config)
			return mistake("there can be one --config only");
		parser->options.config = argument;
		return 0;
	case OPTION_CHECK:
		parser->options.mode = OPTIONS_CHECK;
		return 0;
	case 'h':
		options_help();
		return printed();
	case 'V':
		puts("xsocket-bridge " XSOCKET_VERSION);
		return printed();
	case '?':
		fputs(HINT "\n", stderr); /* getopt(3) has told what is wrong */
		return MISTAKE;
	}
	return parse_limit(parser, option, argument);
}

static int finish(struct parser *parser)
{
	const struct plan *plan = &parser->options.plan;
	char error[1024];
	int r = pair_end(parser);

	if (r != 0)
		return r;
	if (parser->options.config && (parser->forwards || parser->limits))
		return mistake(
			"--config FILE says everything: leave out the other options, or write "
			"them into the file");
	if (!parser->options.config && plan->n_forwards == 0)
		return mistake("--listen EP and --connect EP are needed, or --config FILE");
	if (plan->n_forwards > 1 && parser->loose)
		return mistake("with several forwards --%s must stand between the --listen and the "
			       "--connect that it belongs to; or write netns= into the endpoint",
			parser->loose);
	if (plan_check(plan, error, sizeof(error)) < 0)
		return mistake("%s", error);
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct parser parser = {
		.options.plan = plan_default(),
		.sides = {[ENDPOINT_LISTEN] = side_empty(ENDPOINT_LISTEN),
			[ENDPOINT_CONNECT] = side_empty(ENDPOINT_CONNECT)},
	};
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
		r = parse_option(&parser, option, optarg);
	if (r == 0 && optind < argc)
		r = mistake("\"%s\": write --listen or --connect before an endpoint", argv[optind]);
	if (r == 0)
		r = finish(&parser);
	endpoint_free(&parser.sides[ENDPOINT_LISTEN].endpoint);
	endpoint_free(&parser.sides[ENDPOINT_CONNECT].endpoint);
	if (r != 0) {
		plan_free(&parser.options.plan);
		return r;
	}
	*ret = parser.options;
	return 0;
}
