/* SPDX-License-Identifier: MIT */
/*
 * This code lives in programs that may bring a c-ares of their own, of another version, and offer
 * its functions to all libraries of the process, as node does. A reference to ares_init_options()
 * in here would be bound to theirs. So the library is opened by its name, and its functions are
 * asked for one by one. It also refers to functions of its own by name: RTLD_DEEPBIND lets it find
 * itself first.
 *
 * It is loaded when a name has to be asked for, so a program that never does so is not burdened
 * with it, and once: it stays. A signal handler may leave that by siglongjmp(3): glibc then takes
 * pthread_once(3) back, and the next look-up begins anew. (musl does not, and waits for ever.)
 *
 * Sanitizers end a program that uses RTLD_DEEPBIND, since they could not watch the library. Nobody
 * brings another c-ares into a test of theirs. musl has no such flag, and binds by order of
 * loading.
 */
#include "resolver/cares.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

#define LIBRARY "libcares.so.2"

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0
#endif

static struct cares cares;
static bool loaded;

static bool is_watched(void)
{
	static const char *const sanitizers[] = {"__asan_init", "__tsan_init", "__msan_init"};

	for (unsigned i = 0; i < sizeof(sanitizers) / sizeof(sanitizers[0]); i++) {
		if (dlsym(RTLD_DEFAULT, sanitizers[i]))
			return true;
	}
	return false;
}

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | (is_watched() ? 0 : RTLD_DEEPBIND));
	bool complete = library != NULL;

	if (!library)
		return;
#define X(name)                                                                                    \
	*(void **)&cares.name = dlsym(library, "ares_" #name);                                     \
	complete = complete && cares.name;
	CARES_FUNCTIONS(X)
#undef X
	loaded = complete && cares.library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
}

const struct cares *cares_get(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return loaded ? &cares : NULL;
}
