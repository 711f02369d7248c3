/* SPDX-License-Identifier: MIT */
#include "server/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISTAKE 3

static void help(void)
{
	puts("Usage: xsocket-server [OPTION]... [SERVER]\n"
	     "  or:  xsocket-server --grant SERVER u:NAME|g:NAME...\n"
	     "  or:  xsocket-server --revoke SERVER u:NAME|g:NAME...\n"
	     "\n"
	     "Hands out sockets of the network namespace it runs in, over a control socket.\n"
	     "\n"
	     "SERVER is NAME (/run/xsocket/NAME), a path with a slash, or @name (abstract);\n"
	     "default: /run/xsocket/default. With sockets passed by a service manager\n"
	     "(LISTEN_FDS) none may be given.\n"
	     "\n"
	     "  -n, --netns NAME|PATH     serve this namespace: enter it unless already there,\n"
	     "                            end with status 75 when it is deleted or made again\n"
	     "  -c, --config FILE         limits; default: /etc/xsocket/NAME.conf, if there\n"
	     "  -u, --allow-user NAME     let this user connect (POSIX ACL); repeatable\n"
	     "  -g, --allow-group NAME    let this group connect; repeatable\n"
	     "      --grant               let users and groups connect to SERVER, then exit\n"
	     "      --revoke              take that back, then exit\n"
	     "      --check               read the configuration, then exit\n"
	     "  -h, --help                show this help\n"
	     "  -V, --version             show the version\n"
	     "\n"
	     "See xsocket-server(8).");
}

/* What was asked for has been printed, or could not be. */
static int printed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 1;
	perror("xsocket-server: standard output");
	return 2;
}

static int mistake(const char *message, const char *what)
{
	fprintf(stderr, "xsocket-server: %s%s\nTry 'xsocket-server --help'.\n", message, what);
	return MISTAKE;
}

static int add_who(struct options *options, const struct access_who *who)
{
	struct access_who *grown =
		realloc(options->who, (options->n_who + 1) * sizeof(*options->who));

	if (!grown)
		return mistake("out of memory", "");
	grown[options->n_who++] = *who;
	options->who = grown;
	return 0;
}

static int set_mode(struct options *options, enum options_mode mode)
{
	if (options->mode != OPTIONS_SERVE)
		return mistake("--grant, --revoke and --check exclude each other", "");
	options->mode = mode;
	return 0;
}

enum { OPTION_GRANT = 256, OPTION_REVOKE, OPTION_CHECK };

static int parse_option(struct options *options, int option, const char *argument)
{
	struct access_who who;
	char error[256];

	switch (option) {
	case 'n':
		options->netns = argument;
		return 0;
	case 'c':
		options->config = argument;
		return 0;
	case 'u':
	case 'g':
		if (access_lookup(option == 'g', argument, &who, error, sizeof(error)) < 0)
			return mistake(error, "");
		return add_who(options, &who);
	case OPTION_GRANT:
		return set_mode(options, OPTIONS_GRANT);
	case OPTION_REVOKE:
		return set_mode(options, OPTIONS_REVOKE);
	case OPTION_CHECK:
		return set_mode(options, OPTIONS_CHECK);
	case 'h':
		help();
		return printed();
	case 'V':
		puts("xsocket-server " XSOCKET_VERSION);
		return printed();
	}
	fputs("Try 'xsocket-server --help'.\n", stderr); /* getopt(3) has told what is wrong */
	return MISTAKE;
}

static int parse_arguments(struct options *options, int n, char **arguments)
{
	bool change = options->mode == OPTIONS_GRANT || options->mode == OPTIONS_REVOKE;
	struct access_who who;
	char error[256];
	int r;

	if (n > 0)
		options->server = arguments[0];
	if (change && (options->netns || options->config || options->n_who > 0))
		return mistake("--grant and --revoke cannot be combined with other options", "");
	if (!change)
		return n > 1 ? mistake("there can be one SERVER only; one too many: ", arguments[1]) : 0;
	if (n < 2)
		return mistake("--grant and --revoke take SERVER and then u:NAME or g:NAME", "");
	for (int i = 1; i < n; i++) {
		if (access_parse(arguments[i], &who, error, sizeof(error)) < 0)
			return mistake(error, "");
		r = add_who(options, &who);
		if (r != 0)
			return r;
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{"netns", required_argument, NULL, 'n'},
		{"config", required_argument, NULL, 'c'},
		{"allow-user", required_argument, NULL, 'u'},
		{"allow-group", required_argument, NULL, 'g'},
		{"grant", no_argument, NULL, OPTION_GRANT},
		{"revoke", no_argument, NULL, OPTION_REVOKE},
		{"check", no_argument, NULL, OPTION_CHECK},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	struct options options = {0};
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, "n:c:u:g:hV", longs, NULL)) != -1)
		r = parse_option(&options, option, optarg);
	if (r == 0)
		r = parse_arguments(&options, argc - optind, argv + optind);
	if (r != 0) {
		free(options.who);
		return r;
	}
	*ret = options;
	return 0;
}
