/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_OPTIONS_H
#define XSOCKET_BRIDGE_OPTIONS_H

#include "bridge/plan.h"

enum options_mode {
	OPTIONS_SERVE,
	OPTIONS_CHECK, /* read what was asked for, then end */
};

struct options {
	enum options_mode mode;
	const char *config; /* NULL: the command line says everything */
	struct plan plan;   /* without forwards if there is config; to be freed by plan_free() */
};

/*
 * Reads the command line. Returns 0, or what the process is to exit with plus one: 1 after --help
 * and --version (2 if they could not be printed), 3 after a mistake, which was told on stderr.
 * A plan without config has been through plan_check().
 */
int options_parse(int argc, char **argv, struct options *ret);

/* Prints what --help does. See options-help.c. */
void options_help(void);

#endif
