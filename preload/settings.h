/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SETTINGS_H
#define XSOCKET_PRELOAD_SETTINGS_H

/*
 * What preload libraries read from the environment in the same way. A program that has more
 * privileges than who started it (AT_SECURE) takes no orders from there. `first`: nobody has
 * reported what is wrong yet.
 */

#include "common/address.h"

#include <stdbool.h>

/* Sets what is printed, by a variable that is one of silent, error, debug. */
void settings_read_level(const char *library, const char *variable, bool first);

/*
 * Copies a SERVER. Returns false where it is none; `harm` tells what that means until it is
 * corrected, as in "every bind() fails".
 */
bool settings_copy_server(const char *variable, const char *text, const char *harm, bool first,
	char ret[ADDRESS_SERVER_SIZE]);

#endif
