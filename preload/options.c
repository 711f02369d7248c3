/* SPDX-License-Identifier: MIT */
/*
 * Two sources are combined, since each misses something.
 *
 * Reading back finds what was set in whatever way: before the library was loaded, by a parent, by
 * a bare system call, and what options did to each other (IP_TOS changes SO_PRIORITY). Only what
 * is not as on a fresh socket is carried. Where that depends on the namespace, a fresh socket of
 * the program's own one tells it: equal values are that namespace's defaults, and the new socket
 * has its own namespace's.
 *
 * The journal has what went through setsockopt(3) and does not read back as it was set or not at
 * all (memberships, keys, programs, buffer sizes), or was set to what is usual in the program's
 * namespace, and may not be so in the other one. It comes second: a program for a group of
 * sockets needs SO_REUSEPORT.
 *
 * SO_LOCK_FILTER is last, since nothing can be attached after that.
 */
#include "preload/options.h"

#include "common/cleanup.h"
#include "preload/bpf.h"
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
#include <sys/mman.h>

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#define BUF_LOCK_SEND	 1
#define BUF_LOCK_RECEIVE 2

/* The longest readable one is IP_OPTIONS with 40 bytes. */
#define READ_MAX 64

struct carry {
	int old, fresh, new;
	const struct socket_kind *kind;
	bool filtered; /* the journal had a filter */
};

static bool reads_as(int fd, int level, int name, const void *value, socklen_t length)
{
	uint8_t there[READ_MAX] = {0};
	socklen_t there_length = sizeof(there);

	return getsockopt(fd, level, name, there, &there_length) == 0 && there_length == length &&
	       memcmp(there, value, length) == 0;
}

/*
 * Tells of an option that cannot be set there. Returns 0, or the negative errno where bind(2) is to
 * fail for it.
 */
static int carry_failed(int level, int name, int error)
{
	const char *text;
	char unknown[16];

	switch (option_weight(level, name, &text)) {
	case OPTION_MUST:
		report(REPORT_ERROR, "%s, which the program set, cannot be set there: %s%s", text,
			report_strerror(error, unknown),
			error == ENODEV ? "; let the program use an interface, or the address, "
					  "of the broker's namespace"
					: "");
		return -error;
	case OPTION_TELL:
		report(REPORT_ERROR,
			"%s, which the program set, cannot be set there: %s; the socket goes "
			"without",
			text,
			error == ENODEV ? "no such interface or route"
					: report_strerror(error, unknown));
		return 0;
	default:
		report(REPORT_DEBUG, "option %d of level %d is not carried over: %s", name, level,
			report_strerror(error, unknown));
		return 0;
	}
}

/* Sets one option on the new socket. Returns 0, or a negative errno for those that must be set. */
static int carry_set(
	const struct carry *carry, int level, int name, const void *value, socklen_t length)
{
	int error;

	if (next_setsockopt(carry->new, level, name, value, length) == 0)
		return 0;
	error = errno;
	/* Setting SO_MARK to the 0 that it has takes a privilege, too. */
	if (reads_as(carry->new, level, name, value, length))
		return 0;
	return carry_failed(level, name, error);
}

static int carry_mapped(
	const struct carry *carry, int level, int name, void *value, socklen_t length)
{
	int r;

	r = interfaces_map_option(carry->fresh, carry->new, level, name, value, length);
	return r < 0 ? carry_failed(level, name, -r) : carry_set(carry, level, name, value, length);
}

/* Options of another protocol are not asked for, only to be told so. */
static bool row_applies(const struct option_row *row, const struct socket_kind *kind)
{
	switch (row->level) {
	case IPPROTO_TCP:
		return socket_is_tcp(kind->protocol);
	case IPPROTO_UDP:
		return kind->protocol == IPPROTO_UDP || kind->protocol == IPPROTO_UDPLITE;
	case IPPROTO_UDPLITE:
		return kind->protocol == IPPROTO_UDPLITE;
	default:
		return !(row->flags & OPTIONS_IPV6) || kind->domain == AF_INET6;
	}
}

/* Whether nobody needs to set it, as the new socket has what is usual there. */
static bool is_usual(const struct carry *carry, const struct option_row *row, const void *value,
	socklen_t length)
{
	if (row->flags & OPTIONS_AFTER)
		return false;
	return option_is_fresh(row, value, length) ||
	       reads_as(carry->fresh, row->level, row->name, value, length);
}

static int carry_row(const struct carry *carry, const struct option_row *row)
{
	uint8_t value[READ_MAX] __attribute__((aligned(8))) = {0};
	socklen_t length = sizeof(value);

	if (!row_applies(row, carry->kind) ||
		getsockopt(carry->old, row->level, row->name, value, &length) < 0 ||
		is_usual(carry, row, value, length) ||
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

/* Reads the filter of so many instructions, in memory of its own, and attaches it. */
static int copy_filter(const struct carry *carry, socklen_t instructions)
{
	size_t size = instructions * sizeof(struct sock_filter);
	struct sock_fprog program = {.len = (unsigned short)instructions};
	int r = 0;

	program.filter =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (program.filter == MAP_FAILED)
		return -errno;
	if (getsockopt(carry->old, SOL_SOCKET, SO_GET_FILTER, program.filter, &instructions) < 0 ||
		next_setsockopt(
			carry->new, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		r = -errno;
	munmap(program.filter, size);
	return r;
}

/* A filter attached as classic BPF can be read; its length counts instructions. */
static void carry_filter(const struct carry *carry)
{
	socklen_t length = 0;
	int r;

	/* The journal's, if there was one. */
	if (carry->filtered)
		return;
	if (getsockopt(carry->old, SOL_SOCKET, SO_GET_FILTER, NULL, &length) < 0) {
		/* An eBPF program, which nobody can read (net/core/filter.c, sk_get_filter). */
		if (errno == EACCES)
			carry_failed(SOL_SOCKET, SO_ATTACH_BPF, EACCES);
		return;
	}
	r = length > 0 ? copy_filter(carry, length) : 0;
	if (r < 0)
		carry_failed(SOL_SOCKET, SO_ATTACH_FILTER, -r);
}

/* Attaches a program once more. Returns 0 or a negative errno. */
static int carry_bpf(const struct carry *carry, int name, const struct bpf_reference *reference)
{
	_cleanup_fd_ int fd = bpf_reopen(reference);

	if (fd < 0)
		return fd;
	return next_setsockopt(carry->new, SOL_SOCKET, name, &fd, sizeof(fd)) < 0 ? -errno : 0;
}

static int carry_program(
	const struct carry *carry, const struct journal_option *option, void *value)
{
	struct sock_fprog program = {
		.len = (unsigned short)(option->length / sizeof(struct sock_filter)),
		.filter = value,
	};

	return next_setsockopt(carry->new, SOL_SOCKET, option->name, &program, sizeof(program)) < 0
		       ? -errno
		       : 0;
}

static int carry_journaled(struct carry *carry, const struct journal_option *option, void *value)
{
	const struct option_row *row;
	int r;

	switch (option->kind) {
	case JOURNAL_VALUE:
		r = carry_mapped(carry, option->level, option->name, value, option->length);
		row = option_row_of(option->level, option->name);
		/* It may have been set once more, in a way that is not seen. */
		return r == 0 && row ? carry_row(carry, row) : r;
	case JOURNAL_PROGRAM:
		r = carry_program(carry, option, value);
		break;
	case JOURNAL_BPF:
		r = carry_bpf(carry, option->name, value);
		break;
	default:
		/* That can still be read back. */
		if (option->level == SOL_SOCKET && option->name == SO_ATTACH_FILTER)
			return 0;
		r = -EOPNOTSUPP;
	}
	carry->filtered = carry->filtered || option->name == SO_ATTACH_FILTER ||
			  option->name == SO_ATTACH_BPF;
	return r < 0 ? carry_failed(option->level, option->name, -r) : 0;
}

static int carry_all_journaled(struct carry *carry, struct journal *journal)
{
	struct journal_option option;
	size_t position = 0;
	void *value;
	int r = 0;

	while (r == 0 && journal_next(journal, &position, &option, &value))
		r = carry_journaled(carry, &option, value);
	return r;
}

__attribute__((noinline)) static int carry_journal(struct carry *carry)
{
	struct journal journal;
	int r;

	journal_read(cookie_of_socket(carry->old), &journal);
	if (journal.lost)
		report(REPORT_ERROR,
			"a group membership, key or program that was set on a socket may be "
			"missing there: too many sockets, options or threads at once");
	else if (journal.lossy)
		report(REPORT_DEBUG, "not all options of this socket were recorded");
	r = carry_all_journaled(carry, &journal);
	journal_free(&journal);
	return r;
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
	for (size_t i = 0; r == 0 && i < option_rows_count; i++)
		r = carry_row(&carry, &option_rows[i]);
	if (r == 0)
		r = carry_journal(&carry);
	if (r < 0)
		return r;
	carry_buffer(&carry, SO_RCVBUF, BUF_LOCK_RECEIVE);
	carry_buffer(&carry, SO_SNDBUF, BUF_LOCK_SEND);
	carry_filter(&carry);
	return carry_row(&carry, &(struct option_row){SOL_SOCKET, SO_LOCK_FILTER, 0});
}
