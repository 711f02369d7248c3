/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_JOURNAL_H
#define XSOCKET_PRELOAD_JOURNAL_H

/*
 * What a program set on its sockets, in order, for replay on another socket. Much of it could not
 * be read back: multicast memberships, MD5 keys, BPF programs.
 *
 * Sockets are known by SO_COOKIE, which all duplicates of a descriptor share and no other socket
 * ever has again. Nothing here allocates, waits or makes a system call.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The longest value that is kept; struct group_source_req has 264 bytes. */
#define JOURNAL_VALUE_MAX 320
#define JOURNAL_ARENA	  (1024 - 8)

enum journal_kind {
	JOURNAL_VALUE,	   /* the value as it was given */
	JOURNAL_PROGRAM,   /* the instructions of a struct sock_fprog */
	JOURNAL_UNCARRIED, /* was set and cannot be repeated; no value */
};

struct journal_option {
	int32_t level, name;
	uint16_t length;
	uint16_t kind; /* enum journal_kind */
};

/* All of one socket, copied out. */
struct journal {
	bool lossy; /* something was not recorded */
	uint16_t used;
	uint8_t arena[JOURNAL_ARENA];
};

/* Records a setsockopt(2) that succeeded, with its arguments. */
void journal_record(uint64_t cookie, int level, int name, const void *value, socklen_t length);

/* Copies what is known of a socket. Returns false when there is nothing. */
bool journal_read(uint64_t cookie, struct journal *ret);

/*
 * Steps through a copy: *position starts at 0. Returns false at the end. value has room for
 * JOURNAL_ARENA bytes, aligned for any option's type.
 */
bool journal_next(
	const struct journal *journal, size_t *position, struct journal_option *ret, void *value);

#endif
