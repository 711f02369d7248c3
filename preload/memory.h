/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_MEMORY_H
#define XSOCKET_PRELOAD_MEMORY_H

/*
 * Arguments of a system call may lie anywhere: the kernel fails with EFAULT, or reads less than
 * the length says. Who stands in front of it must not end the program instead.
 */

#include <stdbool.h>
#include <stddef.h>

/* No machine has smaller pages. */
#define MEMORY_PAGE 4096

/* How many of the bytes can be read. A system call for each page; errno is left alone. */
size_t memory_readable(const void *start, size_t length);

/*
 * Whether a pointer may lead somewhere. Mistakes are most often in the first page, where nothing
 * is unless the program insisted, or in the last one (-1), where nothing ever is. Any other one is
 * not worth a system call for each call of the program's.
 */
bool memory_is_pointer(const void *pointer, size_t length);

#endif
