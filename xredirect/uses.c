/* SPDX-License-Identifier: MIT */
/*
 * A call with an address looks at the socket, of which side it is, and then goes to the kernel.
 * Another thread must not move the socket in between. No lock can be held: the call may block for
 * as long as it likes, and signal handlers come and go. So a call first writes down what it uses,
 * in a place of its own, and then looks whether somebody is moving a socket; who moves one says so
 * first, and then looks what is written down. One of the two always sees the other:
 *
 *   the call   sees a mover: takes back what it wrote, and waits for the mover, which never waits
 *              long and is not interrupted by handlers (common/signals.h);
 *   the mover  sees calls that use its socket: waits for them a little, and then gives up. The
 *              socket is in use, be it by a call that is still on its way or by one that blocks.
 *
 * A signal handler that moves a socket may have interrupted the call that is looking at it. It
 * cannot wait for that, and tells it to look again.
 *
 * A call may never come back, and its place stays taken. That does no harm to other sockets: once
 * a call has found out which socket its descriptor is, it is known by that, and if it was cancelled
 * before, its thread is none any more. Nor does it take all places: those of threads that have
 * ended are looked for when there are no others; and where a handler has jumped out of a call, that
 * is over if the same thread makes another one from a place on the stack that is not deeper (stacks
 * grow downwards; in a handler on a stack of its own nothing can be said).
 *
 * A child of fork(2) has what was written down in its parent, and perhaps a mover, which is another
 * process.
 */
#include "xredirect/uses.h"

#include "common/cancel.h"
#include "common/cleanup.h"
#include "common/signals.h"
#include "preload/proc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Calls at a time that are written down. While there are more, no socket is moved. */
#define PLACES 4096
/* A user that nobody is, since no thread has that number: a place that is about to be cleared. */
#define FORGOTTEN 1
/* No inode number: a handler has moved the socket meanwhile. */
#define LOOK_AGAIN UINT64_MAX
/* How often a mover looks whether calls have ended, once in a millisecond. */
#define TRIES 20

struct place {
	_Atomic uint64_t user;	 /* thread and descriptor; 0: nobody */
	_Atomic uintptr_t depth; /* of the call on its stack; 0: not known yet */
	_Atomic uint64_t inode;	 /* of the socket; 0: not known yet; or LOOK_AGAIN */
};

static struct place places[PLACES];
static atomic_uint tried;    /* no place beyond has ever been used */
static atomic_uint more;     /* calls that found no place */
static _Atomic(pid_t) mover; /* the process that moves a socket, or 0 */
static _Thread_local unsigned usual __attribute__((tls_model("initial-exec")));
/* This thread is the mover, and in a handler of what it caused itself (common/signals.h). */
static _Thread_local bool moves __attribute__((tls_model("initial-exec")));

static pid_t thread_of(uint64_t user)
{
	return (pid_t)(user >> 32);
}

static int fd_of(uint64_t user)
{
	return (int)(uint32_t)user;
}

static uint64_t user_of(int fd)
{
	return (uint64_t)syscall(SYS_gettid) << 32 | (uint32_t)fd;
}

static uintptr_t depth_of(const struct use *use)
{
	return UINTPTR_MAX - (uintptr_t)use;
}

static void nap(long us)
{
	const struct timespec time = {.tv_nsec = us * 1000};

	nanosleep(&time, NULL);
}

/* Whether a call of this thread is over, since the thread is in another one now. */
static bool is_over(struct place *place, const struct use *now)
{
	stack_t stack;

	return atomic_load(&place->depth) >= depth_of(now) &&
	       (sigaltstack(NULL, &stack) < 0 || !(stack.ss_flags & SS_ONSTACK));
}

static void place_clear(struct place *place)
{
	atomic_store(&place->depth, 0);
	atomic_store(&place->inode, 0);
}

static bool place_take(unsigned number, struct use *use)
{
	struct place *place = &places[number];
	unsigned before = atomic_load(&tried);
	uint64_t other = 0;

	if (!atomic_compare_exchange_strong(&place->user, &other, use->user)) {
		if (thread_of(other) != thread_of(use->user) || !is_over(place, use))
			return false;
		place_clear(place);
		atomic_store(&place->user, use->user);
	}
	atomic_store(&place->depth, depth_of(use));
	while (before <= number && !atomic_compare_exchange_weak(&tried, &before, number + 1))
		;
	use->place = (int)number;
	usual = number;
	return true;
}

static bool place_find(struct use *use)
{
	if (place_take(usual, use))
		return true;
	for (unsigned i = 0; i < PLACES; i++) {
		if (place_take(i, use))
			return true;
	}
	return false;
}

static bool has_ended(uint64_t user)
{
	_cleanup_fd_ int fd = proc_open(PROC_TASK, thread_of(user), "/comm");

	return fd == -ENOENT;
}

/*
 * The places of threads that have ended can be taken again, when nothing of them is left. One
 * thread at a time does this.
 */
static void forget_threads(void)
{
	struct cancel cancel;

	cancel_hold(&cancel);
	for (unsigned i = 0; i < PLACES; i++) {
		uint64_t user = atomic_load(&places[i].user);

		if (user == 0 || !has_ended(user) ||
			!atomic_compare_exchange_strong(&places[i].user, &user, FORGOTTEN))
			continue;
		place_clear(&places[i]);
		atomic_store(&places[i].user, 0);
	}
	cancel_release(&cancel);
}

static void write_down(struct use *use)
{
	if (place_find(use))
		return;
	use->place = PLACES;
	if (atomic_fetch_add(&more, 1) > 0)
		return;
	forget_threads();
	if (place_find(use))
		atomic_fetch_sub(&more, 1);
}

/* Whether a socket is being moved. A mover of another process was copied by fork(2). */
static bool is_moving(void)
{
	pid_t process = atomic_load(&mover);

	return process != 0 && process == getpid();
}

/* bind(2) is no cancellation point. */
static void await_mover(void)
{
	struct cancel cancel;

	cancel_hold(&cancel);
	nap(50);
	cancel_release(&cancel);
}

void uses_begin(struct use *use, int fd)
{
	use->user = user_of(fd);
	for (;;) {
		write_down(use);
		if (!is_moving() || moves)
			return;
		uses_end(use);
		await_mover();
	}
}

void uses_end(struct use *use)
{
	int number = use->place;

	use->place = USE_NONE;
	if (number == PLACES) {
		atomic_fetch_sub(&more, 1);
	} else if (number != USE_NONE && atomic_load(&places[number].user) == use->user) {
		place_clear(&places[number]);
		atomic_store(&places[number].user, 0);
	}
}

bool uses_found(const struct use *use, uint64_t inode)
{
	uint64_t unknown = 0;

	/* Without a place nothing is moved. */
	return use->place == PLACES ||
	       atomic_compare_exchange_strong(&places[use->place].inode, &unknown, inode);
}

/* Whether it is the place of a call that this handler interrupted, and looks again. */
static bool looks_again(struct place *place, uint64_t user)
{
	uint64_t unknown = 0;

	return thread_of(user) == thread_of(user_of(0)) &&
	       atomic_compare_exchange_strong(&place->inode, &unknown, LOOK_AGAIN);
}

static bool uses(struct place *place, uint64_t user, uint64_t inode)
{
	uint64_t its = atomic_load(&place->inode);
	struct stat status;

	if (its != 0)
		return its == inode;
	return fstat(fd_of(user), &status) == 0 && status.st_ino == inode && !has_ended(user) &&
	       !looks_again(place, user);
}

static bool is_used(uint64_t inode)
{
	unsigned n = atomic_load(&tried);

	for (unsigned i = 0; i < n; i++) {
		uint64_t user = atomic_load(&places[i].user);

		if (user != 0 && uses(&places[i], user, inode))
			return true;
	}
	return atomic_load(&more) > 0;
}

/* One mover at a time. */
static void become_mover(void)
{
	pid_t process = getpid(), before = atomic_load(&mover);

	while (before == process || !atomic_compare_exchange_strong(&mover, &before, process)) {
		nap(50);
		before = atomic_load(&mover);
	}
	moves = true;
}

int uses_hold(int fd, sigset_t *ret_signals)
{
	struct stat status;

	signals_hold(ret_signals);
	become_mover();
	if (fstat(fd, &status) < 0)
		return -errno;
	for (unsigned tries = 0; is_used(status.st_ino); tries++) {
		if (tries == TRIES)
			return -EADDRNOTAVAIL;
		nap(1000);
	}
	return 0;
}

void uses_release(const sigset_t *signals)
{
	moves = false;
	atomic_store(&mover, 0);
	signals_release(signals);
}
