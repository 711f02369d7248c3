/* SPDX-License-Identifier: MIT */
/*
 * The fdinfo of an io_uring lists registered files between the lines "UserFiles:" and "UserBufs:",
 * one line for each. The kernel leaves the list out while another thread is about to submit
 * something; then it is read once more.
 *
 * IORING_REGISTER_FILES_UPDATE exchanges a file at once for whatever is submitted later. Requests
 * that were submitted before keep the old file: see swap.c, "watch".
 */
#include "preload/uring.h"

#include "common/cleanup.h"
#include "preload/proc.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In linux/io_uring.h, which old systems do not have; the same on every architecture. */
#ifndef SYS_io_uring_register
#define SYS_io_uring_register 427
#endif
#define REGISTER_FILES_UPDATE 6
struct files_update {
	uint32_t offset, reserved;
	uint64_t fds;
};

/* How often the list is asked for while another thread is in the way. */
#define BUSY_TRIES 100

bool uring_parse(const char *line, uint64_t *position, uint64_t *inode)
{
	return proc_number(&line, 10, position) && strncmp(line, ": socket:[", 10) == 0 &&
	       proc_field(line, "[", 10, inode);
}

static int exchange_file(int ring, uint64_t position, int by)
{
	struct files_update update = {
		.offset = (uint32_t)position, .fds = (uint64_t)(uintptr_t)&by};

	/* EEXIST: only the thread that made it may. EBADFD, EACCES: disabled or restricted. */
	return syscall(SYS_io_uring_register, ring, REGISTER_FILES_UPDATE, &update, 1) == 1
		       ? 0
		       : -EADDRNOTAVAIL;
}

/* Returns 0, -EAGAIN when the list is left out, or another negative errno. */
static int exchange_in(int ring, uint64_t inode, int by)
{
	_cleanup_fd_ int file = proc_open(PROC_FDINFO, ring, "");
	bool listed = false, within = false;
	struct proc_lines lines;
	char line[PROC_LINE];
	int r;

	if (file < 0)
		return file == -ENOENT ? 0 : file;
	proc_lines_init(&lines, file);
	while ((r = proc_lines_next(&lines, line)) > 0) {
		uint64_t position, found;

		if (line[0] != ' ') {
			within = strncmp(line, "UserFiles:", 10) == 0;
			listed = listed || within;
		}
		if (!within || !uring_parse(line, &position, &found) || found != inode)
			continue;
		r = exchange_file(ring, position, by);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return listed ? 0 : -EAGAIN;
}

int uring_exchange(const struct descriptors *found, uint64_t inode, int by)
{
	for (unsigned i = 0; found->uring && i < found->watchers.count; i++) {
		const struct descriptors_watcher *watcher = descriptors_watcher(found, i);
		int r = 0;

		for (int tries = 0; watcher->uring && tries < BUSY_TRIES; tries++) {
			r = exchange_in(watcher->fd, inode, by);
			if (r != -EAGAIN)
				break;
			r = 0;
			sched_yield();
		}
		if (r < 0)
			return r;
	}
	return 0;
}
