/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_OPTIONS_H
#define XSOCKET_PRELOAD_OPTIONS_H

/*
 * Makes a new socket have the options that a program set on its own one: the journal's, and those
 * that can be read back and differ from a fresh socket's.
 */

#include "preload/socket.h"

/*
 * Borrows all three: the program's socket, a fresh one of the same kind from the process's own
 * namespace, and the one that is to take the place of the first.
 *
 * Returns 0, or the negative errno of an option that the program could not do without: address
 * and port sharing, IPV6_V6ONLY, the device, the mark, and binding to foreign addresses. Others
 * that cannot be set are reported at debug level.
 */
int options_carry(int old, int fresh, int new, const struct socket_kind *kind);

#endif
