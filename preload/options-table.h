/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_OPTIONS_TABLE_H
#define XSOCKET_PRELOAD_OPTIONS_TABLE_H

#include <stddef.h>

#define OPTIONS_IPV6 1 /* AF_INET6 only */

/* The options that can be read back and set with the same value, in the order to set them. */
extern const struct option_row {
	int level, name;
	int flags;
} option_rows[];
extern const size_t option_rows_count;

/*
 * The name of an option that a socket is not the same without, or NULL: where one of these cannot
 * be set, bind(2) fails.
 */
const char *option_must_name(int level, int name);

#endif
