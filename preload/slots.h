/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SLOTS_H
#define XSOCKET_PRELOAD_SLOTS_H

/*
 * Room for what is known of SLOTS sockets, by their cookies, which are never 0. For the journal
 * only: it says what is in there.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SLOTS_ARENA (1024 - 8)

struct slot {
	atomic_flag locked; /* whose the rest is */
	atomic_bool lossy;  /* something was not recorded; may be set without the lock */
	bool precious;	    /* something was recorded that nobody else knows */
	uint16_t used;
	uint8_t arena[SLOTS_ARENA];
};

/* Locks the slot of a socket. Returns 0, -ENOENT, or -EBUSY: who has it locked does not go on. */
int slots_find(uint64_t cookie, struct slot **ret);

/* The same; one that has no slot gets an empty one. Returns 0 or -EBUSY. */
int slots_get(uint64_t cookie, struct slot **ret);

void slots_release(struct slot *slot);

/* Remembers of a socket, beyond the life of its slot, that something precious was lost. */
void slots_lose(uint64_t cookie);
bool slots_lost(uint64_t cookie);

/* Whether that was remembered of so many that the first ones are forgotten. */
bool slots_forget(void);

#endif
