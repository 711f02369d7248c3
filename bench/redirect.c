/* SPDX-License-Identifier: MIT */
/*
 * What socket(2) costs under libxredirect, against the bare system call in the same process.
 *
 *   LD_PRELOAD=libxredirect.so XREDIRECT=SERVER [XREDIRECT_POOL=N] redirect [ROUNDS [MILLISECONDS]]
 *
 * In each round each way runs for some milliseconds with 1 and 8 processes at once. Printed are, as
 * medians over the rounds with their spread: the rate of socket() and close() against the native
 * one, and the median time of socket() alone against that of a native call, of the first process.
 */
#include "bench/figures.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX 64
#define PROCESSES  8
#define CALLS_MAX  100000

static int native(void)
{
	return (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int redirected(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int (*const ways[])(void) = {native, redirected};

struct shared {
	atomic_uint ready, failed;
	atomic_bool go, stop;
	_Atomic long long operations;
	double median_us; /* of the first process */
};

struct result {
	double rate, median_us;
};

static void child(struct shared *shared, unsigned index, int (*way)(void))
{
	static double calls[CALLS_MAX];
	long long operations = 0;

	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load(&shared->go))
		sched_yield();
	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		double start = now_us();
		int fd = way();

		if (operations < CALLS_MAX)
			calls[operations] = now_us() - start;
		if (fd < 0) {
			perror("socket");
			atomic_fetch_add(&shared->failed, 1);
			_exit(1);
		}
		close(fd);
		operations++;
	}
	atomic_fetch_add(&shared->operations, operations);
	if (index == 0 && operations > 0) {
		size_t n = operations < CALLS_MAX ? (size_t)operations : CALLS_MAX;

		qsort(calls, n, sizeof(*calls), compare);
		shared->median_us = calls[n / 2];
	}
	_exit(0);
}

static struct result measure(
	struct shared *shared, int (*way)(void), unsigned count, unsigned milliseconds)
{
	double start, elapsed;

	memset(shared, 0, sizeof(*shared));
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			child(shared, i, way);
		if (pid < 0) {
			perror("fork");
			exit(1);
		}
	}
	while (atomic_load(&shared->ready) < count)
		usleep(100);
	start = now_us();
	atomic_store(&shared->go, true);
	usleep(milliseconds * 1000);
	atomic_store(&shared->stop, true);
	elapsed = now_us() - start;
	while (wait(NULL) > 0)
		;
	if (atomic_load(&shared->failed) > 0)
		exit(1);
	return (struct result){(double)shared->operations / elapsed * 1e6, shared->median_us};
}

static void print_ratios(const char *what, double *ratios, unsigned rounds)
{
	qsort(ratios, rounds, sizeof(*ratios), compare);
	printf("  %-42s %.3f [%.3f, %.3f]\n", what, ratios[rounds / 2], ratios[0],
		ratios[rounds - 1]);
}

static void compare_ways(
	struct shared *shared, unsigned count, unsigned rounds, unsigned milliseconds)
{
	double rates[ROUNDS_MAX], medians[ROUNDS_MAX], times[ROUNDS_MAX];
	char what[64];

	for (unsigned round = 0; round < rounds; round++) {
		struct result bare = measure(shared, ways[0], count, milliseconds),
			      there = measure(shared, ways[1], count, milliseconds);

		rates[round] = there.rate / bare.rate;
		medians[round] = there.median_us / bare.median_us;
		times[round] = there.median_us;
	}
	snprintf(what, sizeof(what), "rate of socket()+close(), %u at once", count);
	print_ratios(what, rates, rounds);
	print_ratios("median time of socket()", medians, rounds);
	print_ratios("... in microseconds", times, rounds);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 7;
	unsigned milliseconds = argc > 2 ? (unsigned)atoi(argv[2]) : 150;
	struct shared *shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (rounds < 1 || rounds > ROUNDS_MAX || shared == MAP_FAILED) {
		fprintf(stderr, "usage: redirect [ROUNDS [MILLISECONDS]]\n");
		return 2;
	}
	compare_ways(shared, 1, rounds, milliseconds);
	compare_ways(shared, PROCESSES, rounds, milliseconds);
	return 0;
}
