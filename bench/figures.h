/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BENCH_FIGURES_H
#define XSOCKET_BENCH_FIGURES_H

/* For programs that take the time of calls: the clock, and an order to find medians by. */

#include <time.h>

static inline double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline double now_s(void)
{
	return now_us() / 1e6;
}

/* Of doubles, for qsort(3). */
static inline int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

#endif
