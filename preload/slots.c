/* SPDX-License-Identifier: MIT */
/*
 * A table in .bss. Pages that were never written cost nothing. When all slots are taken the one
 * that was unused for longest is given away.
 *
 * keys[i] is the cookie of slot i, 0 when it is free. A key and its slot are changed, and the slot
 * is copied, only with the slot's lock held. That is given up after LOCK_TRIES: its owner may be
 * whom this signal handler interrupted, or a thread that fork(2) left in the parent. Sockets look
 * for their slot from different places on, so that threads rarely meet.
 *
 * lost[] is a ring of cookies, which forgets the first when there are more than LOST.
 */
#include "preload/slots.h"

#include <errno.h>
#include <sched.h>

#define SLOTS	   256 /* as many as there are values of home_of() */
#define LOST	   256
#define LOCK_TRIES 50
#define GIVE_TRIES 8

/* Instead of a slot's number. */
#define NONE (-1)
#define BUSY (-2)

static _Atomic uint64_t keys[SLOTS];
static _Atomic uint64_t stamps[SLOTS]; /* when it was last used, by clock_now */
static _Atomic uint64_t clock_now;
static struct slot slots[SLOTS];
static _Atomic uint64_t lost[LOST];
static _Atomic uint64_t lost_next;

bool slots_forget(void)
{
	return atomic_load_explicit(&lost_next, memory_order_relaxed) > LOST;
}

bool slots_lost(uint64_t cookie)
{
	for (int i = 0; i < LOST; i++) {
		if (atomic_load_explicit(&lost[i], memory_order_relaxed) == cookie)
			return true;
	}
	return false;
}

void slots_lose(uint64_t cookie)
{
	uint64_t i;

	if (slots_lost(cookie))
		return;
	i = atomic_fetch_add_explicit(&lost_next, 1, memory_order_relaxed) % LOST;
	atomic_store_explicit(&lost[i], cookie, memory_order_relaxed);
}

static bool slot_lock(struct slot *slot)
{
	return !atomic_flag_test_and_set_explicit(&slot->locked, memory_order_acquire);
}

void slots_release(struct slot *slot)
{
	atomic_flag_clear_explicit(&slot->locked, memory_order_release);
}

/* Gives the thread that has it locked, if there is one, a chance to go on. */
static bool slot_lock_patiently(struct slot *slot)
{
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (slot_lock(slot))
			return true;
		sched_yield();
	}
	return false;
}

static void slot_touch(int i)
{
	uint64_t now = atomic_fetch_add_explicit(&clock_now, 1, memory_order_relaxed) + 1;

	atomic_store_explicit(&stamps[i], now, memory_order_relaxed);
}

/* Where a socket begins to look for a slot. Cookies are consecutive, or nearly. */
static unsigned home_of(uint64_t cookie)
{
	return (unsigned)((cookie * 0x9e3779b97f4a7c15) >> 56);
}

/* Another slot than `except` that has that key, or NONE. */
static int slot_find(uint64_t cookie, int except)
{
	for (unsigned n = 0; n < SLOTS; n++) {
		int i = (int)((home_of(cookie) + n) % SLOTS);

		if (i != except && atomic_load(&keys[i]) == cookie)
			return i;
	}
	return NONE;
}

/* Locks the slot of a socket. NONE: it has none, BUSY: somebody else has it locked. */
static int slot_take(uint64_t cookie)
{
	int i = slot_find(cookie, NONE);

	if (i < 0)
		return NONE;
	if (!slot_lock_patiently(&slots[i])) {
		atomic_store(&slots[i].lossy, true);
		return BUSY;
	}
	/* It may have been given away just before. */
	if (atomic_load(&keys[i]) != cookie) {
		slots_release(&slots[i]);
		return NONE;
	}
	return i;
}

/* Locks a slot that nobody has, or returns NONE. */
static int slot_take_free(uint64_t cookie)
{
	for (unsigned n = 0; n < SLOTS; n++) {
		int i = (int)((home_of(cookie) + n) % SLOTS);

		if (atomic_load(&keys[i]) != 0 || !slot_lock(&slots[i]))
			continue;
		if (atomic_load(&keys[i]) == 0)
			return i;
		slots_release(&slots[i]);
	}
	return NONE;
}

/* Locks the slot that was unused for longest, of those that can be locked. */
static int slot_take_oldest(void)
{
	uint64_t tried = 0;

	for (int tries = 0; tries < GIVE_TRIES; tries++) {
		uint64_t oldest = UINT64_MAX;
		int best = NONE;

		for (int i = 0; i < SLOTS; i++) {
			uint64_t stamp = atomic_load_explicit(&stamps[i], memory_order_relaxed);

			if (stamp > tried && stamp < oldest) {
				oldest = stamp;
				best = i;
			}
		}
		if (best < 0)
			break;
		if (slot_lock(&slots[best])) {
			/* It may have been used, or given away, just before. */
			if (atomic_load(&stamps[best]) == oldest)
				return best;
			slots_release(&slots[best]);
		}
		tried = oldest;
	}
	return NONE;
}

/* Takes a slot from the socket that it belongs to. */
static void slot_clear(int i)
{
	uint64_t cookie = atomic_load(&keys[i]);

	if (cookie != 0 && slots[i].precious)
		slots_lose(cookie);
	slots[i].precious = false;
	slots[i].used = 0;
	atomic_store(&slots[i].lossy, false);
}

/* Gives a socket that has no slot a fresh one, locked; or returns NONE. */
static int slot_give(uint64_t cookie)
{
	int i = slot_take_free(cookie);

	if (i < 0)
		i = slot_take_oldest();
	if (i < 0)
		return NONE;
	slot_clear(i);
	atomic_store(&keys[i], cookie);
	/* Two threads may do this for one socket at once; one of them, or both, give up. */
	if (slot_find(cookie, i) < 0)
		return i;
	atomic_store(&keys[i], 0);
	slots_release(&slots[i]);
	return NONE;
}

int slots_find(uint64_t cookie, struct slot **ret)
{
	int i = slot_take(cookie);

	if (i < 0)
		return i == NONE ? -ENOENT : -EBUSY;
	*ret = &slots[i];
	return 0;
}

int slots_get(uint64_t cookie, struct slot **ret)
{
	for (int tries = 0; tries < GIVE_TRIES; tries++) {
		int i = slot_take(cookie);

		if (i == NONE)
			i = slot_give(cookie);
		if (i == BUSY)
			break;
		if (i == NONE)
			continue;
		slot_touch(i);
		*ret = &slots[i];
		return 0;
	}
	return -EBUSY;
}
