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
#include "xredirect/warm.h"

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

/*
 * ENOENT and EACCES may be about the broker's control socket, or be its answer. So it is asked once
 * more, by a connection that is known to be there. Returns what source_file() does.
 */
static int ask_again(const char *server, int file, bool *ret_answered)
{
	struct xsocket_client client;
	int r = client_init(&client, server, WARM_LOWEST);

	*ret_answered = false;
	if (r == 0)
		r = client_connect(&client);
	if (r < 0)
		return r;
	*ret_answered = true;
	r = client_file(&client, file);
	client_close(&client);
	return r;
}

/* As open(2) may fail. */
static int program_errno(int error)
{
	return error == EACCES || error == EMFILE || error == ENFILE || error == ENOMEM ? error
											: EIO;
}

/* Writes the line about an error of the broker, or about its answer. */
static void tell(const char *path, const char *server, int error, bool answered)
{
	const struct advice_call call = {"open of ", path};

	if (error == ENOENT && answered)
		report(REPORT_DEBUG, "open of %s: there is none where the broker %s is", path,
			server);
	else if (error == EACCES && answered)
		report(REPORT_ERROR,
			"open of %s: the broker %s does not hand it out; say AllowResolver=yes in "
			"its configuration",
			path, server);
	else if (error == EOPNOTSUPP)
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
}

int files_ask(const struct route *route, int file, bool *ret_answered)
{
	int r = source_file(route, file);

	*ret_answered = false;
	return r == -ENOENT || r == -EACCES ? ask_again(route->server, file, ret_answered) : r;
}

static int get_file(const char *path, const struct route *route, int file)
{
	bool answered;
	int r = files_ask(route, file, &answered);

	if (r >= 0)
		return r;
	tell(path, route->server, -r, answered);
	return r == -ENOENT && answered ? r : -program_errno(-r);
}

static int get_inet6(const struct route *route)
{
	int r = links_inet6(route);

	return r < 0 ? -program_errno(-r) : r;
}

static int get(const struct route *route, const char *path, int file, int flags)
{
	int fd;

	/* What is wrong has been reported. */
	if (route->broken)
		return -EINVAL;
	fd = file == FILES_INET6 ? get_inet6(route) : get_file(path, route, file);
	if (fd >= 0 && !(flags & O_CLOEXEC))
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
