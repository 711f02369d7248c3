/* SPDX-License-Identifier: MIT */
/*
 * Sandboxes that forbid bpf(2) may end who calls it (systemd's @privileged), and a program may
 * have had its descriptor from elsewhere. So /proc tells the number, and bpf(2) is only called
 * where no sandbox looks at system calls.
 */
#include "preload/bpf.h"

#include "common/cleanup.h"
#include "preload/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first number behind a label in a file of /proc. Returns 0 or a negative errno. */
static int read_field(int file, const char *label, uint64_t *ret)
{
	struct proc_lines lines;
	char line[PROC_LINE];
	int r;

	proc_lines_init(&lines, file);
	while ((r = proc_lines_next(&lines, line)) > 0) {
		if (strncmp(line, label, strlen(label)) == 0 && proc_field(line, label, 10, ret))
			return 0;
	}
	return r < 0 ? r : -EINVAL;
}

int bpf_refer(int fd, struct bpf_reference *ret)
{
	_cleanup_fd_ int file = proc_open(PROC_FDINFO, fd, "");
	uint64_t id;
	int r;

	if (file < 0)
		return file;
	r = read_field(file, "prog_id:\t", &id);
	if (r < 0)
		return r;
	*ret = (struct bpf_reference){.fd = fd, .id = (uint32_t)id};
	return 0;
}

/* Whether a filter looks at system calls (proc(5), Seccomp), or that is not known. */
static bool is_filtered(void)
{
	_cleanup_fd_ int file = open(PROC_STATUS, O_RDONLY | O_CLOEXEC);
	uint64_t mode;

	return file < 0 || read_field(file, "Seccomp:\t", &mode) < 0 || mode != 0;
}

int bpf_reopen(const struct bpf_reference *reference)
{
	struct bpf_reference now = {0};
	union bpf_attr attributes;
	int fd;

	if (bpf_refer(reference->fd, &now) == 0 && now.id == reference->id) {
		fd = fcntl(reference->fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	if (is_filtered())
		return -EPERM;
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_id = reference->id;
	fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attributes, sizeof(attributes));
	return fd < 0 ? -errno : fd;
}
