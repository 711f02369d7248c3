/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_INTERFACES_H
#define XSOCKET_PRELOAD_INTERFACES_H

/*
 * Interface numbers mean another interface in another network namespace, or none. Names are what
 * people mean, so a number is carried over as the interface of the same name.
 */

#include <stddef.h>

/*
 * The number of the interface of that name in the namespace of the socket `to`; what of the name is
 * too long for one is cut. Returns it, or -ENODEV.
 */
int interfaces_index(int to, const char *name);

/*
 * The number that the interface has in the namespace of the socket `to`, when in that of `from` it
 * is index. A number that means nothing in the first one is taken to be the second one's. Returns
 * the number, or -ENODEV when no interface there has the name.
 */
int interfaces_map(int from, int to, int index);

/*
 * Rewrites the interface number in an option's value, if it has one, from the namespace of the
 * socket `from` to that of `to`. Returns 0, or -ENODEV when no interface there has the name.
 */
int interfaces_map_option(int from, int to, int level, int name, void *value, size_t length);

#endif
