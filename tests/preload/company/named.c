/* SPDX-License-Identifier: MIT */
/* A library that opens another one by its name, and is the only one that knows where that is. */
#include <dlfcn.h>
#include <stddef.h>

void *named_open(const char *name, int flags);

void *named_open(const char *name, int flags)
{
	/* after the call there is more to do, so that this function is on the stack meanwhile */
	void *volatile handle = dlopen(name, flags);

	return handle;
}
