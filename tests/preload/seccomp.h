/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_PRELOAD_SECCOMP_H
#define XSOCKET_TESTS_PRELOAD_SECCOMP_H

/* A system call that fails from now on, as in a sandbox (seccomp(2)). Ends the program on failure.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define SECCOMP_ALWAYS UINT32_MAX

/* Where in a 64-bit argument its lower half is. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SECCOMP_LOW 0
#else
#define SECCOMP_LOW 4
#endif

/* The call of that number fails with error if its argument has that value, or SECCOMP_ALWAYS. */
static inline void seccomp_refuse(int number, unsigned argument, uint32_t value, int error)
{
	uint32_t offset = (uint32_t)offsetof(struct seccomp_data, args) + argument * 8;
	uint16_t compare = value == SECCOMP_ALWAYS ? BPF_JGE : BPF_JEQ;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset + SECCOMP_LOW),
		BPF_JUMP(BPF_JMP | compare | BPF_K, value == SECCOMP_ALWAYS ? 0 : value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		exit(1);
}

#endif
