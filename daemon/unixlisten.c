/* SPDX-License-Identifier: MIT */
/*
 * Listening Unix sockets, and how a stale one is replaced.
 *
 * The file of a Unix socket stays when its owner dies, and bind(2) then fails. Whether somebody
 * listens is found out by connecting. Two processes that start at once must not both find a file
 * stale and one of them remove the other's fresh socket, so all this happens under a lock on the
 * directory (flock(2) on its descriptor, which needs no lock file and ends with the process).
 *
 * The mode is given to the socket before bind(2), which makes the file with the mode of the
 * socket's inode, less the umask (kernel: unix_bind_bsd()). So there is no moment in which the
 * file exists with other rights, and no umask is changed.
 */
#include "daemon/unixlisten.h"

#include "daemon/explain.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_TRIES    100
#define LOCK_PAUSE_MS 20

/*
 * Opens the directory of a path and locks it until the descriptor is closed. Those who listen hold
 * the lock for microseconds; but whoever may read the directory can hold it for ever. One who does
 * is nobody we have to wait for, so then it goes on without.
 */
static int lock_directory(const char *path, char *error, size_t error_size)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path) + 1], *directory;
	_cleanup_fd_ int fd = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	directory = dirname(copy);
	/* The one directory that is ours to make. */
	if (strcmp(directory, ADDRESS_DIRECTORY) == 0 && mkdir(directory, 0755) < 0 &&
		errno != EEXIST)
		return explain(error, error_size, -errno, "%s: %s", directory, strerror(errno));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return explain(error, error_size, -errno, "%s: %s", directory, strerror(errno));
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return explain(error, error_size, -errno, "%s: cannot be locked: %s",
				directory, strerror(errno));
		if (tries == LOCK_TRIES)
			break;
		nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000}, NULL);
	}
	return steal_fd(&fd);
}

/* Removes a socket file that nobody listens on. Returns 0 when the name is free. */
static int remove_stale(
	const struct address *address, int type, char *error, size_t error_size)
{
	const char *path = address_path(address);
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0
				       : explain(error, error_size, -errno, "%s: %s", path,
						 strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return explain(error, error_size, -EEXIST,
			"%s exists and is no socket: remove it, or choose another name", path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return explain(error, error_size, -errno, "socket: %s", strerror(errno));
	/* A full queue (EAGAIN) and a socket of another type (EPROTOTYPE) are alive, too. */
	if (connect(fd, (const struct sockaddr *)&address->un, address->length) == 0 ||
		errno != ECONNREFUSED)
		return explain(error, error_size, -EADDRINUSE,
			"%s is alive: somebody listens there already; stop that, or choose another "
			"name",
			path);
	if (unlink(path) < 0 && errno != ENOENT)
		return explain(error, error_size, -errno, "%s: stale, and cannot be removed: %s",
			path, strerror(errno));
	return 0;
}

static int make_socket(
	const struct address *address, int type, mode_t mode, char *error, size_t error_size)
{
	char text[ADDRESS_TEXT_SIZE];
	_cleanup_fd_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || fchmod(fd, mode) < 0)
		return explain(error, error_size, -errno, "socket: %s", strerror(errno));
	if (bind(fd, (const struct sockaddr *)&address->un, address->length) < 0)
		return explain(error, error_size, -errno, "%s: %s%s", address_text(address, text),
			strerror(errno),
			errno == EACCES ? ": name a path where you may write, or run it as root"
					: "");
	if (listen(fd, SOMAXCONN) < 0)
		return explain(error, error_size, -errno, "listen: %s", strerror(errno));
	return steal_fd(&fd);
}

int unixlisten_open(
	const struct address *address, int type, mode_t mode, char *error, size_t error_size)
{
	const char *path = address_path(address);
	_cleanup_fd_ int lock = -1;
	int r;

	if (!path)
		return make_socket(address, type, mode, error, error_size);
	lock = lock_directory(path, error, error_size);
	if (lock < 0)
		return lock;
	r = remove_stale(address, type, error, error_size);
	if (r < 0)
		return r;
	return make_socket(address, type, mode, error, error_size);
}

void unixlisten_remove(const struct address *address, int type, int fd)
{
	const char *path = address_path(address);
	char error[256];
	_cleanup_fd_ int lock = -1;
	struct stat st;

	if (!path)
		return;
	/*
	 * The file's inode is not the socket's, so it cannot be compared. But nobody replaces the
	 * file of a socket that listens, so while fd is open it is ours, unless it was removed by
	 * hand; then it may be another daemon's, which connecting cannot tell. Stop listening
	 * under the lock and see whether the name is dead.
	 */
	lock = lock_directory(path, error, sizeof(error));
	if (lock < 0 || lstat(path, &st) < 0)
		return;
	shutdown(fd, SHUT_RDWR);
	remove_stale(address, type, error, sizeof(error));
}
