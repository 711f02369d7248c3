/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_TEST_BRIDGE_ENDPOINT_H
#define XSOCKET_TESTS_TEST_BRIDGE_ENDPOINT_H

/* What the tests of endpoints and of their options share. */

#include "tests/unit/unit.h"

#include "bridge/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define L ENDPOINT_LISTEN
#define C ENDPOINT_CONNECT

static char error[1024];

/* A text that is right. */
static inline struct endpoint parse(const char *text, enum endpoint_side side)
{
	struct endpoint endpoint;
	int r;

	memset(&endpoint, 0xa5, sizeof(endpoint));
	r = endpoint_parse(text, side, &endpoint, error, sizeof(error));
	if (r < 0)
		fail_msg("%s", error);
	assert_string_equal(error, "");
	assert_int_equal(endpoint.side, side);
	assert_string_equal(endpoint.text, text);
	return endpoint;
}

/* A text that is wrong: nothing is written but one line that says this. */
static inline void refuse(const char *text, enum endpoint_side side, const char *about)
{
	struct endpoint endpoint, before;

	memset(&endpoint, 0xa5, sizeof(endpoint));
	before = endpoint;
	memset(error, 'x', sizeof(error));
	if (endpoint_parse(text, side, &endpoint, error, sizeof(error)) != -EINVAL)
		fail_msg("\"%s\" was taken", text);
	assert_memory_equal(&endpoint, &before, sizeof(endpoint));
	assert_non_null(memchr(error, 0, sizeof(error)));
	if (!strstr(error, about) || strchr(error, '\n'))
		fail_msg("\"%s\" is expected in: %s", about, error);
}

static inline void same_text(const char *is, const char *expected)
{
	if (expected)
		assert_string_equal(is ? is : "(none)", expected);
	else
		assert_null(is);
}

#endif
