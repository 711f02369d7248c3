/* SPDX-License-Identifier: MIT */
/*
 * dup3(2) puts another file behind a number in one step, so that nobody ever sees it closed. What
 * it does not keep is carried over around it:
 *
 *   before  O_NONBLOCK, owner and signal, which belong to the file, are set on the new one;
 *           epoll entries of the old one are removed. They could not be removed later: the set
 *           knows them by file and number, and where the file lives on (in a child, say) they
 *           would go on firing.
 *   after   the entries are made again with the same events and data. One that was disarmed by
 *           EPOLLONESHOT has no events left but cannot be made without EPOLLERR and EPOLLHUP; it
 *           is only reported if the socket still hangs up when somebody waits, which it does
 *           not once it listens. O_ASYNC, since the kernel remembers the number by which it was
 *           turned on and tells it to the signal's handler (si_fd).
 *
 * A second descriptor of the old file, `backup`, is kept until all is done, to undo with. It is
 * not needed where a single dup3(2) is all there is to do.
 */
#include "preload/swap.h"

#include "preload/descriptors.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/* How often dup3(2) is tried while open(2) in another thread is about to take the number. */
#define BUSY_TRIES 1000

static int registration_add(const struct descriptors_registration *entry)
{
	struct epoll_event event = {.events = entry->events, .data.u64 = entry->data};

	if (epoll_ctl(entry->epoll_fd, EPOLL_CTL_ADD, entry->fd, &event) == 0)
		return 0;
	/*
	 * EEXIST: two descriptors of one set list the same entry, and it is there already.
	 * EBADF: another thread closed the set or the socket's number, and the entry with it.
	 */
	return errno == EEXIST || errno == EBADF ? 0 : -errno;
}

static void registration_remove(const struct descriptors_registration *entry)
{
	/* ENOENT: removed by another descriptor of the same set, or by the program just now. */
	epoll_ctl(entry->epoll_fd, EPOLL_CTL_DEL, entry->fd, NULL);
}

static int replace(int fd, int by, bool cloexec)
{
	for (int tries = 0;; tries++) {
		if (dup3(by, fd, cloexec ? O_CLOEXEC : 0) >= 0)
			return 0;
		if (errno != EINTR && (errno != EBUSY || tries == BUSY_TRIES))
			return -errno;
		sched_yield();
	}
}

/* Sets on the new file what belongs to the file. */
static int carry_file(int old, int new)
{
	int flags = fcntl(old, F_GETFL), new_flags = fcntl(new, F_GETFL), signal;
	struct f_owner_ex owner;

	if (flags < 0 || new_flags < 0)
		return -errno;
	new_flags = (new_flags & ~(O_NONBLOCK | O_ASYNC)) | (flags & O_NONBLOCK);
	if (fcntl(new, F_SETFL, new_flags) < 0)
		return -errno;
	/* An owner that is gone cannot be set again, and would get no signal. */
	if (fcntl(old, F_GETOWN_EX, &owner) == 0 && owner.pid != 0)
		fcntl(new, F_SETOWN_EX, &owner);
	signal = fcntl(old, F_GETSIG);
	if (signal > 0 && fcntl(new, F_SETSIG, signal) < 0)
		return -errno;
	return 0;
}

/* dup3(2) onto a number beyond the limit would fail half way. */
static int check_limit(const struct descriptors *found)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	for (unsigned i = 0; i < found->siblings; i++) {
		if ((rlim_t)found->sibling[i].fd >= limit.rlim_cur)
			return -EMFILE;
	}
	return 0;
}

/* Puts the old file back. */
static void undo(const struct descriptors *found, int backup)
{
	for (unsigned i = 0; i < found->registrations; i++)
		registration_remove(&found->registration[i]);
	for (unsigned i = 0; i < found->siblings; i++) {
		if (found->sibling[i].replaced)
			replace(found->sibling[i].fd, backup, found->sibling[i].cloexec);
	}
	for (unsigned i = 0; i < found->registrations; i++)
		registration_add(&found->registration[i]);
}

static int replace_all(struct descriptors *found, int old, int new)
{
	for (unsigned i = 0; i < found->siblings; i++) {
		struct descriptors_sibling *sibling = &found->sibling[i];
		int r;

		/* Another thread may have closed it since, and opened something else. */
		if (!descriptors_is(found, sibling->fd)) {
			if (sibling->fd == old)
				return -EBADF;
			continue;
		}
		r = replace(sibling->fd, new, sibling->cloexec);
		if (r < 0)
			return r;
		sibling->replaced = true;
	}
	return 0;
}

static int exchange_all(struct descriptors *found, int old, int new, int backup)
{
	int r;

	for (unsigned i = 0; i < found->registrations; i++)
		registration_remove(&found->registration[i]);
	r = replace_all(found, old, new);
	for (unsigned i = 0; r == 0 && i < found->registrations; i++)
		r = registration_add(&found->registration[i]);
	if (r < 0)
		undo(found, backup);
	return r;
}

int swap_socket(int old, int new)
{
	_cleanup_fd_ int owned = new, backup = -1;
	struct descriptors found;
	int r, flags;

	r = descriptors_find(old, &found);
	if (r == 0)
		r = check_limit(&found);
	if (r == 0)
		r = carry_file(old, owned);
	if (r < 0)
		return r;
	flags = fcntl(old, F_GETFL);
	if (found.siblings > 1 || found.registrations > 0) {
		backup = fcntl(old, F_DUPFD_CLOEXEC, 0);
		if (backup < 0)
			return errno == EINVAL ? -EMFILE : -errno;
	}
	r = exchange_all(&found, old, owned, backup);
	if (r < 0)
		return r;
	if (flags & O_ASYNC)
		fcntl(old, F_SETFL, fcntl(old, F_GETFL) | O_ASYNC);
	return 0;
}
