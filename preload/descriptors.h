/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_DESCRIPTORS_H
#define XSOCKET_PRELOAD_DESCRIPTORS_H

/*
 * Which descriptors of the process are one socket, and which epoll sets wait for it: read from
 * /proc, so that nothing has to be recorded, and what happened before the library was loaded or
 * by bare system calls is seen as well. No allocation, no lock, and no file system is asked about
 * the program's other files: one whose server is gone would never answer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than this is refused; the arrays are on the stack, perhaps that of a signal handler. */
#define DESCRIPTORS_SIBLINGS	  64
#define DESCRIPTORS_REGISTRATIONS 96

/* One entry of an epoll set. */
struct descriptors_registration {
	int epoll_fd;
	int fd; /* the sibling that was registered */
	uint32_t events;
	uint64_t data;
};

struct descriptors {
	uint64_t cookie, inode; /* of the socket */
	unsigned siblings, registrations;
	bool epoll; /* there are epoll sets */
	struct descriptors_sibling {
		int fd;
		bool cloexec;
		bool replaced; /* swap.c's own */
	} sibling[DESCRIPTORS_SIBLINGS];
	struct descriptors_registration registration[DESCRIPTORS_REGISTRATIONS];
};

/*
 * Finds all descriptors of fd's socket, fd included, and their registrations.
 *
 * Returns 0 or a negative errno: -ENOSYS when there is no usable /proc, -ENOBUFS when there are
 * more than fit, -EBADF.
 */
int descriptors_find(int fd, struct descriptors *ret);

/* Whether fd is, still, one of the socket's. */
bool descriptors_is(const struct descriptors *found, int fd);

/*
 * Parses /proc/PID/fdinfo/N of an epoll set as it comes in pieces. Public for tests.
 *
 * descriptors_epoll_push() takes one byte and returns true when it completed an entry, which then
 * is in the fields.
 */
struct descriptors_epoll {
	char line[192];
	size_t length;
	int fd;
	uint32_t events;
	uint64_t data;
	uint64_t inode;
};

bool descriptors_epoll_push(struct descriptors_epoll *info, char byte);

#endif
