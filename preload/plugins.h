/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_PLUGINS_H
#define XSOCKET_PRELOAD_PLUGINS_H

/*
 * What a program opens with RTLD_DEEPBIND finds libc's functions before those of a preloaded
 * library, which then never hears of its sockets: PHP opens its extensions like that. These are for
 * a hook of dlopen(3), which is not called in signal handlers, and where memory and locks are the
 * program's own to expect:
 *
 *	void *dlopen(const char *file, int flags)
 *	{
 *		if (plugins_is_deep(file, flags, __builtin_return_address(0)))
 *			return plugins_open(file, flags);
 *		return next_dlopen(file, flags);
 *	}
 *
 * The last must be a tail call, as compilers make it of this when they optimize: by the address
 * that it returns to the dynamic linker knows who asks, and so where to search.
 */

#include <stdbool.h>

/*
 * Whether a file is about to be opened that way. If so, but it depends on the caller what will be
 * found, a line says that its sockets are not redirected, and the answer is no.
 */
bool plugins_is_deep(const char *file, int flags, const void *caller);

/*
 * dlopen(3), after which the functions of plugins_hooks mean in there what they mean in the
 * program.
 */
void *plugins_open(const char *file, int flags);

/* For the library to define: the functions that it stands in front of, NULL at the end. */
#define PLUGINS_HOOKS_MAX 90
extern const char *const plugins_hooks[];

/* ... and what is wrong where they are not redirected, as in "ports that it binds are bound here".
 */
extern const char plugins_harm[];

#endif
