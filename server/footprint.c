/* SPDX-License-Identifier: MIT */
#include "server/footprint.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * MADV_DONTNEED on a private file mapping throws away what was changed in it (madvise(2)), so this
 * is for segments that never were writable: no PF_W, and no text relocations (DF_TEXTREL), which
 * no library of a distribution has.
 */
static int trim_object(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start, end;

		if (header->p_type != PT_LOAD || (header->p_flags & PF_W))
			continue;
		start = (info->dlpi_addr + header->p_vaddr) & ~(page - 1);
		end = (info->dlpi_addr + header->p_vaddr + header->p_filesz) & ~(page - 1);
		if (end > start)
			madvise((void *)start, end - start, MADV_DONTNEED);
	}
	return 0;
}

void footprint_trim(void)
{
	dl_iterate_phdr(trim_object, NULL);
}
