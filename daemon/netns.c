/* SPDX-License-Identifier: MIT */
#include "daemon/netns.h"

#include "daemon/explain.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int netns_path(const char *name, char *path, size_t size)
{
	int n;

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	if (strchr(name, '/'))
		n = snprintf(path, size, "%s", name);
	else if (strncmp(name, "pid:", 4) == 0)
		n = snprintf(path, size, "/proc/%s/ns/net", name + 4);
	else
		n = snprintf(path, size, NETNS_DIRECTORY "/%s", name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* And not a symbolic link, which changes without a change of mounts. */
static bool is_mount(const char *path)
{
	struct statx stx;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &stx) == 0 &&
	       (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/*
 * A plain file may be left at the name when the mount on it is gone, which ip-netns(8) makes with
 * mode 000: without capabilities it cannot even be opened.
 */
static bool is_namespace(int fd, const char *path)
{
	struct statfs fs;

	return (fd >= 0 ? fstatfs(fd, &fs) : statfs(path, &fs)) < 0 || fs.f_type == NSFS_MAGIC;
}

static int fail(char *error, size_t size, int r, const char *path, const char *why)
{
	return explain(error, size, r, "network namespace %s: %s", path, why ? why : strerror(-r));
}

int netns_open(
	const char *name, struct netns *ret, char *error, size_t error_size)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r;

	*ret = (struct netns){0};
	r = netns_path(name, ret->path, sizeof(ret->path));
	if (r < 0)
		return fail(error, error_size, r, name, "not a usable name");
	fd = open(ret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return fail(error, error_size, -ENOENT, ret->path,
			strncmp(ret->path, "/proc/", 6) == 0
				? "does not exist (there is no such process)"
				: "does not exist (ip netns list shows those that do)");
	r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	if (r < 0 && r != -EACCES)
		return fail(error, error_size, r, ret->path, NULL);
	if (!is_namespace(fd, ret->path))
		return fail(error, error_size, -EINVAL, ret->path,
			"is no namespace (deleted, or its mount is not visible here)");
	if (r < 0)
		return fail(error, error_size, r, ret->path, NULL);
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	return steal_fd(&fd);
}

int netns_enter(const char *name, struct netns *ret, char *error, size_t error_size)
{
	_cleanup_fd_ int fd = netns_open(name, ret, error, error_size);
	struct stat own;
	int r;

	if (fd < 0)
		return fd;
	if (stat("/proc/self/ns/net", &own) < 0)
		return fail(error, error_size, -errno, "/proc/self/ns/net", NULL);
	if ((own.st_ino != ret->inode || own.st_dev != ret->device) &&
		setns(fd, CLONE_NEWNET) < 0) {
		r = -errno;
		return fail(error, error_size, r, ret->path,
			r == -EINVAL ? "is not a network namespace"
			: r == -EPERM
				? "may not be entered: needs CAP_SYS_ADMIN, or a service manager "
				  "that starts the broker inside (NetworkNamespacePath=)"
				: NULL);
	}
	ret->mounted = is_mount(ret->path);
	return 0;
}

bool netns_current(const struct netns *netns)
{
	struct stat st;

	if (!netns->path[0])
		return true;
	/*
	 * Gone is what is not there. Other errors tell nothing: the namespace file of another
	 * process may be looked at no more without capabilities (EACCES), memory may be short.
	 */
	if (stat(netns->path, &st) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return st.st_dev == netns->device && st.st_ino == netns->inode;
}

int netns_watch(void)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}
