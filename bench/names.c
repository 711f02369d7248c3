/* SPDX-License-Identifier: MIT */
/*
 * names NAME MILLISECONDS: looks a name up again and again by getaddrinfo(3), and prints the median
 * time of a look-up in microseconds.
 */
#include "bench/figures.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLS_MAX 100000

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	static double calls[CALLS_MAX];
	double end, start;
	size_t n = 0;
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: names NAME MILLISECONDS\n");
		return 2;
	}
	end = now_us() + atof(argv[2]) * 1e3;
	do {
		start = now_us();
		r = getaddrinfo(argv[1], "80", &hints, &list);
		if (r != 0) {
			fprintf(stderr, "%s: %s\n", argv[1], gai_strerror(r));
			return 1;
		}
		calls[n++] = now_us() - start;
		freeaddrinfo(list);
	} while (n < CALLS_MAX && now_us() < end);
	qsort(calls, n, sizeof(*calls), compare);
	printf("%.3f\n", calls[n / 2]);
	return 0;
}
