/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct rlimit unlimited;
static atomic_uint alarms;

void must_hold(bool condition, const char *text, const char *file, int line)
{
	if (condition)
		return;
	dprintf(STDERR_FILENO, "%s:%d: %s does not hold: %s\n", file, line, text, strerror(errno));
	abort();
}

unsigned fds_count(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	must(directory != NULL);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 3; /* ".", ".." and the directory's own */
}

int fds_lowest(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	must(fd >= 0);
	close(fd);
	return fd;
}

bool fd_is_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	must(flags >= 0);
	return flags & FD_CLOEXEC;
}

bool fd_is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	must(flags >= 0);
	return flags & O_NONBLOCK;
}

bool fd_is_socket(int fd, int type, int protocol)
{
	int found_type, found_protocol;
	socklen_t length = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &found_type, &length) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &found_protocol, &length) == 0 &&
	       found_type == type && found_protocol == protocol;
}

void fds_close(const int *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		must(close(fds[i]) == 0);
}

void fds_limit(unsigned spare)
{
	struct rlimit limit;
	int number = 0;

	/* The limit is one of numbers, and not all below the highest one are taken. */
	for (unsigned free_numbers = 0;; number++) {
		if (fcntl(number, F_GETFD) < 0 && free_numbers++ == spare)
			break;
	}
	must(getrlimit(RLIMIT_NOFILE, &unlimited) == 0);
	limit = unlimited;
	limit.rlim_cur = (rlim_t)number;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

void fds_unlimit(void)
{
	must(setrlimit(RLIMIT_NOFILE, &unlimited) == 0);
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void temp_make(struct temp *temp)
{
	const char *parent = getenv("TMPDIR");

	/* The address of a Unix socket has 107 bytes. */
	if (!parent || strlen(parent) > 40)
		parent = "/tmp";
	snprintf(temp->path, sizeof(temp->path), "%s/xsocket-XXXXXX", parent);
	must(mkdtemp(temp->path) != NULL);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void temp_remove(struct temp *temp)
{
	must(nftw(temp->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

void temp_path(const struct temp *temp, const char *name, char path[128])
{
	must(snprintf(path, 128, "%s/%s", temp->path, name) < 128);
}

static void count_alarm(int number)
{
	(void)number;
	atomic_fetch_add(&alarms, 1);
}

static void set_alarm(suseconds_t period_us)
{
	struct itimerval timer = {{0, period_us}, {0, period_us}};

	must(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

void storm_begin(void)
{
	struct sigaction action = {.sa_handler = count_alarm};

	atomic_store(&alarms, 0);
	must(sigaction(SIGALRM, &action, NULL) == 0);
	set_alarm(1000);
}

void storm_end(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	set_alarm(0);
	must(sigaction(SIGALRM, &action, NULL) == 0);
}

unsigned storm_signals(void)
{
	return atomic_load(&alarms);
}

struct temp temp_fixture;

int temp_setup(void **state)
{
	temp_make(&temp_fixture);
	return 0;
}

int temp_teardown(void **state)
{
	temp_remove(&temp_fixture);
	return 0;
}
