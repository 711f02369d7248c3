/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_INIFILE_H
#define XSOCKET_DAEMON_INIFILE_H

/*
 * Configuration files: [Section] and Key=value, read by inih, and nothing that a user wrote is
 * lost. See inifile.c.
 */

#include <stdbool.h>
#include <stddef.h>

struct inifile;

/* One setting. Returns true, or what inifile_fail() does. value is NULL where there is no "=". */
typedef bool (*inifile_handler)(struct inifile *file, const char *section, const char *key,
	const char *value, void *data);

/*
 * Reads the file at path and calls handler for each setting, up to the first mistake.
 *
 * Returns 0, or a negative errno with a message in error that says what is wrong and in which
 * line: -ENOENT where there is no file, -EINVAL for what it says, or that of reading it.
 */
int inifile_load(
	const char *path, inifile_handler handler, void *data, char *error, size_t error_size);

/* For handlers: what is wrong with this line. The first message is kept. Returns false. */
__attribute__((format(printf, 2, 3))) bool inifile_fail(
	struct inifile *file, const char *format, ...);

/* yes or no. */
bool inifile_yes_no(struct inifile *file, const char *key, const char *value, bool *ret);

/* A whole number from min to max. */
bool inifile_count(struct inifile *file, const char *key, const char *value, unsigned min,
	unsigned max, unsigned *ret);

/*
 * Seconds, or with a unit: 90, 90s, 5min, 1h, 1d; where infinity is allowed, "infinity" gives 0.
 */
bool inifile_seconds(
	struct inifile *file, const char *key, const char *value, bool infinity, unsigned *ret);

#endif
