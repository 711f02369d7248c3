/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_LINES_H
#define XSOCKET_RESOLVER_LINES_H

/* Lines of a file that is open already, of any length. */

#include <stdbool.h>
#include <stddef.h>

struct lines {
	int file; /* the caller's */
	char *buffer;
	size_t size, begin, end; /* of the buffer, and of what is in it and was not returned */
	bool ended;
};

void lines_init(struct lines *lines, int file);

/*
 * The next line without its newline, which may be changed and is valid until the next call. Returns
 * 1, 0 after the last one, -ENOMEM, -EMSGSIZE for a line of more than a megabyte, or what reading
 * fails with.
 */
int lines_next(struct lines *lines, char **ret);

void lines_end(struct lines *lines);

#endif
