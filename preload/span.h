/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SPAN_H
#define XSOCKET_PRELOAD_SPAN_H

/* A part of a text that is being parsed: not terminated, taken off from the front. */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *text;
	size_t length;
};

static inline bool span_starts(const struct span *span, const char *prefix)
{
	size_t length = strlen(prefix);

	return span->length >= length && memcmp(span->text, prefix, length) == 0;
}

static inline bool span_is(const struct span *span, const char *text)
{
	return span->length == strlen(text) && span_starts(span, text);
}

static inline bool span_has(const struct span *span, char c)
{
	return span->length > 0 && memchr(span->text, c, span->length);
}

static inline bool span_starts_digit(const struct span *span)
{
	return span->length > 0 && *span->text >= '0' && *span->text <= '9';
}

static inline bool span_starts_letter(const struct span *span)
{
	return span->length > 0 && ((*span->text >= 'a' && *span->text <= 'z') ||
					   (*span->text >= 'A' && *span->text <= 'Z'));
}

static inline void span_skip(struct span *span, size_t length)
{
	span->text += length;
	span->length -= length;
}

/* How many bytes there are before the first c, or all of them. */
static inline size_t span_until(const struct span *span, char c)
{
	const char *found = span->length > 0 ? memchr(span->text, c, span->length) : NULL;

	return found ? (size_t)(found - span->text) : span->length;
}

/* Takes off a number. Returns 0, -EINVAL when there is none, -ERANGE when it is no port. */
static inline int span_port(struct span *span, uint16_t *ret)
{
	unsigned port = 0;

	if (!span_starts_digit(span))
		return -EINVAL;
	while (span_starts_digit(span)) {
		port = port * 10 + (unsigned)(*span->text - '0');
		if (port > UINT16_MAX)
			return -ERANGE;
		span_skip(span, 1);
	}
	*ret = (uint16_t)port;
	return 0;
}

#endif
