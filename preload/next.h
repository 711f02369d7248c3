/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_NEXT_H
#define XSOCKET_PRELOAD_NEXT_H

/*
 * The functions that a preload library stands in front of: those of the library that is next in
 * line, which is libc or another preload library. They behave, and set errno, as in libc.
 */

#include <sys/socket.h>

int next_bind(int fd, const struct sockaddr *address, socklen_t length);
int next_setsockopt(int fd, int level, int name, const void *value, socklen_t length);

/* Its caller must be in a hook of dlopen(3), as the last thing there: preload/plugins.h. */
void *next_dlopen(const char *file, int flags);

/* The function of that name in glibc itself, or NULL. Takes locks of the dynamic linker. */
void *next_last(const char *name);

#endif
