/* SPDX-License-Identifier: MIT */
/* A preload library with contexts linked in: what test_context_shared.c wants to know of it. */
#include "lib/context.h"

__attribute__((visibility("default"))) const char *first_current(void);

const char *first_current(void)
{
	return context_current();
}
