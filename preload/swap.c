/* SPDX-License-Identifier: MIT */
/*
 * dup3(2) puts another file behind a number in one step, so that nobody ever sees it closed. What
 * it does not keep is carried over around it:
 *
 *   before  O_NONBLOCK, owner and signal, which belong to the file, are set on the new one;
 *           epoll entries of the old one are removed. They could not be removed later: the set
 *           knows them by file and number, and where the file lives on (in a child, say) they
 *           would go on firing.
 *   after   the entries are made again with the same events and data: those that were removed,
 *           since another thread may have been faster. O_ASYNC, since the kernel remembers the
 *           number by which it was turned on and tells it to the signal's handler (si_fd).
 *
 * An entry that is made again is told what the socket is ready for, once. So is one with EPOLLET
 * that had been told already, and one that EPOLLONESHOT had disarmed (it has no events left but
 * cannot be made without EPOLLERR and EPOLLHUP), if the socket still hangs up when somebody
 * waits, which it does not once it listens. Nothing shows who has been told.
 *
 * An entry that was registered by a number that is closed since can only be changed by that
 * number. It is lent: the socket gets this number for as long as it takes. If it is in use, nothing
 * can be done for the entry, which might hang up for ever where another process keeps the old file:
 * then bind(2) fails.
 *
 * A second descriptor of the old file, `backup`, is kept until all is done, to undo with. It is
 * not needed where a single dup3(2) is all there is to do.
 *
 * Requests that an io_uring has begun keep the old file, and cannot be told to let go. Whether
 * there are any shows afterwards: `watch` is an epoll set of our own, and loses its entry when the
 * old file is freed.
 *
 * The one thing that cannot be made safe: a thread that closes a duplicate between the look at it
 * and dup3(2) next finds it open again. The two calls follow each other directly.
 */
#include "preload/swap.h"

#include "preload/claims.h"
#include "preload/descriptors.h"
#include "preload/journal.h"
#include "preload/report.h"
#include "preload/socket.h"
#include "preload/uring.h"
#include "preload/waiters.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often dup3(2) is tried while open(2) in another thread is about to take the number. */
#define BUSY_TRIES 1000

struct swap {
	struct descriptors found;
	int old, new, backup;
	int flags; /* of the old file */
	int watch; /* an epoll set that the old file is in, or -1 */
	enum waiters waiters;
};

static int registration_add(const struct descriptors_registration *entry)
{
	struct epoll_event event = {.events = entry->events, .data.u64 = entry->data};

	if (!entry->removed || epoll_ctl(entry->epoll_fd, EPOLL_CTL_ADD, entry->fd, &event) == 0)
		return 0;
	/*
	 * EEXIST: another thread added it meanwhile.
	 * EBADF: it closed the set or the socket's number, and the entry with it.
	 */
	return errno == EEXIST || errno == EBADF ? 0 : -errno;
}

static void registration_remove(struct descriptors_registration *entry)
{
	/* ENOENT: removed by another descriptor of the same set, or by the program just now. */
	entry->removed = epoll_ctl(entry->epoll_fd, EPOLL_CTL_DEL, entry->fd, NULL) == 0;
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
static int carry_file(struct swap *swap)
{
	struct f_owner_ex owner;
	int signal;

	swap->flags = fcntl(swap->old, F_GETFL);
	/* O_NOATIME means nothing here, and is the owner's to set, who is the broker. */
	if (swap->flags < 0 || fcntl(swap->new, F_SETFL, swap->flags & ~(O_ASYNC | O_NOATIME)) < 0)
		return -errno;
	/*
	 * A fresh file has F_OWNER_TID and nobody. An owner that is gone cannot be set again, and
	 * would get no signal.
	 */
	if (fcntl(swap->old, F_GETOWN_EX, &owner) == 0 &&
		(owner.pid != 0 || owner.type != F_OWNER_TID))
		fcntl(swap->new, F_SETOWN_EX, &owner);
	signal = fcntl(swap->old, F_GETSIG);
	if (signal > 0 && fcntl(swap->new, F_SETSIG, signal) < 0)
		return -errno;
	return 0;
}

/* dup3(2) onto a number beyond the limit would fail half way. */
static int check_limit(const struct descriptors *found)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	for (unsigned i = 0; i < found->siblings.count; i++) {
		if ((rlim_t)descriptors_sibling(found, i)->fd >= limit.rlim_cur)
			return -EMFILE;
	}
	return 0;
}

/* Nobody but us has replaced or bound it since it was looked at. */
static int check_untouched(int fd, int port)
{
	int now = socket_port_of(fd);

	return now < 0 ? now : now == port ? 0 : -EINVAL;
}

/* The number of a stale entry may well be the one that the new socket got. */
static int make_room(struct swap *swap, int number)
{
	int fd;

	if (swap->new != number)
		return 0;
	fd = fcntl(swap->new, F_DUPFD_CLOEXEC, number + 1);
	if (fd < 0)
		return errno == EINVAL ? -EMFILE : -errno;
	close_fd(&swap->new);
	swap->new = fd;
	return 0;
}

/* Makes the number of a stale entry one of the socket's. */
static int lend(struct swap *swap, int number)
{
	struct descriptors_sibling sibling = {.fd = number, .cloexec = true, .lent = true};
	_cleanup_fd_ int fd = -1;
	int r = make_room(swap, number);

	if (r < 0)
		return r;
	fd = fcntl(swap->old, F_DUPFD_CLOEXEC, number);
	if (fd < 0 && errno == EMFILE)
		return -EMFILE;
	if (fd != number)
		return -EADDRNOTAVAIL;
	r = descriptors_add(&swap->found, &sibling);
	if (r == 0)
		steal_fd(&fd);
	return r;
}

static int lend_all(struct swap *swap)
{
	struct descriptors *found = &swap->found;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < found->registrations.count; i++) {
		const struct descriptors_registration *entry = descriptors_registration(found, i);

		if (entry->stale && !descriptors_contain(found, entry->fd))
			r = lend(swap, entry->fd);
	}
	return r;
}

static void take_back(const struct descriptors *found)
{
	for (unsigned i = 0; i < found->siblings.count; i++) {
		if (descriptors_sibling(found, i)->lent)
			close(descriptors_sibling(found, i)->fd);
	}
}

static void remove_all(const struct descriptors *found)
{
	for (unsigned i = 0; i < found->registrations.count; i++)
		registration_remove(descriptors_registration(found, i));
}

static int add_all(const struct descriptors *found)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < found->registrations.count; i++)
		r = registration_add(descriptors_registration(found, i));
	return r;
}

static int replace_all(const struct swap *swap)
{
	for (unsigned i = 0; i < swap->found.siblings.count; i++) {
		struct descriptors_sibling *sibling = descriptors_sibling(&swap->found, i);
		int r;

		/* Another thread may have closed it since, and opened something else. */
		if (!descriptors_is(&swap->found, sibling->fd)) {
			if (sibling->fd == swap->old)
				return -EBADF;
			continue;
		}
		r = replace(sibling->fd, swap->new, sibling->cloexec);
		if (r < 0)
			return r;
		sibling->replaced = true;
	}
	return 0;
}

/* Puts the old file back. */
static void undo(const struct swap *swap)
{
	const struct descriptors *found = &swap->found;
	struct stat status;

	for (unsigned i = 0; i < found->registrations.count; i++) {
		const struct descriptors_registration *entry = descriptors_registration(found, i);

		if (entry->removed)
			epoll_ctl(entry->epoll_fd, EPOLL_CTL_DEL, entry->fd, NULL);
	}
	for (unsigned i = 0; i < found->siblings.count; i++) {
		const struct descriptors_sibling *sibling = descriptors_sibling(found, i);

		if (sibling->replaced)
			replace(sibling->fd, swap->backup, sibling->cloexec);
	}
	add_all(found);
	if (found->uring && fstat(swap->new, &status) == 0)
		uring_exchange(found, status.st_ino, swap->backup);
}

/* What is to be kept until all is done. */
static int prepare(struct swap *swap)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};

	if (swap->found.siblings.count > 1 || swap->found.watchers.count > 0) {
		swap->backup = fcntl(swap->old, F_DUPFD_CLOEXEC, 0);
		if (swap->backup < 0)
			return errno == EINVAL ? -EMFILE : -errno;
	}
	if (swap->found.uring) {
		swap->watch = epoll_create1(EPOLL_CLOEXEC);
		if (swap->watch < 0 ||
			epoll_ctl(swap->watch, EPOLL_CTL_ADD, swap->backup, &event) < 0)
			close_fd(&swap->watch);
	}
	return 0;
}

/* All that is done to the program's descriptors, or nothing. */
static int exchange(struct swap *swap)
{
	int r;

	remove_all(&swap->found);
	r = replace_all(swap);
	if (r == 0)
		r = add_all(&swap->found);
	if (r == 0)
		r = uring_exchange(&swap->found, swap->found.inode, swap->new);
	if (r < 0)
		undo(swap);
	return r;
}

/* An unbound socket is always ready to be written to, or hangs up. */
static void find_lost(struct swap *swap, struct swap_lost *ret)
{
	struct epoll_event event;

	ret->thread = swap->waiters == WAITERS_AGAIN;
	close_fd(&swap->backup);
	ret->uring = swap->watch >= 0 && epoll_wait(swap->watch, &event, 1, 0) == 1;
}

void swap_report(const struct swap_lost *lost)
{
	if (lost->thread)
		report(REPORT_ERROR,
			"another thread waits for the socket that was moved just now, and gets "
			"nothing until it calls poll(2), select(2) or recv(2) again");
	if (lost->uring)
		report(REPORT_ERROR,
			"an io_uring has requests, it seems, for the socket that was moved just "
			"now, and never answers them: the program must bind or connect it first");
}

static int swap_claimed(struct swap *swap, uint64_t cookie, int port, struct swap_lost *ret)
{
	int r = check_untouched(swap->old, port);

	if (r == 0)
		r = descriptors_find(swap->old, cookie, &swap->found);
	if (r == 0 && !descriptors_contain(&swap->found, swap->old))
		r = -EINVAL;
	if (r == 0)
		r = check_limit(&swap->found);
	if (r == 0)
		r = carry_file(swap);
	if (r == 0)
		swap->waiters = waiters_find(&swap->found, swap->old);
	if (r == 0 && swap->waiters == WAITERS_FOREVER)
		r = -EADDRNOTAVAIL;
	/* First of all these, so that our own descriptors do not take the numbers. */
	if (r == 0)
		r = lend_all(swap);
	if (r == 0)
		r = prepare(swap);
	if (r == 0)
		r = exchange(swap);
	take_back(&swap->found);
	if (r < 0)
		return r;
	if (swap->flags & O_ASYNC)
		fcntl(swap->old, F_SETFL, fcntl(swap->old, F_GETFL) | O_ASYNC);
	find_lost(swap, ret);
	return 0;
}

int swap_socket(int old, uint64_t cookie, int port, int new, struct swap_lost *ret)
{
	_cleanup_claim_ uint64_t claim = 0;
	struct swap swap = {.old = old, .new = new, .backup = -1, .watch = -1};
	uint64_t now = cookie_of_socket(old);
	int r = now == 0 ? -errno : -EINVAL;

	*ret = (struct swap_lost){0};
	if (now != 0 && now == cookie && claims_take(cookie, &claim))
		r = swap_claimed(&swap, cookie, port, ret);
	if (r == 0)
		journal_forget(cookie);
	descriptors_release(&swap.found);
	close_fd(&swap.watch);
	close_fd(&swap.backup);
	close_fd(&swap.new);
	return r;
}
