/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_CLOCK_H
#define XSOCKET_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * Milliseconds of a clock (clock_gettime(2)): CLOCK_MONOTONIC, or CLOCK_MONOTONIC_COARSE, which
 * takes less time and may be some ms late.
 */
static inline uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
