/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_CARES_H
#define XSOCKET_RESOLVER_CARES_H

/*
 * c-ares, by a table of pointers. Only files that are built where its headers are include this. See
 * cares.c for why it is not linked with.
 */

#define CARES_NO_DEPRECATED /* what newer ones would have instead is not in 1.18 */
#include <ares.h>

#define CARES_FUNCTIONS(X)                                                                         \
	X(library_init)                                                                            \
	X(init_options)                                                                            \
	X(destroy)                                                                                 \
	X(cancel)                                                                                  \
	X(set_servers_ports)                                                                       \
	X(set_socket_functions)                                                                    \
	X(create_query)                                                                            \
	X(free_string)                                                                             \
	X(send)                                                                                    \
	X(getsock)                                                                                 \
	X(timeout)                                                                                 \
	X(process_fd)                                                                              \
	X(expand_name)

struct cares {
#define X(name) __typeof__(ares_##name) *name;
	CARES_FUNCTIONS(X)
#undef X
};

/*
 * Loads c-ares at the first call. Any thread may call it. Returns NULL where there is none, or not
 * one that has all of this, each time.
 */
const struct cares *cares_get(void);

#endif
