/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_PROC_H
#define XSOCKET_PRELOAD_PROC_H

/* Reading /proc without opendir(3) and stdio, which allocate. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A thread may have a descriptor table of its own, so not /proc/self. */
#define PROC_FD	    "/proc/thread-self/fd/"
#define PROC_FDINFO "/proc/thread-self/fdinfo/"
#define PROC_STATUS "/proc/thread-self/status"
#define PROC_TASK   "/proc/self/task/"
#define PROC_MEMORY "/proc/self/mem"

/* Longer lines are cut. */
#define PROC_LINE 192

struct proc_lines {
	int file; /* the caller's */
	size_t position, size;
	char buffer[512];
};

/*
 * Is called for each entry that is a number, with a descriptor of the directory that it borrows.
 * What it returns ends the walk if it is negative.
 */
typedef int proc_visit(void *context, int directory, int number);

/*
 * Visits a directory of numbers; in that of descriptors, all but the one that this takes itself.
 * Returns 0 or a negative errno: what visit returned, -EMFILE, -ENFILE, -ENOMEM, or -ENOSYS: /proc
 * is not usable.
 */
int proc_walk(const char *directory, proc_visit *visit, void *context);

/*
 * Opens DIRECTORY NUMBER LEAF, the directory with its slash. Returns a descriptor that the caller
 * owns, or fails like proc_walk(), or with -ENOENT: another thread closed it, or has ended.
 */
int proc_open(const char *directory, int number, const char *leaf);

/*
 * The link of an entry, without a terminator. Returns its length, cut at size; 0 where there is
 * none or it is too long for the kernel; or -ENOSYS: it may not be read.
 */
int proc_link(int directory, int number, char *link, size_t size);

/* Prepares for reading lines from a file that is the caller's. */
void proc_lines_init(struct proc_lines *lines, int file);

/*
 * The next line, without its newline; text after the last newline is none. Returns 1, 0 after the
 * last one, -ENOENT when what the file is about was closed or has ended, or -ENOSYS when reading
 * fails.
 */
int proc_lines_next(struct proc_lines *lines, char line[PROC_LINE]);

/* The number after a label, and blanks. Returns false where that is not in the line. */
bool proc_field(const char *line, const char *label, unsigned base, uint64_t *ret);

/* The number that a text begins with, after blanks; *text is moved behind it. False for none. */
bool proc_number(const char **text, unsigned base, uint64_t *ret);

#endif
