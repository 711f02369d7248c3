/* SPDX-License-Identifier: MIT */
#include "resolver/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_FIRST    4096
#define SIZE_MAX_LINE (1 << 20)

void lines_init(struct lines *lines, int file)
{
	*lines = (struct lines){.file = file};
}

void lines_end(struct lines *lines)
{
	free(lines->buffer);
	lines->buffer = NULL;
}

/* Reads more behind what is there. One byte is kept for a terminator. */
static int fill(struct lines *lines)
{
	size_t length = lines->end - lines->begin;
	ssize_t n;

	if (length > 0 && lines->begin > 0)
		memmove(lines->buffer, lines->buffer + lines->begin, length);
	lines->begin = 0;
	lines->end = length;
	if (length + 1 >= lines->size) {
		size_t size = lines->size ? 2 * lines->size : SIZE_FIRST;
		char *bigger = size > SIZE_MAX_LINE ? NULL : realloc(lines->buffer, size);

		if (!bigger)
			return size > SIZE_MAX_LINE ? -EMSGSIZE : -ENOMEM;
		lines->buffer = bigger;
		lines->size = size;
	}
	do {
		n = read(lines->file, lines->buffer + length, lines->size - 1 - length);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	lines->ended = n == 0;
	lines->end += (size_t)n;
	return 0;
}

int lines_next(struct lines *lines, char **ret)
{
	size_t searched = 0, length;
	char *newline;
	int r;

	for (;;) {
		length = lines->end - lines->begin;
		newline = length > searched ? memchr(lines->buffer + lines->begin + searched, '\n',
						      length - searched)
					    : NULL;
		if (newline || lines->ended)
			break;
		searched = length;
		r = fill(lines);
		if (r < 0)
			return r;
	}
	if (length == 0)
		return 0;
	*ret = lines->buffer + lines->begin;
	if (newline) {
		*newline = '\0';
		lines->begin = (size_t)(newline + 1 - lines->buffer);
	} else {
		lines->buffer[lines->end] = '\0';
		lines->begin = lines->end;
	}
	return 1;
}
