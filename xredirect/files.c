/* SPDX-License-Identifier: MIT */
/*
 * A program that cannot read resolv.conf asks 127.0.0.1, or somebody it has in its code; one that
 * reads this machine's asks servers that mean nothing where its sockets are, or mean somebody else.
 * So it gets the namespace's file or an errno: ENOENT only where the namespace has none, since to
 * many that means that all is as usual.
 *
 * Beside those there is a list of IPv6 addresses, which Java makes interfaces of, together with
 * answers from its sockets: where each tells of another namespace it ends with an exception.
 *
 * All files that a program opens come by here. What is looked at without a system call comes first:
 * most are not only read, or the thread is not redirected. Then the path, which must be there to be
 * looked at: only the kernel may be given a pointer that leads nowhere.
 */
#include "xredirect/files.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "lib/client.h"
#include "lib/xsocket.h"
#include "preload/advice.h"
#include "preload/memory.h"
#include "preload/report.h"
#include "xredirect/links.h"
#include "xredirect/route.h"
#include "xredirect/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* No file that a broker hands out. */
#define FILES_INET6 (-1)

static const struct {
	const char *path;
	int file;
} files[] = {
	{"/etc/resolv.conf", XSOCKET_RESOLV_CONF},
	{"/etc/hosts", XSOCKET_HOSTS},
	{"/etc/nsswitch.conf", XSOCKET_NSSWITCH},
	{"/proc/net/if_inet6", FILES_INET6},
};

#define LONGEST sizeof("/etc/nsswitch.conf")

/* With these it is about the file here: to be changed, made, or found. */
#define NOT_READ (O_ACCMODE | O_TRUNC | O_EXCL | O_PATH | O_DIRECTORY)

/* Not by memcmp(3): a path may be shorter, and sanitizers of a program's mind what is behind it. */
static bool is_same(const char *path, size_t readable, const char *wanted)
{
	size_t i = 0;

	while (i < readable && path[i] == wanted[i] && wanted[i])
		i++;
	return i < readable && path[i] == wanted[i];
}

/* Which of the files that is, or 0. */
static int file_at(const char *path)
{
	size_t readable = memory_readable(path, LONGEST);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (is_same(path, readable, files[i].path))
			return files[i].file;
	}
	return 0;
}

/* Whether there is a broker that a client may ask: then an errno was its answer. */
static bool has_answered(const char *server)
{
	struct xsocket_client client;
	int r = client_init(&client, server, 0);

	if (r == 0)
		r = client_connect(&client);
	if (r == 0)
		client_close(&client);
	return r == 0;
}

static int none(const char *path, const char *server)
{
	report(REPORT_DEBUG, "open of %s: there is none where the broker %s is", path, server);
	return -ENOENT;
}

static int refused(const char *path, const char *server)
{
	report(REPORT_ERROR,
		"open of %s: the broker %s does not hand it out; say AllowResolver=yes in its "
		"configuration",
		path, server);
	return -EACCES;
}

/* As open(2) may fail. */
static int program_errno(int error)
{
	return error == EACCES || error == EMFILE || error == ENFILE || error == ENOMEM ? error
											: EIO;
}

/* Writes a line, and returns what open(2) then fails with. */
static int failed(const char *path, const char *server, int error)
{
	const struct advice_call call = {"open of ", path};

	if (error == ENOENT && has_answered(server))
		return none(path, server);
	if (error == EACCES && has_answered(server))
		return refused(path, server);
	if (error == EOPNOTSUPP)
		report(REPORT_ERROR,
			"open of %s: the broker %s is older than 2.1 and has no files to hand out: "
			"install the same version as this library's, and restart it",
			path, server);
	else if (error == EIO)
		report(REPORT_ERROR,
			"open of %s: where the broker %s is it is no regular file, or the broker "
			"may not read it",
			path, server);
	else
		advice_report(&call, server, error);
	return -program_errno(error);
}

static int get(const struct route *route, const char *path, int file, int flags)
{
	int fd;

	/* What is wrong has been reported. */
	if (route->broken)
		return -EINVAL;
	fd = file == FILES_INET6 ? links_inet6(route) : source_file(route, file);
	if (fd < 0 && file == FILES_INET6)
		return -program_errno(-fd);
	if (fd < 0)
		return failed(path, route->server, -fd);
	if (!(flags & O_CLOEXEC))
		fcntl(fd, F_SETFD, 0);
	return fd;
}

bool files_open(const char *path, int flags, int *ret)
{
	int saved_errno = errno, file, fd;
	struct cancel cancel;
	struct route route;

	if (flags & NOT_READ)
		return false;
	route = route_current();
	if (!route_is_elsewhere(&route))
		return false;
	file = file_at(path);
	if (file == 0)
		return false;
	cancel_hold(&cancel);
	fd = get(&route, path, file, flags);
	cancel_release(&cancel);
	errno = fd < 0 ? -fd : saved_errno;
	*ret = fd < 0 ? -1 : fd;
	return true;
}

bool files_stream(const char *path, const char *mode, FILE **ret)
{
	size_t length = strcspn(mode, ",");
	_cleanup_fd_ int fd = -1;

	if (*mode != 'r' || memchr(mode, '+', length))
		return false;
	if (!files_open(path, memchr(mode, 'e', length) ? O_CLOEXEC : 0, &fd))
		return false;
	*ret = fd < 0 ? NULL : fdopen(fd, mode);
	if (*ret)
		steal_fd(&fd);
	return true;
}
