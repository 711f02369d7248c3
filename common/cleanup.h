/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_CLEANUP_H
#define XSOCKET_COMMON_CLEANUP_H

/*
 * Owned descriptors that close themselves.
 *
 * A local that owns a descriptor is declared `_cleanup_fd_ int fd = -1;`. Handing it on is
 * written `steal_fd(&fd)`, so that each transfer of ownership can be seen. Closing keeps errno.
 */

#include <errno.h>
#include <unistd.h>

/* Closes *fd if it is one, keeps errno, leaves -1 behind. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
	*fd = -1;
}

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define _cleanup_fd_ __attribute__((cleanup(close_fd)))

#endif
