/* SPDX-License-Identifier: MIT */
/* A preload library with contexts linked in: what test_context_shared.c wants to know of it. */
#include "lib/context.h"

#include "common/export.h"

const char *first_current(void);

EXPORT const char *first_current(void)
{
	return context_current();
}
