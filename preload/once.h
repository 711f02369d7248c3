/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_ONCE_H
#define XSOCKET_PRELOAD_ONCE_H

/*
 * Something that is made once, without a lock. Who comes while it is being made, another thread or
 * a signal handler of the same one, waits for nobody and makes do with one of its own.
 */

#include <stdatomic.h>
#include <stdbool.h>

enum once_turn {
	ONCE_DONE,   /* it is there */
	ONCE_OURS,   /* the caller is to make it, and to call once_end() */
	ONCE_OTHERS, /* somebody is about to */
};

struct once {
	atomic_int state; /* 0: nobody has begun; 1: somebody has; 2: done */
};

static inline bool once_is_done(struct once *once)
{
	return atomic_load_explicit(&once->state, memory_order_acquire) == 2;
}

static inline enum once_turn once_begin(struct once *once)
{
	int expected = 0;

	if (once_is_done(once))
		return ONCE_DONE;
	if (atomic_compare_exchange_strong(&once->state, &expected, 1))
		return ONCE_OURS;
	return expected == 2 ? ONCE_DONE : ONCE_OTHERS;
}

static inline void once_end(struct once *once)
{
	atomic_store_explicit(&once->state, 2, memory_order_release);
}

#endif
