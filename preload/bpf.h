/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_BPF_H
#define XSOCKET_PRELOAD_BPF_H

/*
 * eBPF programs that a program attached by a descriptor, which it may have closed since. The kernel
 * has a number for each (bpf(2), BPF_OBJ_GET_INFO_BY_FD, Linux 4.13), never given twice.
 */

#include <stdint.h>

struct bpf_reference {
	int32_t fd; /* by which it was attached */
	uint32_t id;
};

/*
 * Remembers the program behind a descriptor. Returns 0 or a negative errno: -EPERM where the
 * kernel does not tell users without privileges (before 5.19, kernel.unprivileged_bpf_disabled),
 * -EINVAL when fd is no program.
 */
int bpf_refer(int fd, struct bpf_reference *ret);

/*
 * A new descriptor of the program, close-on-exec. Returns it or a negative errno: -EPERM when the
 * process has closed the descriptor and may not open programs by number (CAP_SYS_ADMIN), -ENOENT
 * when the program is gone.
 */
int bpf_reopen(const struct bpf_reference *reference);

#endif
