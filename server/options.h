/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_OPTIONS_H
#define XSOCKET_SERVER_OPTIONS_H

#include "server/access.h"

enum options_mode {
	OPTIONS_SERVE,
	OPTIONS_GRANT,	/* change the access to a control socket, then end */
	OPTIONS_REVOKE,
	OPTIONS_CHECK, /* read the configuration, then end */
};

struct options {
	enum options_mode mode;
	const char *server; /* NULL: none was named */
	const char *netns;
	const char *config;
	struct access_who *who; /* to be freed by free(3) */
	unsigned n_who;
};

/*
 * Reads the command line. Returns 0, or what the process is to exit with plus one: 1 after --help
 * and --version (2 if they could not be printed), 3 after a mistake, which was told on stderr.
 */
int options_parse(int argc, char **argv, struct options *ret);

#endif
