/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_MEMORY_H
#define XSOCKET_PRELOAD_MEMORY_H

/*
 * Arguments of a system call may lie anywhere: the kernel fails with EFAULT, or reads less than
 * the length says. Who stands in front of it must not end the program instead.
 */

#include <stddef.h>

/* No machine has smaller pages. */
#define MEMORY_PAGE 4096

/* How many of the bytes can be read. A system call for each page; errno is left alone. */
size_t memory_readable(const void *start, size_t length);

#endif
