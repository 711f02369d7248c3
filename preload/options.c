/* SPDX-License-Identifier: MIT */
/*
 * Two sources are combined, since each misses something.
 *
 * The journal has what went through setsockopt(3), with the values as given and in order, also
 * memberships, keys and programs, which cannot be read back.
 *
 * Reading back finds what was set before the library was loaded, by a parent or by a bare system
 * call, and corrects what options did to each other (IP_TOS changes SO_PRIORITY). The value on the
 * program's socket is compared with that of a fresh one from the same namespace, and only a
 * difference is carried: equal values are that namespace's defaults, and the new socket has its
 * own namespace's. What the journal made equal already is not set again.
 *
 * SO_LOCK_FILTER is last, since nothing can be attached after that.
 */
#include "preload/options.h"

#include "preload/interfaces.h"
#include "preload/journal.h"
#include "preload/next.h"
#include "preload/options-table.h"
#include "preload/report.h"
#include "preload/socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#define BUF_LOCK_SEND	 1
#define BUF_LOCK_RECEIVE 2

/* The longest readable one is IP_OPTIONS with 40 bytes. */
#define READ_MAX 64
/* Instructions of a filter that can be read back: 2 KiB of stack. */
#define FILTER_MAX 256

struct carry {
	int old, fresh, new;
	const struct socket_kind *kind;
};

static bool reads_as(int fd, int level, int name, const void *value, socklen_t length)
{
	uint8_t there[READ_MAX] = {0};
	socklen_t there_length = sizeof(there);

	return getsockopt(fd, level, name, there, &there_length) == 0 && there_length == length &&
	       memcmp(there, value, length) == 0;
}

/* Sets one option on the new socket. Returns 0, or a negative errno for those that must be set. */
static int carry_set(
	const struct carry *carry, int level, int name, const void *value, socklen_t length)
{
	const char *must = option_must_name(level, name);
	char unknown[16];
	int error;

	if (next_setsockopt(carry->new, level, name, value, length) == 0)
		return 0;
	error = errno;
	/* Setting SO_MARK to the 0 that it has takes a privilege, too. */
	if (reads_as(carry->new, level, name, value, length))
		return 0;
	if (must) {
		report(REPORT_ERROR, "%s, which the program set, cannot be set there: %s", must,
			report_strerror(error, unknown));
		return -error;
	}
	report(REPORT_DEBUG, "option %d of level %d is not carried over: %s", name, level,
		report_strerror(error, unknown));
	return 0;
}

static int carry_mapped(
	const struct carry *carry, int level, int name, void *value, socklen_t length)
{
	if (interfaces_map_option(carry->fresh, carry->new, level, name, value, length) < 0) {
		report(REPORT_DEBUG, "option %d of level %d names an interface that is not there",
			name, level);
		return 0;
	}
	return carry_set(carry, level, name, value, length);
}

static int carry_row(const struct carry *carry, const struct option_row *row)
{
	uint8_t value[READ_MAX] __attribute__((aligned(8))) = {0};
	socklen_t length = sizeof(value);

	if ((row->flags & OPTIONS_IPV6) && carry->kind->domain != AF_INET6)
		return 0;
	if (getsockopt(carry->old, row->level, row->name, value, &length) < 0 ||
		reads_as(carry->fresh, row->level, row->name, value, length) ||
		reads_as(carry->new, row->level, row->name, value, length))
		return 0;
	return carry_mapped(carry, row->level, row->name, value, length);
}

/*
 * The kernel doubles what is set and reports the double. A buffer that the program did not set
 * must not be set: that ends its automatic growth. The kernel tells by SO_BUF_LOCK (5.15).
 */
static void carry_buffer(const struct carry *carry, int name, int lock_bit)
{
	int locks = 0, size;
	socklen_t length = sizeof(int);

	if (getsockopt(carry->old, SOL_SOCKET, SO_BUF_LOCK, &locks, &length) < 0 ||
		!(locks & lock_bit))
		return;
	length = sizeof(size);
	if (getsockopt(carry->old, SOL_SOCKET, name, &size, &length) < 0 ||
		reads_as(carry->new, SOL_SOCKET, name, &size, length))
		return;
	size /= 2;
	carry_set(carry, SOL_SOCKET, name, &size, sizeof(size));
}

/* A filter attached as classic BPF can be read; its length counts instructions. */
__attribute__((noinline)) static void carry_filter(const struct carry *carry)
{
	struct sock_filter instructions[FILTER_MAX];
	struct sock_fprog program = {.filter = instructions};
	socklen_t length = 0;

	/* The journal's. */
	if (getsockopt(carry->new, SOL_SOCKET, SO_GET_FILTER, NULL, &length) == 0 && length > 0)
		return;
	length = 0;
	if (getsockopt(carry->old, SOL_SOCKET, SO_GET_FILTER, NULL, &length) < 0 || length == 0)
		return;
	if (length > FILTER_MAX) {
		report(REPORT_DEBUG, "a filter of %u instructions is not carried over", length);
		return;
	}
	if (getsockopt(carry->old, SOL_SOCKET, SO_GET_FILTER, instructions, &length) < 0)
		return;
	program.len = (unsigned short)length;
	carry_set(carry, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int carry_journaled(
	const struct carry *carry, const struct journal_option *option, void *value)
{
	struct sock_fprog program = {
		.len = (unsigned short)(option->length / sizeof(struct sock_filter)),
		.filter = value,
	};

	/* Is read back as a name, which may be set only once without a privilege. */
	if (option->level == SOL_SOCKET &&
		(option->name == SO_BINDTODEVICE || option->name == SO_BINDTOIFINDEX))
		return 0;
	switch (option->kind) {
	case JOURNAL_VALUE:
		return carry_mapped(carry, option->level, option->name, value, option->length);
	case JOURNAL_PROGRAM:
		return carry_set(carry, option->level, option->name, &program, sizeof(program));
	default:
		report(REPORT_DEBUG, "option %d of level %d cannot be carried over", option->name,
			option->level);
		return 0;
	}
}

__attribute__((noinline)) static int carry_journal(const struct carry *carry)
{
	uint8_t value[JOURNAL_ARENA] __attribute__((aligned(8)));
	struct journal_option option;
	struct journal journal;
	enum journal_outcome outcome;
	size_t position = 0;

	outcome = journal_read(socket_cookie_of(carry->old), &journal);
	if (journal.lost)
		report(REPORT_ERROR,
			"a group membership, key or program that was set on a socket may be "
			"missing there: too many sockets, options or threads at once");
	else if (journal.lossy)
		report(REPORT_DEBUG, "not all options of this socket were recorded");
	if (outcome != JOURNAL_READ)
		return 0;
	while (journal_next(&journal, &position, &option, value)) {
		int r = carry_journaled(carry, &option, value);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The default is a sysctl of each namespace, so what the program has is always set. */
static int carry_v6only(const struct carry *carry)
{
	int only;
	socklen_t length = sizeof(only);

	if (carry->kind->domain != AF_INET6 ||
		getsockopt(carry->old, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) < 0)
		return 0;
	return carry_set(carry, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
}

int options_carry(int old, int fresh, int new, const struct socket_kind *kind)
{
	struct carry carry = {.old = old, .fresh = fresh, .new = new, .kind = kind};
	int r;

	r = carry_v6only(&carry);
	if (r == 0)
		r = carry_journal(&carry);
	for (size_t i = 0; r == 0 && i < option_rows_count; i++)
		r = carry_row(&carry, &option_rows[i]);
	if (r < 0)
		return r;
	carry_buffer(&carry, SO_RCVBUF, BUF_LOCK_RECEIVE);
	carry_buffer(&carry, SO_SNDBUF, BUF_LOCK_SEND);
	carry_filter(&carry);
	return carry_row(&carry, &(struct option_row){SOL_SOCKET, SO_LOCK_FILTER, 0});
}
