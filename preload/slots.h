/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SLOTS_H
#define XSOCKET_PRELOAD_SLOTS_H

/*
 * Room for what is known of SLOTS sockets, by their cookies, which are never 0. For the journal
 * only: it says what is in there.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS_OWN   (1024 - 32) /* bytes that a slot has without asking the kernel for more */
#define SLOTS_BYTES (64 * 1024) /* that it has at the most */

struct slot {
	atomic_flag locked;   /* whose the rest is */
	atomic_bool lossy;    /* something was not recorded; may be set without the lock */
	atomic_bool precious; /* something was recorded that nobody else knows */
	uint32_t used, size;
	uint8_t *mapped; /* NULL: own */
	uint8_t own[SLOTS_OWN] __attribute__((aligned(8)));
};

/* Locks the slot of a socket. Returns 0, -ENOENT, or -EBUSY: who has it locked does not go on. */
int slots_find(uint64_t cookie, struct slot **ret);

/* The same; one that has no slot gets an empty one. Returns 0 or -EBUSY. */
int slots_get(uint64_t cookie, struct slot **ret);

/* Frees the slot of a socket that is no more. One that is locked will be given away in time. */
void slots_drop(uint64_t cookie);

void slots_release(struct slot *slot);

/* What is in it: slot->used bytes, aligned for any option. */
uint8_t *slots_bytes(struct slot *slot);

/* Makes room for so many bytes behind those in use; NULL where there is none. */
uint8_t *slots_reserve(struct slot *slot, size_t length);

/* Remembers of a socket, beyond the life of its slot, that something precious was lost. */
void slots_lose(uint64_t cookie);
bool slots_lost(uint64_t cookie);

/* Whether that was remembered of so many that the first ones are forgotten. */
bool slots_forget(void);

#endif
