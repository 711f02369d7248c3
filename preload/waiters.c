/* SPDX-License-Identifier: MIT */
/*
 * Who waits in recvfrom(2) or poll(2) waits for a file, not for a number. Once another file has
 * the number, poll(2) looks at that whenever something wakes it, but nothing of the new file
 * does; recvfrom(2) does not even look. Nothing can be done about it from outside: only a signal
 * without a handler makes the kernel begin such a call anew, and no such signal can be sent to one
 * thread. So it is found out, and said.
 *
 * TCP needs none of this. An unbound socket hangs up: nobody waits for it.
 */
#include "preload/waiters.h"

#include "common/cleanup.h"
#include "preload/proc.h"
#include "preload/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* Elements of a poll(2) that are read at once. */
#define POLL_CHUNK 16

struct search {
	const struct descriptors *found;
	int self;     /* the thread that searches */
	int memory;   /* /proc/self/mem, or -1 */
	bool limited; /* whoever receives from the socket does not wait for ever */
	enum waiters result;
};

/*
 * Reads memory that another thread may take away meanwhile. Not by process_vm_readv(2): a sandbox
 * may end a program for that.
 */
static bool read_memory(const struct search *search, void *to, uint64_t from, size_t length)
{
	return pread(search->memory, to, length, (off_t)from) == (ssize_t)length;
}

static bool polls(const struct search *search, uint64_t array, uint64_t n)
{
	struct pollfd chunk[POLL_CHUNK];

	while (n > 0) {
		uint64_t now = n < POLL_CHUNK ? n : POLL_CHUNK;

		if (!read_memory(search, chunk, array, now * sizeof(chunk[0])))
			return false;
		for (uint64_t i = 0; i < now; i++) {
			if (descriptors_contain(search->found, chunk[i].fd))
				return true;
		}
		array += now * sizeof(chunk[0]);
		n -= now;
	}
	return false;
}

/* Sets are arrays of long, of which only as many exist as n bits need. */
static bool selects(const struct search *search, const uint64_t call[7])
{
	for (unsigned i = 0; i < search->found->siblings.count; i++) {
		unsigned fd = (unsigned)descriptors_sibling(search->found, i)->fd;

		for (unsigned set = 2; set <= 4 && fd < call[1]; set++) {
			uint64_t word = call[set] + fd / NFDBITS * sizeof(long);
			long bits;

			if (call[set] != 0 && read_memory(search, &bits, word, sizeof(bits)) &&
				((unsigned long)bits >> (fd % NFDBITS) & 1))
				return true;
		}
	}
	return false;
}

static enum waiters judge(const struct search *search, const uint64_t call[7])
{
	bool waits = false;

	switch (call[0]) {
#ifdef SYS_recvfrom
	case SYS_recvfrom:
	case SYS_recvmsg:
#endif
#ifdef SYS_recvmmsg
	case SYS_recvmmsg:
#endif
#ifdef SYS_recvmmsg_time64
	case SYS_recvmmsg_time64:
#endif
	case SYS_read:
	case SYS_readv:
		if (!descriptors_contain(search->found, (int)call[1]))
			return WAITERS_NONE;
		return search->limited ? WAITERS_AGAIN : WAITERS_FOREVER;
#ifdef SYS_poll
	case SYS_poll:
#endif
#ifdef SYS_ppoll_time64
	case SYS_ppoll_time64:
#endif
	case SYS_ppoll:
		waits = polls(search, call[1], call[2]);
		break;
#ifdef SYS_select
	case SYS_select:
#endif
#ifdef SYS__newselect
	case SYS__newselect:
#endif
#ifdef SYS_pselect6_time64
	case SYS_pselect6_time64:
#endif
	case SYS_pselect6:
		waits = selects(search, call);
		break;
	default:
		break;
	}
	return waits ? WAITERS_AGAIN : WAITERS_NONE;
}

bool waiters_parse(const char *line, uint64_t call[7])
{
	/* NUMBER 0xARG ... 0xARG 0xSP 0xPC; "-1 0xSP 0xPC" outside of calls; "running" */
	if (!proc_number(&line, 10, &call[0]))
		return false;
	for (unsigned i = 1; i < 7; i++) {
		if (strncmp(line, " 0x", 3) != 0)
			return false;
		line += 3;
		if (!proc_number(&line, 16, &call[i]))
			return false;
	}
	return true;
}

static int visit_thread(void *context, int directory, int thread)
{
	struct search *search = context;
	_cleanup_fd_ int file = -1;
	struct proc_lines lines;
	char line[PROC_LINE];
	enum waiters result;
	uint64_t call[7];

	(void)directory;
	if (thread == search->self)
		return 0;
	file = proc_open(PROC_TASK, thread, "/syscall");
	if (file < 0)
		return 0;
	proc_lines_init(&lines, file);
	if (proc_lines_next(&lines, line) <= 0 || !waiters_parse(line, call))
		return 0;
	result = judge(search, call);
	if (result > search->result)
		search->result = result;
	return 0;
}

static bool is_tcp(int fd)
{
	struct socket_kind kind;

	return socket_kind_of(fd, &kind) == 0 && socket_is_tcp(kind.protocol);
}

/* The directory of threads has a link for each, and two of its own. */
static bool is_single_threaded(void)
{
	struct stat status;

	return stat(PROC_TASK, &status) == 0 && status.st_nlink == 3;
}

enum waiters waiters_find(const struct descriptors *found, int fd)
{
	_cleanup_fd_ int memory = -1;
	struct search search = {.found = found};
	struct timeval limit = {0};
	socklen_t length = sizeof(limit);

	if (is_tcp(fd) || is_single_threaded())
		return WAITERS_NONE;
	search.self = (int)syscall(SYS_gettid);
	search.memory = memory = open(PROC_MEMORY, O_RDONLY | O_CLOEXEC);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &length);
	search.limited = limit.tv_sec != 0 || limit.tv_usec != 0;
	/* What cannot be found out is not worth failing for. */
	proc_walk(PROC_TASK, visit_thread, &search);
	return search.result;
}
