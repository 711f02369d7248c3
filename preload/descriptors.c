/* SPDX-License-Identifier: MIT */
/*
 * One walk over /proc/thread-self/fd collects the siblings, and what may wait for sockets: epoll
 * sets and io_urings. Then each epoll set is asked for entries of the socket.
 *
 * A descriptor is looked at by getsockopt(2), which fails for what is no socket, and only then by
 * its link, which /proc makes up and which takes longer. Not by fstat(2) or statx(2), which ask
 * its file system; except the socket itself, whose inode is the kernel's own.
 *
 * An epoll set's fdinfo has one line for an entry:
 *   tfd: %8d events: %8x data: %16llx  pos:%lli ino:%lx sdev:%x
 * tfd is the number it was registered by, ino the inode of its file. An entry whose number is not
 * a sibling any more (registered, then closed while a duplicate lives) is called stale. Numbers of
 * inodes repeat after some 4 billion files, so that a stale one only seems to be the socket's:
 * who removes it learns the truth.
 */
#include "preload/descriptors.h"

#include "common/cleanup.h"
#include "preload/proc.h"
#include "preload/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPOLL_LINK "anon_inode:[eventpoll]"
#define URING_LINK "anon_inode:[io_uring]"

/* Whether the link of a descriptor is that text. */
#define LINK_IS(link, length, text)                                                                \
	((size_t)(length) == sizeof(text) - 1 && memcmp(link, text, sizeof(text) - 1) == 0)

bool descriptors_is(const struct descriptors *found, int fd)
{
	return cookie_of_socket(fd) == found->cookie;
}

bool descriptors_contain(const struct descriptors *found, int fd)
{
	for (unsigned i = 0; i < found->siblings.count; i++) {
		if (descriptors_sibling(found, i)->fd == fd)
			return true;
	}
	return false;
}

/* Appends an item; fixed is the room on the stack that the list began with. */
static int list_add(struct descriptors_list *list, const void *item, size_t size, const void *fixed)
{
	if (list->count == list->capacity) {
		size_t bytes = list->capacity * size;
		void *more = mmap(NULL, 4 * bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (more == MAP_FAILED)
			return -ENOMEM;
		memcpy(more, list->items, bytes);
		if (list->items != fixed)
			munmap(list->items, bytes);
		list->items = more;
		list->capacity *= 4;
	}
	memcpy((char *)list->items + list->count++ * size, item, size);
	return 0;
}

static void list_release(struct descriptors_list *list, size_t size, const void *fixed)
{
	if (list->items && list->items != fixed)
		munmap(list->items, list->capacity * size);
}

int descriptors_add(struct descriptors *found, const struct descriptors_sibling *sibling)
{
	return list_add(&found->siblings, sibling, sizeof(*sibling), found->sibling);
}

static int visit_other(struct descriptors *found, int directory, int fd)
{
	char link[sizeof(EPOLL_LINK)];
	int length = proc_link(directory, fd, link, sizeof(link));
	struct descriptors_watcher watcher = {.fd = fd};

	if (length < 0)
		return length;
	watcher.uring = LINK_IS(link, length, URING_LINK);
	if (!watcher.uring && !LINK_IS(link, length, EPOLL_LINK))
		return 0;
	found->uring = found->uring || watcher.uring;
	return list_add(&found->watchers, &watcher, sizeof(watcher), found->watcher);
}

static int visit_descriptor(void *context, int directory, int fd)
{
	struct descriptors *found = context;
	struct descriptors_sibling sibling = {.fd = fd};
	uint64_t cookie = cookie_of_socket(fd);
	int flags;

	if (cookie == 0)
		return visit_other(found, directory, fd);
	if (cookie != found->cookie)
		return 0;
	flags = fcntl(fd, F_GETFD);
	if (flags < 0)
		return 0;
	sibling.cloexec = flags & FD_CLOEXEC;
	return descriptors_add(found, &sibling);
}

bool descriptors_parse(const char *line, struct descriptors_registration *ret, uint64_t *inode)
{
	uint64_t fd, events, data;

	if (strncmp(line, "tfd:", 4) != 0 || !proc_field(line, "tfd:", 10, &fd) ||
		!proc_field(line, " events:", 16, &events) ||
		!proc_field(line, " data:", 16, &data) || !proc_field(line, " ino:", 16, inode))
		return false;
	ret->fd = (int)fd;
	ret->events = (uint32_t)events;
	ret->data = data;
	return true;
}

static int read_epoll(struct descriptors *found, int fd)
{
	_cleanup_fd_ int file = proc_open(PROC_FDINFO, fd, "");
	struct descriptors_registration entry = {.epoll_fd = fd};
	struct proc_lines lines;
	char line[PROC_LINE];
	uint64_t inode;
	int r;

	if (file < 0)
		return file == -ENOENT ? 0 : file;
	proc_lines_init(&lines, file);
	while ((r = proc_lines_next(&lines, line)) > 0) {
		if (!descriptors_parse(line, &entry, &inode) || inode != found->inode)
			continue;
		entry.stale = !descriptors_contain(found, entry.fd);
		r = list_add(&found->registrations, &entry, sizeof(entry), found->registration);
		if (r < 0)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

int descriptors_find(int fd, uint64_t cookie, struct descriptors *ret)
{
	struct stat status;
	int r;

	ret->cookie = cookie;
	ret->inode = 0;
	ret->uring = false;
	ret->siblings =
		(struct descriptors_list){.items = ret->sibling, .capacity = DESCRIPTORS_SIBLINGS};
	ret->registrations = (struct descriptors_list){
		.items = ret->registration, .capacity = DESCRIPTORS_REGISTRATIONS};
	ret->watchers =
		(struct descriptors_list){.items = ret->watcher, .capacity = DESCRIPTORS_WATCHERS};
	r = proc_walk(PROC_FD, visit_descriptor, ret);
	if (r < 0 || ret->watchers.count == 0)
		return r;
	if (fstat(fd, &status) < 0)
		return -errno;
	ret->inode = status.st_ino;
	for (unsigned i = 0; r == 0 && i < ret->watchers.count; i++) {
		const struct descriptors_watcher *watcher = descriptors_watcher(ret, i);

		if (!watcher->uring)
			r = read_epoll(ret, watcher->fd);
	}
	return r;
}

void descriptors_release(struct descriptors *found)
{
	list_release(&found->siblings, sizeof(*found->sibling), found->sibling);
	list_release(&found->registrations, sizeof(*found->registration), found->registration);
	list_release(&found->watchers, sizeof(*found->watcher), found->watcher);
}
