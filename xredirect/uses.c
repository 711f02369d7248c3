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
 * ended are looked for when there are no others; and where a handler has jumped out of a call, the
 * same thread sees that it is over: a call keeps in its frame, unchanged, which place it has, and
 * who uses that part of the stack after it writes something else there. Where on the stack, or on
 * which stack, tells nothing: handlers and coroutines have their own, above or below.
 *
 * A child of fork(2) has what was written down in its parent. It has no mover: not even one whose
 * numbers are its own, as they may be in another pid namespace. One that fork(2)'s handlers did not
 * see may have a mover, which is another process.
 */
#include "xredirect/uses.h"

#include "common/cancel.h"
#include "common/signals.h"
#include "preload/memory.h"
#include "preload/socket.h"

#include <errno.h>
#include <pthread.h>
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
	_Atomic uint64_t user;	/* thread and descriptor; 0: nobody */
	_Atomic uintptr_t call; /* its struct use; 0: not known yet */
	_Atomic uint64_t inode; /* of the socket; 0: not known yet; or LOOK_AGAIN */
};

static struct place places[PLACES];
static atomic_uint tried;      /* no place beyond has ever been used */
static atomic_uint more;       /* calls that found no place */
static _Atomic uint64_t mover; /* process and thread that move a socket, or 0 */
static _Thread_local unsigned usual __attribute__((tls_model("initial-exec")));

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

static uint64_t this_thread(void)
{
	return (uint64_t)getpid() << 32 | (uint32_t)syscall(SYS_gettid);
}

static void nap(long us)
{
	const struct timespec time = {.tv_nsec = us * 1000};

	nanosleep(&time, NULL);
}

/*
 * Whether a call of this thread is over. Its frame may be anything by now, or gone: to
 * AddressSanitizer it is a mistake to look there.
 */
__attribute__((no_sanitize("address"))) static bool is_over(
	struct place *place, const struct use *now)
{
	const volatile struct use *then = (const struct use *)atomic_load(&place->call);

	if (!then || then == now)
		return then;
	return memory_readable((const void *)then, sizeof(*then)) != sizeof(*then) ||
	       then->place != place - places || then->user != atomic_load(&place->user);
}

static void place_clear(struct place *place)
{
	atomic_store(&place->call, 0);
	atomic_store(&place->inode, 0);
}

static bool place_take(unsigned number, struct use *use)
{
	struct place *place = &places[number];
	unsigned before = atomic_load(&tried);
	uint64_t other = 0;

	/* First of all: a handler may look at it as soon as the place is taken. */
	use->place = (int)number;
	if (!atomic_compare_exchange_strong(&place->user, &other, use->user)) {
		if (thread_of(other) != thread_of(use->user) || !is_over(place, use))
			return false;
		place_clear(place);
		atomic_store(&place->user, use->user);
	}
	atomic_store(&place->call, (uintptr_t)use);
	while (before <= number && !atomic_compare_exchange_weak(&tried, &before, number + 1))
		;
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

/* Not by /proc, which may be that of another pid namespace. */
static bool has_ended(uint64_t user)
{
	return syscall(SYS_tgkill, getpid(), thread_of(user), 0) < 0 && errno == ESRCH;
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

/* A mover of another process was copied by fork(2). */
static bool is_of_process(uint64_t who)
{
	return who != 0 && (pid_t)(who >> 32) == getpid();
}

static void child_begins(void)
{
	atomic_store(&mover, 0);
}

__attribute__((constructor(102))) static void uses_init(void)
{
	pthread_atfork(NULL, NULL, child_begins);
}

/*
 * Whether a socket is being moved; not by this thread itself, which is in a handler of what it
 * caused (common/signals.h).
 */
static bool is_moving(void)
{
	uint64_t who = atomic_load(&mover);

	return is_of_process(who) && who != this_thread();
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
		if (!is_moving())
			return;
		uses_end(use);
		await_mover();
	}
}

void uses_end(struct use *use)
{
	struct place *place = &places[use->place < 0 ? 0 : use->place % PLACES];
	uint64_t user = use->user;

	if (use->place == PLACES) {
		atomic_fetch_sub(&more, 1);
	} else if (use->place != USE_NONE && atomic_load(&place->user) == user) {
		place_clear(place);
		atomic_compare_exchange_strong(&place->user, &user, 0);
	}
	/* Last of all: until then the place is this call's. */
	use->place = USE_NONE;
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

/*
 * What fd is at this moment is told by its cookie: to ThreadSanitizer it is a mistake of the
 * program to call fstat(2) where another thread may close it.
 */
static bool uses(struct place *place, uint64_t user, uint64_t inode, uint64_t cookie)
{
	uint64_t its = atomic_load(&place->inode);

	if (its != 0)
		return its == inode;
	return cookie_of_socket(fd_of(user)) == cookie && !has_ended(user) &&
	       !looks_again(place, user);
}

static bool is_used(uint64_t inode, uint64_t cookie)
{
	unsigned n = atomic_load(&tried);

	for (unsigned i = 0; i < n; i++) {
		uint64_t user = atomic_load(&places[i].user);

		if (user != 0 && uses(&places[i], user, inode, cookie))
			return true;
	}
	return atomic_load(&more) > 0;
}

/* One mover at a time. Returns false where this thread is it already. */
static bool become_mover(void)
{
	uint64_t self = this_thread(), before = atomic_load(&mover);

	while (before != self &&
		(is_of_process(before) || !atomic_compare_exchange_strong(&mover, &before, self))) {
		nap(50);
		before = atomic_load(&mover);
	}
	return before != self;
}

int uses_hold(struct hold *ret, int fd)
{
	uint64_t cookie = cookie_of_socket(fd);
	struct stat status;

	signals_hold(&ret->signals);
	ret->outermost = become_mover();
	if (fstat(fd, &status) < 0)
		return -errno;
	for (unsigned tries = 0; is_used(status.st_ino, cookie); tries++) {
		if (tries == TRIES)
			return -EADDRNOTAVAIL;
		nap(1000);
	}
	return 0;
}

void uses_release(const struct hold *hold)
{
	if (hold->outermost)
		atomic_store(&mover, 0);
	signals_release(&hold->signals);
}
