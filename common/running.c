/* SPDX-License-Identifier: MIT */
/*
 * All is read below one descriptor of /proc/PID, so that it is about one process: when that ends
 * reading fails, even if the number is given to another one meanwhile. Paths in its root directory
 * are followed by openat2(2) with RESOLVE_IN_ROOT, since whoever made the links in there may want
 * to lead us somewhere else.
 *
 * This is for a tool of its own, so stdio may read the lines; within somebody else's program that
 * is preload/proc.c's.
 */
#include "common/running.h"

#include "common/cleanup.h"
#include "common/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int not_there(int error)
{
	return error == ENOENT ? -ESRCH : -error;
}

static FILE *open_file(int process, const char *name)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* Whether a line of /proc/PID/maps is about a file of that name. */
static bool is_mapping_of(char *line, const char *library)
{
	char *path = strchr(line, '/'), *name;
	size_t length = strlen(library);

	if (!path)
		return false;
	name = strrchr(path, '/') + 1;
	return strncmp(name, library, length) == 0 &&
	       (name[length] == '\n' || strcmp(name + length, " (deleted)\n") == 0);
}

static int inspect_maps(int process, const char *library, struct running *ret)
{
	FILE *file = open_file(process, "maps");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return not_there(errno);
	ret->loaded = RUNNING_NO;
	while (getline(&line, &size, file) >= 0) {
		if (is_mapping_of(line, library))
			ret->loaded = RUNNING_YES;
	}
	free(line);
	fclose(file);
	return 0;
}

static int inspect_status(int process, struct running *ret)
{
	FILE *file = open_file(process, "status");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return not_there(errno);
	while (getline(&line, &size, file) >= 0) {
		if (strncmp(line, "Seccomp:", 8) == 0)
			ret->seccomp = atoi(line + 8);
		if (strncmp(line, "NoNewPrivs:", 11) == 0)
			ret->no_new_privs = atoi(line + 11);
	}
	free(line);
	fclose(file);
	return 0;
}

/* What the kernel told the dynamic linker. A process of another word size is left unknown. */
static void inspect_auxv(int process, struct running *ret)
{
	FILE *file = open_file(process, "auxv");
	unsigned long entry[2];

	while (file && fread(entry, sizeof(entry), 1, file) == 1 && entry[0] != AT_NULL) {
		if (entry[0] == AT_SECURE)
			ret->secure = entry[1] ? RUNNING_YES : RUNNING_NO;
	}
	if (file)
		fclose(file);
}

/* Whether the environment that it was started with has both variables. */
static enum running_state was_asked(int process)
{
	FILE *file = open_file(process, "environ");
	char *variable = NULL;
	size_t size = 0;
	bool preload = false, rules = false;

	if (!file)
		return RUNNING_UNKNOWN;
	while (getdelim(&variable, &size, '\0', file) >= 0) {
		preload = preload || strncmp(variable, "LD_PRELOAD=", 11) == 0;
		rules = rules || strncmp(variable, "XBIND=", 6) == 0;
	}
	free(variable);
	fclose(file);
	return preload && rules ? RUNNING_YES : RUNNING_NO;
}

/* Looks at a path as the process would, without waking anything. Returns 0 or a negative errno. */
static int look_in_root(int process, const char *path, struct stat *ret)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	_cleanup_fd_ int root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 || fstat(fd, ret) < 0 ? -errno : 0;
}

static void inspect_socket(int process, const char *path, struct running *ret)
{
	struct stat there, here;
	int r = look_in_root(process, path, &there);

	if (r == -ENOENT || r == -ENOTDIR)
		ret->obstacles |= 1u << RUNNING_SOCKET_HIDDEN;
	else if (r < 0)
		ret->obstacles |= 1u << RUNNING_SOCKET_DENIED;
	else if (!S_ISSOCK(there.st_mode) ||
		 (stat(path, &here) == 0 &&
			 (here.st_dev != there.st_dev || here.st_ino != there.st_ino)))
		ret->obstacles |= 1u << RUNNING_SOCKET_OTHER;
}

static void inspect_namespace(int process, pid_t broker, struct running *ret)
{
	struct stat own, other;
	char path[48];

	if (fstatat(process, "ns/net", &own, 0) < 0)
		return;
	ret->net_device = own.st_dev;
	ret->net_inode = own.st_ino;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)broker);
	if (broker > 0 && stat(path, &other) == 0 && own.st_dev == other.st_dev &&
		own.st_ino == other.st_ino)
		ret->obstacles |= 1u << RUNNING_SAME_NAMESPACE;
}

static void conclude(int process, struct running *ret)
{
	struct stat st;

	if (ret->loaded == RUNNING_NO)
		ret->obstacles |= 1u << RUNNING_NOT_LOADED;
	if (ret->loaded == RUNNING_NO && ret->secure == RUNNING_YES)
		ret->obstacles |= 1u << RUNNING_SECURE;
	if (was_asked(process) == RUNNING_NO)
		ret->obstacles |= 1u << RUNNING_NOT_ASKED;
	if (ret->seccomp > 0)
		ret->obstacles |= 1u << RUNNING_FILTERED;
	if (look_in_root(process, "/proc/self/fd", &st) == -ENOENT)
		ret->obstacles |= 1u << RUNNING_NO_PROC;
}

int running_inspect(
	pid_t pid, const char *library, const char *socket, pid_t broker, struct running *ret)
{
	_cleanup_fd_ int process = -1;
	char path[32];
	int r;

	*ret = (struct running){.seccomp = -1, .no_new_privs = -1};
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	process = pid > 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (process < 0)
		return pid > 0 ? not_there(errno) : -ESRCH;
	r = inspect_status(process, ret);
	if (r == 0)
		r = inspect_maps(process, library, ret);
	if (r < 0)
		return r;
	inspect_auxv(process, ret);
	if (socket)
		inspect_socket(process, socket, ret);
	inspect_namespace(process, broker, ret);
	conclude(process, ret);
	return 0;
}

static const struct program_text texts[RUNNING_OBSTACLES] = {
	[RUNNING_NOT_LOADED] = {"not-loaded", "the library is not in this process",
		"start it again with LD_PRELOAD, and look at its program"},
	[RUNNING_SECURE] = {"secure",
		"it was started with more rights than whoever started it, and LD_PRELOAD was "
		"ignored",
		"use AmbientCapabilities= or User= of its unit instead of file capabilities or the "
		"set-user-ID bit"},
	[RUNNING_NOT_ASKED] = {"not-asked", "LD_PRELOAD or XBIND was not in its environment",
		"set both in its unit (Environment=), and start it again"},
	[RUNNING_SOCKET_HIDDEN] = {"socket-hidden", "the control socket is not there for it",
		"add BindReadOnlyPaths=/run/xsocket to its unit, or start the broker"},
	[RUNNING_SOCKET_OTHER] = {"socket-other",
		"for it, another file has the name of the control socket",
		"add BindReadOnlyPaths=/run/xsocket to its unit"},
	[RUNNING_SOCKET_DENIED] = {"socket-denied", "the way to its control socket is closed",
		"look again as root"},
	[RUNNING_NO_PROC] = {"no-proc", "it has no /proc, which is needed to replace a socket",
		"add MountAPIVFS=yes to its unit"},
	[RUNNING_FILTERED] = {"filtered",
		"a seccomp filter is in force, which may forbid what is needed",
		"if bind(2) fails: add AF_UNIX to RestrictAddressFamilies= and @network-io to "
		"SystemCallFilter= of its unit"},
	[RUNNING_SAME_NAMESPACE] = {"same-namespace",
		"it is in the broker's network namespace itself",
		"name another broker (XSOCKET=), or start it without the library"},
};

const struct program_text *running_text(enum running_obstacle obstacle)
{
	return &texts[obstacle];
}
