/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_URING_H
#define XSOCKET_PRELOAD_URING_H

/* Files that are registered with an io_uring (IORING_REGISTER_FILES): it keeps them by itself. */

#include "preload/descriptors.h"

/*
 * Puts the file `by`, which it borrows, into each registered place of the process's io_urings
 * where the socket of that inode is: found's own or, to undo it, the new one. Such a place is known
 * since Linux 6.12 or so, which names sockets by inode.
 *
 * Returns 0, or a negative errno and some may have been exchanged: -EADDRNOTAVAIL, an io_uring does
 * not allow it; -ENOSYS, -EMFILE, -ENFILE, -ENOMEM.
 */
int uring_exchange(const struct descriptors *found, uint64_t inode, int by);

/* A line "%5u: socket:[INODE]" of the fdinfo: whether it is one, and what it says. For tests. */
bool uring_parse(const char *line, uint64_t *position, uint64_t *inode);

#endif
