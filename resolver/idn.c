/* SPDX-License-Identifier: MIT */
#include "resolver/idn.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Of glibc; not all libcs have names for it. */
#ifndef EAI_IDN_ENCODE
#define EAI_IDN_ENCODE (-105)
#endif

#define LIBRARY "libidn2.so.0"

/* Of idn2.h. */
#define IDN2_OK	    0
#define IDN2_MALLOC (-100)

/* Both convert from, and to, the encoding of the locale. What they return is free(3)'s. */
static int (*lookup_ul)(const char *name, char **ret, int flags);
static int (*to_unicode_lzlz)(const char *name, char **ret, int flags);

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return;
	*(void **)&lookup_ul = dlsym(library, "idn2_lookup_ul");
	*(void **)&to_unicode_lzlz = dlsym(library, "idn2_to_unicode_lzlz");
}

bool idn_possible(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return lookup_ul && to_unicode_lzlz;
}

static bool is_ascii(const char *name)
{
	while (*name && !(*name & 0x80))
		name++;
	return !*name;
}

int idn_encode(const char *name, char **ret)
{
	int r;

	*ret = NULL;
	if (is_ascii(name))
		return 0;
	/* What DNS writes with a backslash means a byte, and not a letter. */
	if (strchr(name, '\\') || !idn_possible())
		return EAI_IDN_ENCODE;
	r = lookup_ul(name, ret, 0);
	if (r == IDN2_OK)
		return 0;
	*ret = NULL;
	return r == IDN2_MALLOC ? EAI_MEMORY : EAI_IDN_ENCODE;
}

char *idn_decode(const char *name)
{
	char *decoded = NULL;
	int r = idn_possible() ? to_unicode_lzlz(name, &decoded, 0) : IDN2_OK + 1;

	if (r == IDN2_OK)
		return decoded;
	return r == IDN2_MALLOC ? NULL : strdup(name);
}
