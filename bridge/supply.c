/* SPDX-License-Identifier: MIT */
/*
 * A thread asks the broker, so that a broker that is slow, or hangs, holds up nobody else.
 *
 * Sockets are asked for when somebody wants one, and in batches: as many as are wanted, and besides
 * as many as were taken within the last moment. So where many connections come, most find a socket
 * at hand, and where few come none is kept. What is kept ages: the broker's namespace may have been
 * made again. A socket older than a moment is closed and not given to anybody.
 *
 * A failure is told to those who ask within the next moment; then the broker is asked again.
 */
#include "bridge/supply.h"

#include "common/clock.h"
#include "daemon/thread.h"
#include "lib/xsocket.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOMENT_MS  100
#define STOCK_MAX  253
#define STACK_SIZE (128 * 1024)

struct stock {
	int domain, type;
	int fds[STOCK_MAX]; /* the oldest first */
	uint64_t came[STOCK_MAX];
	unsigned first, n;
	unsigned wanted; /* by those who found none */
	unsigned taken;	 /* since `since` */
	unsigned spare;	 /* how many are kept: what was taken in the moment before */
	uint64_t since;	 /* ms */
	uint64_t failed; /* when */
	int error;	 /* of that; 0: none */
};

struct supply {
	char *server;
	struct xsocket_client *client; /* of the thread */
	void (*news)(void *data);
	void *data;

	pthread_mutex_t lock;
	pthread_cond_t asked;
	pthread_t thread;
	bool started, end;
	bool telling; /* the thread is in news() */
	struct stock stocks[4];
};

static int oldest(struct stock *stock)
{
	int fd = stock->fds[stock->first];

	stock->first = (stock->first + 1) % STOCK_MAX;
	stock->n--;
	return fd;
}

static void put(struct stock *stock, int fd, uint64_t now)
{
	unsigned at = (stock->first + stock->n++) % STOCK_MAX;

	stock->fds[at] = fd;
	stock->came[at] = now;
}

/* Closes those that came before. */
static void discard(struct stock *stock, uint64_t before)
{
	while (stock->n > 0 && stock->came[stock->first] < before)
		close(oldest(stock));
}

static void count_taken(struct stock *stock, uint64_t now)
{
	if (now - stock->since >= MOMENT_MS) {
		stock->spare = now - stock->since < 2 * MOMENT_MS ? stock->taken : 0;
		stock->taken = 0;
		stock->since = now;
	}
	if (stock->spare > STOCK_MAX / 2)
		stock->spare = STOCK_MAX / 2;
	discard(stock, now - MOMENT_MS);
}

/* How many to ask for now. */
static unsigned lacking(const struct stock *stock)
{
	unsigned wanted = stock->wanted;

	if (stock->n < stock->spare / 2 + (stock->spare & 1))
		wanted += stock->spare;
	if (wanted <= stock->n)
		return 0;
	wanted -= stock->n;
	return wanted < STOCK_MAX - stock->n ? wanted : STOCK_MAX - stock->n;
}

/* Asks the broker, without the lock. Returns how many came, or a negative errno. */
static int ask(struct supply *supply, const struct stock *stock, int *fds, unsigned n)
{
	int r;

	if (!supply->client)
		supply->client = xsocket_client_new(supply->server);
	if (!supply->client)
		return -errno;
	r = xsocket_client_sockets(supply->client, stock->domain,
		stock->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds, n);
	if (r >= 0)
		return r;
	r = -errno;
	xsocket_client_free(supply->client);
	supply->client = NULL;
	return r;
}

/* Fills one stock if it lacks something. Returns whether it did. With the lock. */
static bool fill(struct supply *supply, struct stock *stock)
{
	unsigned n = lacking(stock), had_to_wait = stock->wanted;
	int fds[STOCK_MAX], r;
	uint64_t now;

	if (n == 0)
		return false;
	pthread_mutex_unlock(&supply->lock);
	r = ask(supply, stock, fds, n);
	pthread_mutex_lock(&supply->lock);
	now = clock_ms(CLOCK_MONOTONIC);
	had_to_wait += stock->wanted; /* or came meanwhile */
	for (int i = 0; i < r; i++)
		put(stock, fds[i], now);
	stock->error = r < 0 ? r : 0;
	stock->failed = now;
	stock->wanted = 0;
	if (r < 0)
		stock->spare = 0;
	if ((had_to_wait > 0 || r < 0) && !supply->end) {
		supply->telling = true;
		pthread_mutex_unlock(&supply->lock);
		supply->news(supply->data);
		pthread_mutex_lock(&supply->lock);
		supply->telling = false;
		pthread_cond_broadcast(&supply->asked);
	}
	return true;
}

/* Sleeps until somebody asks; but not for long while there are sockets that age. */
static void sleep_locked(struct supply *supply)
{
	struct timespec until;
	bool stocked = false;

	for (int i = 0; i < 4; i++)
		stocked |= supply->stocks[i].n > 0;
	if (!stocked) {
		pthread_cond_wait(&supply->asked, &supply->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += MOMENT_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&supply->asked, &supply->lock, &until);
}

static void destroy(struct supply *supply)
{
	for (int i = 0; i < 4; i++)
		discard(&supply->stocks[i], UINT64_MAX);
	xsocket_client_free(supply->client);
	pthread_cond_destroy(&supply->asked);
	pthread_mutex_destroy(&supply->lock);
	free(supply->server);
	free(supply);
}

static void *run(void *data)
{
	struct supply *supply = data;

	pthread_mutex_lock(&supply->lock);
	while (!supply->end) {
		bool worked = false;

		for (int i = 0; i < 4 && !supply->end; i++) {
			count_taken(&supply->stocks[i], clock_ms(CLOCK_MONOTONIC));
			worked |= fill(supply, &supply->stocks[i]);
		}
		if (!worked && !supply->end)
			sleep_locked(supply);
	}
	pthread_mutex_unlock(&supply->lock);
	destroy(supply);
	return NULL;
}

static int start_locked(struct supply *supply)
{
	int r;

	if (supply->started)
		return 0;
	r = thread_start(&supply->thread, STACK_SIZE, run, supply);
	supply->started = r == 0;
	return r;
}

struct supply *supply_new(const char *server, void (*news)(void *data), void *data)
{
	struct supply *supply = calloc(1, sizeof(*supply));
	pthread_condattr_t attr;

	if (!supply)
		return NULL;
	supply->server = strdup(server);
	if (!supply->server) {
		free(supply);
		return NULL;
	}
	supply->news = news;
	supply->data = data;
	for (int i = 0; i < 4; i++) {
		supply->stocks[i].domain = i & 1 ? AF_INET6 : AF_INET;
		supply->stocks[i].type = i & 2 ? SOCK_DGRAM : SOCK_STREAM;
	}
	pthread_mutex_init(&supply->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&supply->asked, &attr);
	pthread_condattr_destroy(&attr);
	return supply;
}

/* The thread may be waiting for a broker that hangs. It frees the supply when it is back. */
void supply_free(struct supply *supply)
{
	bool started;

	if (!supply)
		return;
	pthread_mutex_lock(&supply->lock);
	supply->end = true;
	started = supply->started;
	while (supply->telling)
		pthread_cond_wait(&supply->asked, &supply->lock);
	if (started)
		pthread_detach(supply->thread);
	pthread_cond_broadcast(&supply->asked);
	pthread_mutex_unlock(&supply->lock);
	if (!started)
		destroy(supply);
}

int supply_take(struct supply *supply, int domain, int type)
{
	struct stock *stock = &supply->stocks[(domain == AF_INET6) | (type == SOCK_DGRAM) << 1];
	uint64_t now = clock_ms(CLOCK_MONOTONIC);
	int r = -EINPROGRESS;

	pthread_mutex_lock(&supply->lock);
	count_taken(stock, now);
	if (stock->n > 0) {
		r = oldest(stock);
		stock->taken++;
	} else if (stock->error && now - stock->failed < MOMENT_MS) {
		r = stock->error;
	} else {
		stock->error = 0;
		stock->wanted++;
		if (start_locked(supply) < 0)
			r = -EAGAIN;
	}
	if (r != stock->error && lacking(stock) > 0)
		pthread_cond_signal(&supply->asked);
	pthread_mutex_unlock(&supply->lock);
	return r;
}
