/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_BPF_H
#define XSOCKET_PRELOAD_BPF_H

/*
 * eBPF programs that a program attached by a descriptor, which it may have closed since. The kernel
 * has a number for each, never given twice (prog_id in /proc/PID/fdinfo, Linux 4.13).
 */

#include <stdint.h>

struct bpf_reference {
	int32_t fd; /* by which it was attached */
	uint32_t id;
};

/*
 * Remembers the program behind a descriptor. Returns 0 or a negative errno: -EINVAL when fd is no
 * program, -ENOSYS without /proc.
 */
int bpf_refer(int fd, struct bpf_reference *ret);

/*
 * A new descriptor of the program, close-on-exec. Returns it or a negative errno: -EPERM when the
 * process has closed the descriptor and may not open programs by number (CAP_SYS_ADMIN), or a
 * sandbox might end it for trying; -ENOENT when the program is gone.
 */
int bpf_reopen(const struct bpf_reference *reference);

#endif
