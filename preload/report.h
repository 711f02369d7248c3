/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_REPORT_H
#define XSOCKET_PRELOAD_REPORT_H

/*
 * Lines on standard error, from within somebody else's program: no stdio, no allocation, no lock,
 * no waiting, no SIGPIPE, and never into a file that took the number 2 after the program started.
 * All of this may be called in signal handlers, and leaves errno alone.
 */

enum report_level {
	REPORT_SILENT,
	REPORT_ERROR,
	REPORT_DEBUG,
};

/*
 * What is printed from now on, REPORT_ERROR until then; by which library, and which variable of
 * the environment sets the level. The texts are not copied.
 */
void report_configure(const char *library, const char *variable, enum report_level level);

/* Whether a line of that level would be printed, for callers whose arguments cost something. */
int report_enabled(enum report_level level);

/*
 * Prints the name of the library, the text and a line end. The format knows %s, %d, %u and %%,
 * nothing more. After 20 lines of REPORT_ERROR one says that further ones are left out, unless the
 * level is REPORT_DEBUG.
 */
__attribute__((format(printf, 2, 3))) void report(enum report_level level, const char *format, ...);

/* A number as text, somewhere in the buffer. */
#define REPORT_NUMBER 24
const char *report_number(char buffer[REPORT_NUMBER], long long number);

/* As strerror(3), in English, without its allocation. buffer is used for errno values unknown. */
const char *report_strerror(int error, char buffer[16]);

#endif
