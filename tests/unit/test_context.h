/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_CONTEXT_H
#define XSOCKET_TESTS_CONTEXT_H

/* What tests of contexts share. */

#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <stdio.h>
#include <string.h>

/* More than fit on the first page, and on the second. */
#define DEPTH 100

/* Leaves nothing pushed. */
static inline int teardown(void **state)
{
	while (xsocket_pop() == 0)
		continue;
	return 0;
}

static inline bool is_current(const char *server)
{
	const char *current = xsocket_current();

	return server ? current && strcmp(current, server) == 0 : !current;
}

static inline void push(const char *server)
{
	must(xsocket_push(server) == 0);
	must(is_current(server));
}

static inline void pop(void)
{
	must(xsocket_pop() == 0);
}

static inline void push_number(unsigned i)
{
	char server[24];

	snprintf(server, sizeof(server), "number-%u", i);
	push(server);
}

static inline bool is_number(unsigned i)
{
	char server[24];

	snprintf(server, sizeof(server), "number-%u", i);
	return is_current(server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, teardown)

#endif
