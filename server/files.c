/* SPDX-License-Identifier: MIT */
/*
 * Each request opens the file by its name, so a file that came, went or was replaced is seen at
 * once. (A mount of one file on another is detached in silence when that other one is replaced by
 * rename(2), which is how resolv.conf is written.) None of the names is a client's to choose.
 *
 * Whoever puts something else in its place, for whatever reason, gets an error and not the file in
 * /etc: that would be the wrong servers. Only where there is nothing at all does that one hold.
 */
#include "server/files.h"

#include "common/cleanup.h"
#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *file_name(uint32_t file)
{
	switch (file) {
	case WIRE_RESOLV_CONF:
		return "resolv.conf";
	case WIRE_HOSTS:
		return "hosts";
	case WIRE_NSSWITCH:
		return "nsswitch.conf";
	}
	return NULL;
}

void files_of_netns(const struct netns *netns, struct files *ret)
{
	static const char directory[] = NETNS_DIRECTORY "/";
	const char *name = netns->path;

	*ret = (struct files){0};
	/* /var/run is /run everywhere. */
	if (strncmp(name, "/var/run/", 9) == 0)
		name += 4;
	if (strncmp(name, directory, strlen(directory)) != 0)
		return;
	name += strlen(directory);
	name += strspn(name, "/");
	if (strchr(name, '/') || strlen(name) >= sizeof(ret->name) || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return;
	strcpy(ret->name, name);
}

/* Also a symbolic link that leads nowhere (yet) is there. */
static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || errno != ENOENT;
}

static void find(const struct files *files, const char *name, char path[FILES_PATH_SIZE])
{
	if (files->name[0]) {
		snprintf(path, FILES_PATH_SIZE, "/etc/netns/%s/%s", files->name, name);
		if (is_there(path))
			return;
	}
	snprintf(path, FILES_PATH_SIZE, "/etc/%s", name);
}

static int error_for_client(int error)
{
	switch (error) {
	case ENOENT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return -error;
	}
	return -EIO;
}

int files_open(
	const struct files *files, uint32_t file, char path[FILES_PATH_SIZE], const char **ret_why)
{
	const char *name = file_name(file);
	_cleanup_fd_ int fd = -1;
	struct stat st;

	*ret_why = "there is no file of that number";
	path[0] = '\0';
	if (!name)
		return -EBADMSG;
	find(files, name, path);
	/* What is no regular file must not make us wait. */
	fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		*ret_why = strerror(errno);
		return error_for_client(errno);
	}
	if (!S_ISREG(st.st_mode)) {
		*ret_why = "it is no regular file";
		return -EIO;
	}
	return steal_fd(&fd);
}
