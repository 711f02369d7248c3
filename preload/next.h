/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_NEXT_H
#define XSOCKET_PRELOAD_NEXT_H

/*
 * The functions that a preload library stands in front of: those of the library that is next in
 * line, which is libc or another preload library. They behave, and set errno, as in libc.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * Defines next_NAME(), a function of that type, which finds NAME once: in a constructor, or in the
 * first call where that comes before it. `otherwise` is called where there is nothing next in line.
 * arguments repeats the names of the parameters, in parentheses.
 */
#define NEXT_DEFINE(type, name, parameters, arguments, otherwise)                                  \
	NEXT_FIND(name)                                                                            \
	type next_##name parameters                                                                \
	{                                                                                          \
		type(*function) parameters = otherwise;                                            \
		void *found = NEXT_FOUND(name);                                                    \
                                                                                                   \
		if (!found)                                                                        \
			found = next_resolve(&name##_next, #name);                                 \
		if (found)                                                                         \
			function = (type(*) parameters)found;                                      \
		return function arguments;                                                         \
	}

/*
 * Finds NAME in a constructor, and only there: for functions that are called inside of malloc(3),
 * and so inside of dlsym(3). NEXT_FOUND() is where it is, or NULL: not known yet, or there is none.
 */
#define NEXT_FIND(name)                                                                            \
	static _Atomic(void *) name##_next;                                                        \
	__attribute__((constructor)) static void next_##name##_init(void)                          \
	{                                                                                          \
		next_resolve(&name##_next, #name);                                                 \
	}
#define NEXT_FOUND(name) atomic_load_explicit(&name##_next, memory_order_acquire)

/* Finds a function and remembers it. Returns NULL where there is none. Leaves errno alone. */
void *next_resolve(_Atomic(void *) *ret, const char *name);

int next_bind(int fd, const struct sockaddr *address, socklen_t length);
int next_setsockopt(int fd, int level, int name, const void *value, socklen_t length);

/* Its caller must be in a hook of dlopen(3), as the last thing there: preload/plugins.h. */
void *next_dlopen(const char *file, int flags);

/* The function of that name in glibc itself, or NULL. Takes locks of the dynamic linker. */
void *next_last(const char *name);

#endif
