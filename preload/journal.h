/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_JOURNAL_H
#define XSOCKET_PRELOAD_JOURNAL_H

/*
 * What a program set on its sockets, in order, for replay on another socket. Much of it could not
 * be read back: multicast memberships, MD5 keys, BPF programs.
 *
 * Sockets are known by SO_COOKIE, which all duplicates of a descriptor share and no other socket
 * ever has again. Nothing here allocates, or waits for anything but a few turns of other threads.
 */

#include "preload/slots.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Of a longer value it is only known that it was set. */
#define JOURNAL_VALUE_MAX (32 * 1024)

enum journal_kind {
	JOURNAL_VALUE,	   /* the value as it was given */
	JOURNAL_PROGRAM,   /* the instructions of a struct sock_fprog */
	JOURNAL_BPF,	   /* a struct bpf_reference instead of a program's descriptor */
	JOURNAL_UNCARRIED, /* was set and cannot be repeated; no value */
};

struct journal_option {
	int32_t level, name;
	uint32_t length;
	uint32_t kind; /* enum journal_kind */
};

/* All of one socket, copied out. */
struct journal {
	bool lossy; /* perhaps something was not recorded */
	bool lost;  /* and it may be what cannot be read back either: a membership, a key */
	uint32_t used;
	uint8_t *mapped; /* NULL: own */
	uint8_t own[SLOTS_OWN] __attribute__((aligned(8)));
};

enum journal_outcome {
	JOURNAL_NONE, /* nothing was recorded, or it is not kept any more */
	JOURNAL_BUSY, /* something was, but another thread, or who we interrupted, has it locked */
	JOURNAL_READ,
};

/*
 * Records a setsockopt(2) that succeeded, with its arguments. The value may end earlier than its
 * length says, where the kernel needed no more. For tests: hooks have the next one.
 */
void journal_record(uint64_t cookie, int level, int name, const void *value, socklen_t length);

/*
 * The same, for a hook of setsockopt(2) to call after it succeeded on fd: for internet sockets that
 * are not bound yet, and options that reading back does not tell all about. Leaves errno alone.
 */
void journal_observe(int fd, int level, int name, const void *value, socklen_t length);

/* The socket has been replaced: nothing about it is needed any more. */
void journal_forget(uint64_t cookie);

/*
 * Copies what is known of a socket. ret's flags hold, it can be stepped through, and is to be
 * freed in any case.
 */
enum journal_outcome journal_read(uint64_t cookie, struct journal *ret);
void journal_free(struct journal *journal);

/*
 * Steps through a copy: *position starts at 0. Returns false at the end. The value is aligned for
 * any option's type, may be changed, and belongs to the copy.
 */
bool journal_next(
	struct journal *journal, size_t *position, struct journal_option *ret, void **ret_value);

#endif
