/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_SETTING_H
#define XSOCKET_BRIDGE_SETTING_H

/* The options behind an endpoint: NAME or NAME=VALUE. No system calls. */

#include "bridge/endpoint.h"

/*
 * One of them, without its backslashes. seen: those that were there before, 0 at first. Returns 0,
 * or -EINVAL (-ENOMEM) with a message in error.
 */
int setting_parse(struct endpoint *endpoint, const char *text, unsigned *seen, char *error,
	size_t error_size);

/* Whether all of them go together. The same. */
int setting_check(const struct endpoint *endpoint, unsigned seen, char *error, size_t error_size);

#endif
