/* SPDX-License-Identifier: MIT */
/*
 * A table in .bss. Pages that were never written cost nothing. When all slots are taken the one
 * that was unused for longest is given away, first of those that have nothing precious. What does
 * not fit into a slot's own bytes moves to pages of its own, and these go with their socket's slot.
 *
 * keys[i] is the cookie of slot i, NOBODY when it is free, and 0 when it always was: a search ends
 * there, so it is short as long as there were few sockets. A key and its slot are changed, and the
 * slot is copied, only with the slot's lock held. That is given up after LOCK_TRIES: its owner may
 * be whom this signal handler interrupted, or a thread that fork(2) left in the parent. Sockets
 * look for their slot from different places on, so that threads rarely meet.
 *
 * lost[] is a ring of cookies, which forgets the first when there are more than LOST.
 */
#include "preload/slots.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS	   256 /* as many as there are values of home_of() */
#define LOST	   256
#define LOCK_TRIES 50
#define GIVE_TRIES 8
/* The first room beyond a slot's own. */
#define SLOTS_PAGES 4096

/* Instead of a slot's number. */
#define NONE (-1)
#define BUSY (-2)

/* In place of a cookie: nobody's any more. */
#define NOBODY UINT64_MAX

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

uint8_t *slots_bytes(struct slot *slot)
{
	return slot->mapped ? slot->mapped : slot->own;
}

static void slot_unmap(struct slot *slot)
{
	int saved_errno = errno;

	if (slot->mapped)
		munmap(slot->mapped, slot->size);
	errno = saved_errno;
	slot->mapped = NULL;
	slot->size = sizeof(slot->own);
}

/* Moves to more room. errno is left alone. */
static bool slot_grow(struct slot *slot, size_t size)
{
	int saved_errno = errno;
	uint32_t bytes = SLOTS_PAGES;
	uint8_t *pages;

	while (bytes < size)
		bytes *= 2;
	if (bytes > SLOTS_BYTES)
		return false;
	pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errno = saved_errno;
	if (pages == MAP_FAILED)
		return false;
	memcpy(pages, slots_bytes(slot), slot->used);
	slot_unmap(slot);
	slot->mapped = pages;
	slot->size = bytes;
	return true;
}

uint8_t *slots_reserve(struct slot *slot, size_t length)
{
	if (length > SLOTS_BYTES)
		return NULL;
	if (slot->used + length > slot->size && !slot_grow(slot, slot->used + length))
		return NULL;
	return slots_bytes(slot) + slot->used;
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
		uint64_t key = atomic_load(&keys[i]);

		if (key == 0)
			break;
		if (key == cookie && i != except)
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

/*
 * Locks a slot that nobody has, or returns NONE. Those that are passed over are not 0 any more, so
 * that the search for what comes behind them does not end there.
 */
static int slot_take_free(uint64_t cookie)
{
	for (unsigned n = 0; n < SLOTS; n++) {
		int i = (int)((home_of(cookie) + n) % SLOTS);
		uint64_t key = 0;

		if (atomic_compare_exchange_strong(&keys[i], &key, NOBODY))
			key = NOBODY;
		if (key != NOBODY || !slot_lock(&slots[i]))
			continue;
		if (atomic_load(&keys[i]) == NOBODY)
			return i;
		slots_release(&slots[i]);
	}
	return NONE;
}

/*
 * Locks the slot that was unused for longest, of those that can be locked, and that have something
 * precious or not.
 */
static int slot_take_oldest(bool precious)
{
	uint64_t tried = 0;

	for (int tries = 0; tries < GIVE_TRIES; tries++) {
		uint64_t oldest = UINT64_MAX;
		int best = NONE;

		for (int i = 0; i < SLOTS; i++) {
			uint64_t stamp = atomic_load_explicit(&stamps[i], memory_order_relaxed);

			if (stamp > tried && stamp < oldest &&
				atomic_load_explicit(&slots[i].precious, memory_order_relaxed) ==
					precious) {
				oldest = stamp;
				best = i;
			}
		}
		if (best < 0)
			break;
		if (slot_lock(&slots[best])) {
			/* It may have been used, or given away, just before. */
			if (atomic_load(&stamps[best]) == oldest &&
				atomic_load(&slots[best].precious) == precious)
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

	if (cookie != NOBODY && slots[i].precious)
		slots_lose(cookie);
	slot_unmap(&slots[i]);
	slots[i].precious = false;
	slots[i].used = 0;
	atomic_store(&slots[i].lossy, false);
}

/* Gives a socket that has no slot a fresh one, locked; or returns NONE. */
static int slot_give(uint64_t cookie)
{
	int i = slot_take_free(cookie);

	if (i < 0)
		i = slot_take_oldest(false);
	if (i < 0)
		i = slot_take_oldest(true);
	if (i < 0)
		return NONE;
	slot_clear(i);
	atomic_store(&keys[i], cookie);
	/* Two threads may do this for one socket at once; one of them, or both, give up. */
	if (slot_find(cookie, i) < 0)
		return i;
	atomic_store(&keys[i], NOBODY);
	slots_release(&slots[i]);
	return NONE;
}

int slots_find(uint64_t cookie, struct slot **ret)
{
	int i = slot_take(cookie);

	if (i < 0)
		return i == NONE ? -ENOENT : -EBUSY;
	slot_touch(i);
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

void slots_drop(uint64_t cookie)
{
	int i = slot_take(cookie);

	if (i < 0)
		return;
	/* Nobody will miss it. */
	atomic_store(&slots[i].precious, false);
	slot_clear(i);
	atomic_store(&stamps[i], 0);
	atomic_store(&keys[i], NOBODY);
	slots_release(&slots[i]);
}
