/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_EXPLAIN_H
#define XSOCKET_DAEMON_EXPLAIN_H

#include <stddef.h>

/* Writes a message about r, a negative errno, for whoever may log it. Returns r. */
__attribute__((format(printf, 4, 5))) int explain(
	char *error, size_t size, int r, const char *format, ...);

#endif
