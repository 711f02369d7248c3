/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_CONFIG_H
#define XSOCKET_SERVER_CONFIG_H

/* /etc/xsocket/NAME.conf: limits, and what is handed out. */

#include "server/policy.h"

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_DIRECTORY "/etc/xsocket"

struct config {
	unsigned max_connections;
	unsigned max_connections_per_user;
	unsigned idle_timeout_s;    /* between two requests; 0: none */
	unsigned request_timeout_s; /* from connecting to the first request */
	unsigned max_batch;	    /* sockets per request */
	bool allow_resolver;	    /* files for resolvers are handed out */
	struct policy policy;
};

/* What holds where the file says nothing. */
struct config config_default(void);

/*
 * Reads the file at path. All or nothing: *ret is written only when every line is right.
 *
 * Returns 0, or a negative errno with a message in error that says what is wrong and in which
 * line: -ENOENT where there is no file, -EINVAL for what it says, or that of reading it.
 */
int config_load(const char *path, struct config *ret, char *error, size_t error_size);

#endif
