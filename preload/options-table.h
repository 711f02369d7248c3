/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_OPTIONS_TABLE_H
#define XSOCKET_PRELOAD_OPTIONS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_IPV6 1 /* of AF_INET6 only */
/* What a fresh socket has, in every namespace: zeros, unless one of these says otherwise. */
#define OPTIONS_ONE    2  /* the int 1 */
#define OPTIONS_ONES   4  /* all bits set */
#define OPTIONS_VARIES 8  /* that depends on the namespace or the kernel */
#define OPTIONS_OTHER  16 /* zeros; but what is read is not all, or not just, what was set */
#define OPTIONS_AFTER  32 /* zeros; but a row before this one changes that */

/* The options that can be read back and set with the same value, in the order to set them. */
extern const struct option_row {
	int level, name;
	int flags;
} option_rows[];
extern const size_t option_rows_count;

/* The row of an option that reads as it was set, or NULL. */
const struct option_row *option_row_of(int level, int name);

/* Whether a value is what a fresh socket has; false where that is not known. */
bool option_is_fresh(const struct option_row *row, const void *value, size_t length);

/*
 * Whether reading back tells all about an option, whenever it was set: it reads as it was set, and
 * differs from a fresh socket's in any namespace if it was set to something else. No such option
 * needs to be recorded. False before the library's constructors have run.
 */
bool option_reads_back(int level, int name);

/* What it means that an option cannot be set on the new socket. */
enum option_weight {
	OPTION_LIGHT, /* not much: it is told at debug level */
	OPTION_TELL,  /* another behaviour that a user may notice: it is told */
	OPTION_MUST,  /* the socket is not the same without: bind(2) fails */
};

/* The weight of an option; *ret_text becomes its name if that is not OPTION_LIGHT. */
enum option_weight option_weight(int level, int name, const char **ret_text);

#endif
