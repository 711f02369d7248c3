/* SPDX-License-Identifier: MIT */
/*
 * A place in a table by the socket's cookie has the cookie and the process. A child of fork(2)
 * inherits claims of threads that it does not have: another process's claim counts for nothing. A
 * child of vfork(2) may so take the place of a thread of its parent, as may another socket
 * whose cookie leads to the same place: that thread goes on without protection, and leaves the
 * place alone afterwards, since it is not its own any more.
 */
#include "preload/claims.h"

#include <stdatomic.h>
#include <unistd.h>

#define PLACES	 64
#define PID_BITS 22 /* PID_MAX_LIMIT in proc(5), pid_max */
#define PID_MASK ((UINT64_C(1) << PID_BITS) - 1)

static _Atomic uint64_t places[PLACES];

/* Cookies are counted up from 1, so that none of the bits that are lost here is in use. */
static uint64_t claim_of(uint64_t cookie)
{
	return (cookie << PID_BITS) | ((uint64_t)getpid() & PID_MASK);
}

static _Atomic uint64_t *place_of(uint64_t claim)
{
	return &places[(claim >> PID_BITS) % PLACES];
}

bool claims_take(uint64_t cookie, uint64_t *ret)
{
	uint64_t claim = claim_of(cookie), before = 0;
	_Atomic uint64_t *place = place_of(claim);

	*ret = 0;
	if (!atomic_compare_exchange_strong(place, &before, claim)) {
		if (before == claim)
			return false;
		/* Another process's, or another socket's. Whose it is now does not matter. */
		if ((before & PID_MASK) == (claim & PID_MASK) ||
			!atomic_compare_exchange_strong(place, &before, claim))
			return before != claim;
	}
	*ret = claim;
	return true;
}

void claims_release(const uint64_t *claim)
{
	uint64_t mine = *claim;

	if (mine != 0)
		atomic_compare_exchange_strong(place_of(mine), &mine, 0);
}
