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

/*
 * How many there is room for on the stack, which may be that of a signal handler. For more,
 * memory is mapped until descriptors_release().
 */
#define DESCRIPTORS_SIBLINGS	  16
#define DESCRIPTORS_REGISTRATIONS 16
#define DESCRIPTORS_WATCHERS	  16

/* A descriptor of the socket. The flags are swap.c's own. */
struct descriptors_sibling {
	int fd;
	bool cloexec;
	bool replaced;
	bool lent; /* not the program's: it was made for a while, and is to be closed */
};

/* One entry of an epoll set. */
struct descriptors_registration {
	int epoll_fd;
	int fd; /* the number it was registered by */
	uint32_t events;
	bool stale;   /* that is none of the siblings' */
	bool removed; /* swap.c's own */
	uint64_t data;
};

/* A descriptor that may wait for sockets. */
struct descriptors_watcher {
	int fd;
	bool uring; /* or else it is an epoll set */
};

struct descriptors_list {
	void *items;
	unsigned count, capacity;
};

/* Not to be copied: the lists point into it. */
struct descriptors {
	uint64_t cookie, inode; /* of the socket; inode is 0 where nothing waits for any */
	struct descriptors_list siblings, registrations, watchers;
	bool uring; /* there is an io_uring */
	struct descriptors_sibling sibling[DESCRIPTORS_SIBLINGS];
	struct descriptors_registration registration[DESCRIPTORS_REGISTRATIONS];
	struct descriptors_watcher watcher[DESCRIPTORS_WATCHERS];
};

/*
 * Finds all descriptors of fd's socket, fd included, and their registrations. cookie is the
 * socket's (cookie_of_socket()).
 *
 * Returns 0 or a negative errno: -ENOSYS when there is no usable /proc, -ENOMEM, -EMFILE, -ENFILE.
 * In any case ret needs descriptors_release().
 */
int descriptors_find(int fd, uint64_t cookie, struct descriptors *ret);

/* Also of one that is all zeros. */
void descriptors_release(struct descriptors *found);

/* The items of the lists; the index is below count. */
static inline struct descriptors_sibling *descriptors_sibling(
	const struct descriptors *found, unsigned index)
{
	return (struct descriptors_sibling *)found->siblings.items + index;
}

static inline struct descriptors_registration *descriptors_registration(
	const struct descriptors *found, unsigned index)
{
	return (struct descriptors_registration *)found->registrations.items + index;
}

static inline struct descriptors_watcher *descriptors_watcher(
	const struct descriptors *found, unsigned index)
{
	return (struct descriptors_watcher *)found->watchers.items + index;
}

/* Whether fd was one of the socket's when it was looked for. */
bool descriptors_contain(const struct descriptors *found, int fd);

/* Whether fd is, still, one of the socket's. */
bool descriptors_is(const struct descriptors *found, int fd);

/* Appends to the siblings. Returns 0 or -ENOMEM. */
int descriptors_add(struct descriptors *found, const struct descriptors_sibling *sibling);

/*
 * Parses a line of /proc/PID/fdinfo/N of an epoll set. Returns false when it is about something
 * else. epoll_fd and the flags are left alone. Public for tests.
 */
bool descriptors_parse(const char *line, struct descriptors_registration *ret, uint64_t *inode);

#endif
