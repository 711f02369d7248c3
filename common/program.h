/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_PROGRAM_H
#define XSOCKET_COMMON_PROGRAM_H

/*
 * Whether a preloaded library can do its work in a program, as far as the program's file tells.
 * What it cannot is never told by the library, which is not there then; a checker asks here.
 * Nothing is printed and nothing is run. Files may be hostile.
 */

#include <stdbool.h>
#include <stdint.h>

enum program_libc {
	PROGRAM_LIBC_NONE, /* static, or not to be told */
	PROGRAM_LIBC_GLIBC,
	PROGRAM_LIBC_MUSL,
	PROGRAM_LIBC_OTHER,
};

/* What is in the way. Several may be; `obstacles` is made of 1u << these. */
enum program_obstacle {
	PROGRAM_NOT_ELF,
	PROGRAM_DAMAGED,
	PROGRAM_SCRIPTS,
	PROGRAM_STATIC,
	PROGRAM_GO,
	PROGRAM_MACHINE,
	PROGRAM_LIBC,
	PROGRAM_SET_ID,
	PROGRAM_CAPABILITIES,
	PROGRAM_OBSTACLES,
};

#define PROGRAM_PATH_MAX    256 /* the kernel reads no more of a #! line */
#define PROGRAM_SCRIPTS_MAX 5

struct program {
	unsigned obstacles;
	uint16_t machine;	/* EM_* */
	uint8_t bits, encoding; /* ELFCLASS*, ELFDATA* */
	enum program_libc libc;
	/* The dynamic linker, or, where PROGRAM_NOT_ELF, what a script's #! line names, or "". */
	char interpreter[PROGRAM_PATH_MAX];
	char argument[PROGRAM_PATH_MAX]; /* the rest of that line */
};

/*
 * Looks at an open file: a program, a script, or a shared library. Reads with pread(2) at most a
 * few hundred kilobytes. PROGRAM_MACHINE and PROGRAM_LIBC are not found by this.
 *
 * Returns 0, or a negative errno: that of fstat(2) or pread(2), or -ENOEXEC: not a regular file.
 */
int program_inspect(int fd, struct program *ret);

/* Adds PROGRAM_MACHINE and PROGRAM_LIBC to a program that cannot load that library. */
void program_compare(struct program *program, const struct program *library);

/*
 * Looks at what execve(2) of a path would run in the end: through #! lines, and through env(1) in
 * one where `search` is a list of directories as in PATH, or NULL. *ret_path, of PROGRAM_PATH_MAX
 * bytes, is what was looked at. What that runs in turn is not known.
 *
 * Returns 0, or a negative errno of open(2) or program_inspect(), with *ret_path set as well.
 */
int program_follow(const char *path, const char *search, struct program *ret, char *ret_path);

/* What a user is told: why it does not work, and what does. Sentences without a full stop. */
struct program_text {
	const char *name, *reason, *advice;
};
const struct program_text *program_text(enum program_obstacle obstacle);

#endif
