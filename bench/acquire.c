/* SPDX-License-Identifier: MIT */
/*
 * What a socket costs, by every way to get one, against a native one in the same round.
 *
 *   acquire SERVER NETNS [ROUNDS [MILLISECONDS]]
 *
 * SERVER is a running broker, NETNS the path of its namespace (for the privileged way: setns(2)
 * there, socket(2), setns(2) back). One operation is a TCP socket obtained and closed. In each
 * round each way runs for some milliseconds with 1, 2 and 8 processes at once; printed are the
 * medians over the rounds of the ratio to native, and their spread. The last two ways are the
 * limit: the same packets between two processes that do nothing else (bare.h).
 */
#include "bench/bare.h"
#include "bench/figures.h"

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
#include <unistd.h>

#define ROUNDS_MAX 64
#define PROCESSES  8

struct context {
	const char *server;
	int own_netns, other_netns;
	struct xsocket_client *client;
	struct bare bare;
	atomic_uint *refused; /* shared by all processes, over all rounds */
};

/* ---- what a process does before the clock runs: 0, or -1 and errno ---- */

static int start_client(struct context *context, unsigned index)
{
	context->client = xsocket_client_new(context->server);
	return context->client ? 0 : -1;
}

static int start_bare(struct context *context, unsigned index)
{
	return bare_start(&context->bare, index % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), false);
}

static int start_bare_fresh(struct context *context, unsigned index)
{
	return bare_start(&context->bare, index % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), true);
}

/* ---- some operations: how many, or -1 and errno ---- */

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

	/* The others have not received theirs yet, and all together are over a user's share. */
	if (got < 0 && errno == ETOOMANYREFS) {
		atomic_fetch_add(context->refused, 1);
		return 0;
	}
	for (int i = 0; i < got; i++)
		close(fds[i]);
	return got;
}

static int bare_open(struct context *context, unsigned n)
{
	int fd = bare_socket(&context->bare);

	return fd < 0 || close(fd) < 0 ? -1 : 1;
}

static int bare_fresh(struct context *context, unsigned n)
{
	int fd = bare_socket_fresh(&context->bare);

	return fd < 0 || close(fd) < 0 ? -1 : 1;
}

enum {
	NATIVE,
	SETNS,
	ONE_SHOT,
	CLIENT,
	BATCH_8,
	BATCH_32,
	BATCH_64,
	BATCH_128,
	BATCH_253,
	LIMIT,
	LIMIT_FRESH,
	WAYS
};

static const struct {
	const char *name;
	int (*start)(struct context *, unsigned index);
	int (*run)(struct context *, unsigned n);
	unsigned n;
} ways[WAYS] = {
	[NATIVE] = {"native socket()+close()", NULL, native, 0},
	[SETNS] = {"setns, socket, setns (privileged)", NULL, setns_pair, 0},
	[ONE_SHOT] = {"xsocket()", NULL, one_shot, 0},
	[CLIENT] = {"xsocket_client_socket()", start_client, client_socket, 0},
	[BATCH_8] = {"xsocket_client_sockets() of 8", start_client, batch, 8},
	[BATCH_32] = {"                         of 32", start_client, batch, 32},
	[BATCH_64] = {"                         of 64", start_client, batch, 64},
	[BATCH_128] = {"                         of 128", start_client, batch, 128},
	[BATCH_253] = {"                         of 253", start_client, batch, 253},
	[LIMIT] = {"limit: bare exchange", start_bare, bare_open, 0},
	[LIMIT_FRESH] = {"       on a connection of its own", start_bare_fresh, bare_fresh, 0},
};

static const unsigned counts[] = {1, 2, 8};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

struct shared {
	atomic_uint ready, failed;
	atomic_bool go, stop;
	_Atomic long long operations[PROCESSES];
};

static void child(struct shared *shared, unsigned index, size_t way, struct context *context)
{
	long long operations = 0;
	int n = ways[way].start ? ways[way].start(context, index) : 0;

	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load(&shared->go))
		sched_yield();
	while (n >= 0 && !atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		n = ways[way].run(context, ways[way].n);
		if (n > 0)
			operations += n;
	}
	if (n < 0) {
		atomic_fetch_add(&shared->failed, 1);
		fprintf(stderr, "%s: %s\n", ways[way].name, strerror(errno));
	}
	atomic_store(&shared->operations[index], operations);
	_exit(0);
}

/* Operations per second of a number of processes, or a negative number. */
static double measure(
	struct shared *shared, size_t way, unsigned count, unsigned ms, struct context *context)
{
	double start, elapsed;
	long long sum = 0;

	memset(shared, 0, sizeof(*shared));
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			child(shared, i, way, context);
		if (pid < 0) {
			perror("fork");
			exit(1);
		}
	}
	while (atomic_load(&shared->ready) < count)
		usleep(100);
	start = now_s();
	atomic_store(&shared->go, true);
	usleep(ms * 1000);
	atomic_store(&shared->stop, true);
	elapsed = now_s() - start;
	while (wait(NULL) > 0)
		;
	if (atomic_load(&shared->failed) > 0)
		return -1;
	for (unsigned i = 0; i < count; i++)
		sum += atomic_load(&shared->operations[i]);
	return (double)sum / elapsed;
}

/* Operations per second. */
static double rates[WAYS][COUNTS][ROUNDS_MAX];

static void print_row(const char *name, size_t way, size_t against, unsigned rounds)
{
	double ratios[ROUNDS_MAX], times[ROUNDS_MAX];

	printf("%-36s", name);
	for (size_t c = 0; c < COUNTS; c++) {
		for (unsigned round = 0; round < rounds; round++)
			ratios[round] = rates[way][c][round] / rates[against][c][round];
		qsort(ratios, rounds, sizeof(*ratios), compare);
		printf("  %5.3f [%5.3f, %5.3f] ", ratios[rounds / 2], ratios[0],
			ratios[rounds - 1]);
	}
	for (unsigned round = 0; round < rounds; round++)
		times[round] = 1e6 / rates[way][0][round];
	qsort(times, rounds, sizeof(*times), compare);
	printf("%5.1f\n", times[rounds / 2]);
}

static void print_table(unsigned rounds)
{
	printf("ratio to native in the same round, median of %u [least, most]; "
	       "us per operation of 1 client\n",
		rounds);
	printf("%-36s", "clients");
	for (size_t c = 0; c < COUNTS; c++)
		printf("  %-22u", counts[c]);
	printf("   us\n");
	for (size_t way = 0; way < WAYS; way++)
		print_row(ways[way].name, way, NATIVE, rounds);
	printf("ratio to the limit\n");
	print_row(ways[ONE_SHOT].name, ONE_SHOT, LIMIT_FRESH, rounds);
	print_row(ways[CLIENT].name, CLIENT, LIMIT, rounds);
}

static void *map_shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
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
	shared = map_shared(sizeof(*shared));
	context.refused = map_shared(sizeof(*context.refused));
	if (context.own_netns < 0 || context.other_netns < 0 || shared == MAP_FAILED ||
		context.refused == MAP_FAILED) {
		perror("acquire");
		return 1;
	}
	for (unsigned round = 0; round < rounds; round++) {
		for (size_t c = 0; c < COUNTS; c++) {
			for (size_t w = 0; w < WAYS; w++) {
				rates[w][c][round] = measure(shared, w, counts[c], ms, &context);
				if (rates[w][c][round] <= 0)
					return 1;
			}
		}
	}
	print_table(rounds);
	if (atomic_load(context.refused) > 0)
		printf("%u batches were refused with ETOOMANYREFS: more at once than a user's "
		       "share of the "
		       "broker's descriptors\n",
			atomic_load(context.refused));
	return 0;
}
