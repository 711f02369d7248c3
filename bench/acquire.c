/* SPDX-License-Identifier: MIT */
/*
 * What a socket costs, by every way to get one, against a native one in the same round.
 *
 *   acquire SERVER NETNS [ROUNDS [MILLISECONDS]]
 *
 * SERVER is a running broker, NETNS the path of its namespace (for the privileged way: setns(2)
 * there, socket(2), setns(2) back). One operation is a TCP socket obtained and closed. In each round
 * each way runs for some milliseconds with 1, 2 and 8 processes at once; printed are the medians
 * over the rounds of the ratio to native, and their spread.
 */
#include "lib/xsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX  64
#define PROCESSES   8

struct context {
	const char *server;
	int own_netns, other_netns;
	struct xsocket_client *client;
};

/* Each does some operations and returns how many, or -1. */

static int native(struct context *context, unsigned n)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || close(fd) < 0 ? -1 : 1;
}

static int setns_pair(struct context *context, unsigned n)
{
	int fd;

	if (setns(context->other_netns, CLONE_NEWNET) < 0)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (setns(context->own_netns, CLONE_NEWNET) < 0)
		return -1;
	return fd < 0 || close(fd) < 0 ? -1 : 1;
}

static int one_shot(struct context *context, unsigned n)
{
	int fd = xsocket(context->server, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || close(fd) < 0 ? -1 : 1;
}

static int client_socket(struct context *context, unsigned n)
{
	int fd = xsocket_client_socket(context->client, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || close(fd) < 0 ? -1 : 1;
}

static int batch(struct context *context, unsigned n)
{
	int fds[253];
	int got = xsocket_client_sockets(
		context->client, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, fds, n);

	for (int i = 0; i < got; i++)
		close(fds[i]);
	return got;
}

static const struct {
	const char *name;
	int (*run)(struct context *, unsigned);
	unsigned n;
} ways[] = {
	{"native socket()+close()", native, 0},
	{"setns, socket, setns (privileged)", setns_pair, 0},
	{"xsocket()", one_shot, 0},
	{"xsocket_client_socket()", client_socket, 0},
	{"xsocket_client_sockets() of 8", batch, 8},
	{"                         of 32", batch, 32},
	{"                         of 64", batch, 64},
	{"                         of 128", batch, 128},
	{"                         of 253", batch, 253},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static const unsigned counts[] = {1, 2, 8};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

struct shared {
	atomic_uint ready, failed;
	atomic_bool go, stop;
	_Atomic long long operations[PROCESSES];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void child(struct shared *shared, unsigned index, size_t way, struct context *context)
{
	long long operations = 0;

	context->client = xsocket_client_new(context->server);
	if (!context->client)
		atomic_fetch_add(&shared->failed, 1);
	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load(&shared->go))
		sched_yield();
	while (context->client && !atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		int n = ways[way].run(context, ways[way].n);

		if (n < 0) {
			atomic_fetch_add(&shared->failed, 1);
			fprintf(stderr, "%s: %s\n", ways[way].name, strerror(errno));
			break;
		}
		operations += n;
	}
	atomic_store(&shared->operations[index], operations);
	_exit(0);
}

/* Operations per second of a number of processes, or a negative number. */
static double measure(struct shared *shared, size_t way, unsigned count, unsigned ms,
	struct context *context)
{
	double start, elapsed;
	long long sum = 0;

	memset(shared, 0, sizeof(*shared));
	for (unsigned i = 0; i < count; i++) {
		if (fork() == 0)
			child(shared, i, way, context);
	}
	while (atomic_load(&shared->ready) < count)
		usleep(100);
	start = now();
	atomic_store(&shared->go, true);
	usleep(ms * 1000);
	atomic_store(&shared->stop, true);
	elapsed = now() - start;
	while (wait(NULL) > 0)
		;
	if (atomic_load(&shared->failed) > 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		sum += atomic_load(&shared->operations[i]);
	return (double)sum / elapsed;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double ratios[WAYS][COUNTS][ROUNDS_MAX], rates[WAYS][COUNTS][ROUNDS_MAX];

static void print_table(unsigned rounds)
{
	printf("ratio to native in the same round, median of %u [least, most]; us per operation of 1 client\n",
		rounds);
	printf("%-36s", "clients");
	for (size_t c = 0; c < COUNTS; c++)
		printf("  %-22u", counts[c]);
	printf("us\n");
	for (size_t w = 0; w < WAYS; w++) {
		printf("%-36s", ways[w].name);
		for (size_t c = 0; c < COUNTS; c++) {
			double *r = ratios[w][c];

			qsort(r, rounds, sizeof(*r), compare);
			printf("  %5.3f [%5.3f, %5.3f] ", r[rounds / 2], r[0], r[rounds - 1]);
		}
		qsort(rates[w][0], rounds, sizeof(double), compare);
		printf("%5.1f\n", 1e6 / rates[w][0][rounds / 2]);
	}
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 3 ? (unsigned)atoi(argv[3]) : 7;
	unsigned ms = argc > 4 ? (unsigned)atoi(argv[4]) : 150;
	struct context context = {.own_netns = -1};
	struct shared *shared;

	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: acquire SERVER NETNS [ROUNDS [MILLISECONDS]]\n");
		return 2;
	}
	context.server = argv[1];
	context.own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	context.other_netns = open(argv[2], O_RDONLY | O_CLOEXEC);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (context.own_netns < 0 || context.other_netns < 0 || shared == MAP_FAILED) {
		perror("acquire");
		return 1;
	}
	for (unsigned round = 0; round < rounds; round++) {
		for (size_t c = 0; c < COUNTS; c++) {
			for (size_t w = 0; w < WAYS; w++) {
				double rate = measure(shared, w, counts[c], ms, &context);

				if (rate < 0)
					return 1;
				rates[w][c][round] = rate;
				ratios[w][c][round] = rate / rates[0][c][round];
			}
		}
	}
	print_table(rounds);
	return 0;
}
