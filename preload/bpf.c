/* SPDX-License-Identifier: MIT */
#include "preload/bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

int bpf_refer(int fd, struct bpf_reference *ret)
{
	struct bpf_prog_info info;
	union bpf_attr attributes;

	memset(&info, 0, sizeof(info));
	memset(&attributes, 0, sizeof(attributes));
	attributes.info.bpf_fd = (uint32_t)fd;
	/* The first fields are all that is asked for: type and id, as of Linux 4.13. */
	attributes.info.info_len = offsetof(struct bpf_prog_info, tag);
	attributes.info.info = (uint64_t)(uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) < 0)
		return -errno;
	/* A map or something else has an id as well, and could not have been attached. */
	*ret = (struct bpf_reference){.fd = fd, .id = info.id};
	return 0;
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
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_id = reference->id;
	fd = (int)bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
	return fd < 0 ? -errno : fd;
}
