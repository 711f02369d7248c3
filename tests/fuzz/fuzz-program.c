/* SPDX-License-Identifier: MIT */
/* Any file is looked at without a byte too many, and what is said of it is of one piece. */
#include "tests/fuzz/fuzz.h"

#include "common/program.h"

#include <sys/mman.h>
#include <unistd.h>

#define BIT(obstacle) (1u << PROGRAM_##obstacle)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("program", MFD_CLOEXEC);
	struct program program, library;

	HOLDS(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	memset(&program, 0xa5, sizeof(program));
	HOLDS(program_inspect(fd, &program) == 0);
	close(fd);
	HOLDS(program.obstacles < 1u << PROGRAM_OBSTACLES);
	HOLDS(memchr(program.interpreter, '\0', sizeof(program.interpreter)));
	HOLDS(memchr(program.argument, '\0', sizeof(program.argument)));
	HOLDS(!(program.obstacles & (BIT(MACHINE) | BIT(LIBC) | BIT(SCRIPTS))));
	if (program.obstacles & BIT(NOT_ELF))
		HOLDS(program.obstacles == BIT(NOT_ELF) && program.bits == 0);
	else
		HOLDS(size >= 16 && memcmp(data, "\177ELF", 4) == 0);
	if (program.obstacles & BIT(STATIC))
		HOLDS(program.libc == PROGRAM_LIBC_NONE && program.interpreter[0] == '\0');
	/* Nothing is another machine than itself. */
	library = program;
	program_compare(&program, &library);
	HOLDS(program.obstacles == library.obstacles);
	library.bits ^= 3;
	program_compare(&program, &library);
	HOLDS(program.obstacles & (BIT(MACHINE) | BIT(NOT_ELF) | BIT(DAMAGED)));
	return 0;
}
