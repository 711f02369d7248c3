/* SPDX-License-Identifier: MIT */
/*
 * Programs with a resolver of their own (c-ares, Java, Perl, Python) read what libc's would read.
 *
 * Allocators open files before there is anything else in the process, and while dlsym(3) waits for
 * them. So the next functions in line are found by a constructor only, and before that the
 * system call is made.
 *
 * 64 at the end means large files, _2 that a program was compiled with _FORTIFY_SOURCE: that its
 * flags need no mode was checked then, or is by libc.
 */
#include "preload/next.h"
#include "xredirect/files.h"
#include "xredirect/next.h"

#include "common/export.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Some headers have them as macros. */
#undef fopen64
#undef open64
#undef openat64

static int by_kernel(int directory, const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, directory, path, flags, mode);
}

/* They have to be called as what they are, with a variable number of arguments. */
#define NEXT_OPEN(name, more)                                                                      \
	NEXT_FIND(name)                                                                            \
	static int next_##name(const char *path, int flags, mode_t mode)                           \
	{                                                                                          \
		int (*function)(const char *, int, ...) =                                          \
			(int (*)(const char *, int, ...))NEXT_FOUND(name);                         \
                                                                                                   \
		return function ? function(path, flags, mode)                                      \
				: by_kernel(AT_FDCWD, path, flags | (more), mode);                 \
	}
#define NEXT_OPENAT(name, more)                                                                    \
	NEXT_FIND(name)                                                                            \
	static int next_##name(int directory, const char *path, int flags, mode_t mode)            \
	{                                                                                          \
		int (*function)(int, const char *, int, ...) =                                     \
			(int (*)(int, const char *, int, ...))NEXT_FOUND(name);                    \
                                                                                                   \
		return function ? function(directory, path, flags, mode)                           \
				: by_kernel(directory, path, flags | (more), mode);                \
	}

NEXT_OPEN(open, 0)
NEXT_OPEN(open64, O_LARGEFILE)
NEXT_OPENAT(openat, 0)
NEXT_OPENAT(openat64, O_LARGEFILE)

NEXT_FIND(__open_2)
NEXT_FIND(__open64_2)
NEXT_FIND(__openat_2)
NEXT_FIND(__openat64_2)

NEXT_DEFINE(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
NEXT_DEFINE(FILE *, fopen64, (const char *path, const char *mode), (path, mode), next_fopen)

/* By the function of that name, or where there is none as without a check. */
static int next_open_2(void *found, const char *path, int flags)
{
	int (*function)(const char *, int) = (int (*)(const char *, int))found;

	return function ? function(path, flags) : next_open64(path, flags, 0);
}

static int next_openat_2(void *found, int directory, const char *path, int flags)
{
	int (*function)(int, const char *, int) = (int (*)(int, const char *, int))found;

	return function ? function(directory, path, flags)
			: next_openat64(directory, path, flags, 0);
}

/* The mode of a file that may have to be made. */
#define MODE_AFTER(flags)                                                                          \
	({                                                                                         \
		mode_t mode_after = 0;                                                             \
                                                                                                   \
		if (((flags)&O_CREAT) || ((flags)&O_TMPFILE) == O_TMPFILE) {                       \
			va_list arguments;                                                         \
                                                                                                   \
			va_start(arguments, flags);                                                \
			mode_after = va_arg(arguments, mode_t);                                    \
			va_end(arguments);                                                         \
		}                                                                                  \
		mode_after;                                                                        \
	})

static int xredirect_open(const char *path, int flags, mode_t mode)
{
	int fd;

	return files_open(path, flags, &fd) ? fd : next_open(path, flags, mode);
}

static int xredirect_open64(const char *path, int flags, mode_t mode)
{
	int fd;

	return files_open(path, flags, &fd) ? fd : next_open64(path, flags, mode);
}

static int xredirect_openat(int directory, const char *path, int flags, mode_t mode)
{
	int fd;

	return files_open(path, flags, &fd) ? fd : next_openat(directory, path, flags, mode);
}

static int xredirect_openat64(int directory, const char *path, int flags, mode_t mode)
{
	int fd;

	return files_open(path, flags, &fd) ? fd : next_openat64(directory, path, flags, mode);
}

static int xredirect_open_2(void *found, const char *path, int flags)
{
	int fd;

	return files_open(path, flags, &fd) ? fd : next_open_2(found, path, flags);
}

static int xredirect_openat_2(void *found, int directory, const char *path, int flags)
{
	int fd;

	return files_open(path, flags, &fd) ? fd : next_openat_2(found, directory, path, flags);
}

int export_open(const char *path, int flags, ...) EXPORT_AS(open);
int export_open(const char *path, int flags, ...)
{
	return xredirect_open(path, flags, MODE_AFTER(flags));
}

int export_open64(const char *path, int flags, ...) EXPORT_AS(open64);
int export_open64(const char *path, int flags, ...)
{
	return xredirect_open64(path, flags, MODE_AFTER(flags));
}

int export_openat(int directory, const char *path, int flags, ...) EXPORT_AS(openat);
int export_openat(int directory, const char *path, int flags, ...)
{
	return xredirect_openat(directory, path, flags, MODE_AFTER(flags));
}

int export_openat64(int directory, const char *path, int flags, ...) EXPORT_AS(openat64);
int export_openat64(int directory, const char *path, int flags, ...)
{
	return xredirect_openat64(directory, path, flags, MODE_AFTER(flags));
}

int export_open_2(const char *path, int flags) EXPORT_AS(__open_2);
int export_open_2(const char *path, int flags)
{
	return xredirect_open_2(NEXT_FOUND(__open_2), path, flags);
}

int export_open64_2(const char *path, int flags) EXPORT_AS(__open64_2);
int export_open64_2(const char *path, int flags)
{
	return xredirect_open_2(NEXT_FOUND(__open64_2), path, flags);
}

int export_openat_2(int directory, const char *path, int flags) EXPORT_AS(__openat_2);
int export_openat_2(int directory, const char *path, int flags)
{
	return xredirect_openat_2(NEXT_FOUND(__openat_2), directory, path, flags);
}

int export_openat64_2(int directory, const char *path, int flags) EXPORT_AS(__openat64_2);
int export_openat64_2(int directory, const char *path, int flags)
{
	return xredirect_openat_2(NEXT_FOUND(__openat64_2), directory, path, flags);
}

FILE *export_fopen(const char *path, const char *mode) EXPORT_AS(fopen);
FILE *export_fopen(const char *path, const char *mode)
{
	FILE *file;

	return files_stream(path, mode, &file) ? file : next_fopen(path, mode);
}

FILE *export_fopen64(const char *path, const char *mode) EXPORT_AS(fopen64);
FILE *export_fopen64(const char *path, const char *mode)
{
	FILE *file;

	return files_stream(path, mode, &file) ? file : next_fopen64(path, mode);
}
