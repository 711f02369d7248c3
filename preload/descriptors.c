/* SPDX-License-Identifier: MIT */
/*
 * Two walks over /proc/thread-self/fd (a thread may have a descriptor table of its own, so not
 * /proc/self): the first collects the siblings, the second visits every epoll set and looks for
 * entries of siblings. The second reads the directory anew rather than remember what the first
 * saw, so the number of descriptors in the process is not limited by our stack.
 *
 * A descriptor is looked at by getsockopt(2), which fails for what is no socket, and by its link,
 * which /proc makes up. Not by fstat(2) or statx(2), which ask its file system.
 *
 * An epoll set's fdinfo has one line for an entry:
 *   tfd: %8d events: %8x data: %16llx  pos:%lli ino:%lx sdev:%x
 * tfd is the number it was registered by, ino the inode of its file. An entry whose number is not
 * a sibling any more (registered, then closed while a duplicate lives) cannot be removed by
 * epoll_ctl(2); it goes away with the last descriptor of the old socket.
 */
#include "preload/descriptors.h"

#include "common/cleanup.h"
#include "preload/socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FD_DIRECTORY	 "/proc/thread-self/fd/"
#define FDINFO_DIRECTORY "/proc/thread-self/fdinfo/"
#define EPOLL_LINK	 "anon_inode:[eventpoll]"
#define SOCKET_LINK	 "socket:["

typedef int visit_function(struct descriptors *found, int fd);

bool descriptors_is(const struct descriptors *found, int fd)
{
	return socket_cookie_of(fd) == found->cookie;
}

/* A number, or -1 for "." and "..". */
static int fd_from_name(const char *name)
{
	int fd = 0;

	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		fd = fd * 10 + (*name - '0');
	}
	return fd;
}

static int visit_name(
	struct descriptors *found, const char *name, int except, visit_function *visit)
{
	int fd = fd_from_name(name);

	return fd < 0 || fd == except ? 0 : visit(found, fd);
}

/* Calls visit for each descriptor. Without opendir(3), which allocates. */
static int walk_descriptors(struct descriptors *found, visit_function *visit)
{
	_cleanup_fd_ int directory = open(FD_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buffer[512] __attribute__((aligned(8)));
	long size;

	if (directory < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : -ENOSYS;
	while ((size = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0) {
		for (long position = 0; position < size;) {
			const struct dirent64 *entry = (const void *)(buffer + position);
			int r = visit_name(found, entry->d_name, directory, visit);

			if (r < 0)
				return r;
			position += entry->d_reclen;
		}
	}
	return size < 0 ? -ENOSYS : 0;
}

/* The name of a descriptor's entry in one of the directories, which end with a slash. */
static void path_of(char path[48], const char *directory, int fd)
{
	char digits[16], *digit = digits + sizeof(digits) - 1;
	size_t length = strlen(directory);

	*digit = '\0';
	do {
		*--digit = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	memcpy(path, directory, length);
	memcpy(path + length, digit, (size_t)(digits + sizeof(digits) - digit));
}

/* The link of a descriptor, without a terminator. Returns its length, cut at size. */
static size_t read_link(int fd, char *link, size_t size)
{
	char path[48];
	ssize_t length;

	path_of(path, FD_DIRECTORY, fd);
	length = readlink(path, link, size);
	return length < 0 ? 0 : (size_t)length;
}

static bool is_epoll(int fd)
{
	char link[sizeof(EPOLL_LINK)];

	return read_link(fd, link, sizeof(link)) == sizeof(EPOLL_LINK) - 1 &&
	       memcmp(link, EPOLL_LINK, sizeof(EPOLL_LINK) - 1) == 0;
}

static int visit_sibling(struct descriptors *found, int fd)
{
	uint64_t cookie = socket_cookie_of(fd);
	int flags;

	if (cookie != found->cookie) {
		found->epoll = found->epoll || (cookie == 0 && is_epoll(fd));
		return 0;
	}
	flags = fcntl(fd, F_GETFD);
	if (flags < 0)
		return 0;
	if (found->siblings == DESCRIPTORS_SIBLINGS)
		return -ENOBUFS;
	found->sibling[found->siblings++] = (struct descriptors_sibling){
		.fd = fd,
		.cloexec = flags & FD_CLOEXEC,
	};
	return 0;
}

/* The number after a label, or false where the label is not in the line. */
static bool field(const char *line, const char *label, unsigned base, uint64_t *ret)
{
	const char *text = strstr(line, label);
	uint64_t value = 0;
	bool digits = false;

	if (!text)
		return false;
	for (text += strlen(label); *text == ' '; text++)
		;
	for (;; text++) {
		unsigned digit;

		if (*text >= '0' && *text <= '9')
			digit = (unsigned)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			digit = (unsigned)(*text - 'a') + 10;
		else
			break;
		if (digit >= base)
			break;
		value = value * base + digit;
		digits = true;
	}
	*ret = value;
	return digits;
}

bool descriptors_epoll_push(struct descriptors_epoll *info, char byte)
{
	uint64_t fd, events;

	if (byte != '\n') {
		if (info->length < sizeof(info->line) - 1)
			info->line[info->length++] = byte;
		return false;
	}
	info->line[info->length] = '\0';
	info->length = 0;
	if (strncmp(info->line, "tfd:", 4) != 0 || !field(info->line, "tfd:", 10, &fd) ||
		!field(info->line, " events:", 16, &events) ||
		!field(info->line, " data:", 16, &info->data) ||
		!field(info->line, " ino:", 16, &info->inode))
		return false;
	info->fd = (int)fd;
	info->events = (uint32_t)events;
	return true;
}

static int open_fdinfo(int fd)
{
	char path[48];

	path_of(path, FDINFO_DIRECTORY, fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int add_registration(
	struct descriptors *found, int epoll_fd, const struct descriptors_epoll *info)
{
	bool sibling = false;

	if (info->inode != found->inode)
		return 0;
	for (unsigned i = 0; i < found->siblings; i++)
		sibling = sibling || found->sibling[i].fd == info->fd;
	if (!sibling)
		return 0;
	if (found->registrations == DESCRIPTORS_REGISTRATIONS)
		return -ENOBUFS;
	found->registration[found->registrations++] = (struct descriptors_registration){
		.epoll_fd = epoll_fd,
		.fd = info->fd,
		.events = info->events,
		.data = info->data,
	};
	return 0;
}

static int visit_epoll(struct descriptors *found, int fd)
{
	_cleanup_fd_ int file = -1;
	struct descriptors_epoll info = {.length = 0};
	char buffer[256];
	ssize_t size;

	if (socket_cookie_of(fd) != 0 || !is_epoll(fd))
		return 0;
	file = open_fdinfo(fd);
	if (file < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : -ENOSYS;
	while ((size = read(file, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < size; i++) {
			int r = 0;

			if (descriptors_epoll_push(&info, buffer[i]))
				r = add_registration(found, fd, &info);
			if (r < 0)
				return r;
		}
	}
	return size < 0 ? -ENOSYS : 0;
}

/* The number by which epoll sets list a socket. Returns 0 or -ENOSYS. */
static int inode_of(int fd, uint64_t *ret)
{
	char link[64];
	size_t length = read_link(fd, link, sizeof(link) - 1);

	link[length] = '\0';
	return field(link, SOCKET_LINK, 10, ret) ? 0 : -ENOSYS;
}

int descriptors_find(int fd, struct descriptors *ret)
{
	int r;

	ret->siblings = ret->registrations = 0;
	ret->epoll = false;
	ret->cookie = socket_cookie_of(fd);
	if (ret->cookie == 0)
		return -errno;
	r = inode_of(fd, &ret->inode);
	if (r == 0)
		r = walk_descriptors(ret, visit_sibling);
	if (r == 0 && ret->epoll)
		r = walk_descriptors(ret, visit_epoll);
	return r;
}
