/* SPDX-License-Identifier: MIT */
/*
 * rt_sigprocmask(2) reads the set before it looks at what to do with it, so when asked for
 * something that does not exist it fails with EFAULT or EINVAL, and changes nothing. It needs no
 * descriptor and no privilege, and no sandbox is without it.
 */
#include "preload/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The size of the kernel's signal set: 8, on MIPS 16. */
#define WORD (_NSIG / 8)

static bool word_readable(uintptr_t address)
{
	address &= ~(uintptr_t)(WORD - 1);
	/* NULL would be no set at all. */
	if (address == 0)
		return false;
	return syscall(SYS_rt_sigprocmask, -1, address, NULL, (size_t)WORD) == 0 || errno != EFAULT;
}

size_t memory_readable(const void *start, size_t length)
{
	uintptr_t first = (uintptr_t)start, offset = 0;
	int saved_errno = errno;

	while (offset < length && word_readable(first + offset))
		offset += MEMORY_PAGE - (first + offset) % MEMORY_PAGE;
	errno = saved_errno;
	return offset < length ? offset : length;
}

bool memory_is_pointer(const void *pointer, size_t length)
{
	uintptr_t address = (uintptr_t)pointer;

	return (address >= MEMORY_PAGE && address <= UINTPTR_MAX - MEMORY_PAGE) ||
	       memory_readable(pointer, length) == length;
}
