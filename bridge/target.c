/* SPDX-License-Identifier: MIT */
/*
 * Addresses that are written down are known at once. A name has a thread, which sleeps until
 * somebody asks for addresses that are older than their records may get, and then looks the name up
 * once for all who ask meanwhile. So a name that nobody uses is not looked up, and one that moves
 * is followed.
 *
 *   they are good      they are returned
 *   they are old       -EINPROGRESS; bridge_news() when there is an answer
 *   no server answers  the old ones go on to be used, and nobody waits for the next try
 *   there are none     the old ones are forgotten: somebody else may have them now
 *
 * An IPv6 address with the name of an interface is a name, too: what its number is depends on the
 * namespace.
 */
#include "bridge/target.h"

#include "bridge/bridge.h"
#include "bridge/resolve.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "daemon/log.h"
#include "daemon/thread.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define STACK_SIZE (256 * 1024)

#define BROKER_MS      5000 /* that it may take for a socket */
#define BROKER_LOOK_MS 5

#define SHORTEST_MS  1000 /* between two look-ups */
#define LONGEST_MS   (24 * 3600 * 1000ULL)
#define UNTIMED_MS   5000	    /* what came without a time: hosts file, interface */
#define RETRY_MS     5000	    /* when there are old ones to go on with */
#define LOG_AGAIN_MS (60 * 1000ULL) /* the same failure */

struct target {
	struct bridge *bridge;
	const struct endpoint *endpoint;
	struct place *place;

	bool named; /* has to be looked up: by the thread */
	bool has_thread;
	pthread_t thread;
	int cancel; /* eventfd: ends a look-up that is under way */

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t asked;
	bool wanted, end;
	struct netaddr addresses[TARGET_ADDRESSES_MAX];
	unsigned n;
	int error;	     /* there are none: why */
	bool stale;	     /* they are old, and new ones could not be had */
	uint64_t good_until; /* CLOCK_MONOTONIC in ms, as all times here */
	uint64_t looked_up;

	/* of the thread */
	int logged;
	uint64_t logged_at;
};

const char *target_reason(int r)
{
	switch (r) {
	case -ENOENT:
		return "there is no such name, or it has no addresses";
	case -ETIMEDOUT:
		return "no name server answers";
	case -EHOSTUNREACH:
		return "no name server can be reached, or knows it";
	case -EOPNOTSUPP:
		return "there is no libcares.so.2 to ask with: install c-ares";
	}
	return strerror(-r);
}

/* ---- looking up: in the thread ---- */

/* Whoever ends a look-up must not wait for a broker that hangs. */
static int open_there(void *data, int domain, int type)
{
	struct target *target = data;
	struct pollfd cancel = {.fd = target->cancel, .events = POLLIN};
	uint64_t end = clock_ms(CLOCK_MONOTONIC) + BROKER_MS;
	int r;

	do {
		r = place_take(target->place, domain, type);
		if (r != -EINPROGRESS)
			return r;
		if (poll(&cancel, 1, BROKER_LOOK_MS) > 0)
			return -ECANCELED;
	} while (clock_ms(CLOCK_MONOTONIC) < end);
	return -ETIMEDOUT;
}

static int look_up(struct target *target, struct resolve_result *ret)
{
	char resolv_conf[PATH_MAX], hosts[PATH_MAX];
	struct resolve_source source = {
		.open = open_there,
		.data = target,
		.resolv_conf = resolv_conf,
		.hosts = hosts,
		.cancel = target->cancel,
	};

	place_file(target->place, "resolv.conf", resolv_conf, sizeof(resolv_conf));
	place_file(target->place, "hosts", hosts, sizeof(hosts));
	return resolve_name(&source, target->endpoint->host, target->endpoint->port, ret);
}

/* One line when it begins to fail, one for each minute of the same, one when that is over. */
static void log_outcome(struct target *target, int r, bool has_old)
{
	const struct endpoint *endpoint = target->endpoint;
	char servers[PATH_MAX];
	uint64_t now = clock_ms(CLOCK_MONOTONIC);
	bool strange;

	if (r == -ECANCELED || (r == 0 && target->logged == 0))
		return;
	if (r == target->logged && now < target->logged_at + LOG_AGAIN_MS)
		return;
	target->logged = r;
	target->logged_at = now;
	if (r == 0) {
		log_message(LOG_NOTICE, "the name %s can be looked up again", endpoint->host);
		return;
	}
	place_file(target->place, "resolv.conf", servers, sizeof(servers));
	strange = endpoint->place != ENDPOINT_HERE && strcmp(servers, "/etc/resolv.conf") == 0;
	log_message(LOG_WARNING, "the name %s cannot be looked up: %s (%s, servers of %s%s)%s",
		endpoint->host, target_reason(r), place_text(target->place), servers,
		strange ? "; its own go into /etc/netns/NAME/resolv.conf" : "",
		has_old ? "; the old addresses are used" : "");
}

static uint64_t lifetime_ms(const struct resolve_result *result)
{
	uint64_t ms = result->ttl_s == RESOLVE_UNTIMED ? UNTIMED_MS : result->ttl_s * 1000ULL;

	return ms < SHORTEST_MS ? SHORTEST_MS : ms > LONGEST_MS ? LONGEST_MS : ms;
}

/* With the lock held. */
static void store(struct target *target, int r, const struct resolve_result *result)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC);

	target->looked_up = now;
	target->stale = false;
	if (r == 0) {
		memcpy(target->addresses, result->addresses,
			result->n * sizeof(result->addresses[0]));
		target->n = result->n;
		target->good_until = now + lifetime_ms(result);
	} else if (target->n > 0 && r != -ENOENT) {
		target->stale = true;
		target->good_until = now + RETRY_MS;
	} else {
		target->n = 0;
		target->error = r;
		target->good_until = now + SHORTEST_MS;
	}
}

_Static_assert(
	RESOLVE_ADDRESSES_MAX <= TARGET_ADDRESSES_MAX, "the addresses of a look-up have room");

static void *run(void *data)
{
	struct target *target = data;
	struct resolve_result result;
	int r;

	pthread_mutex_lock(&target->lock);
	while (!target->end) {
		if (!target->wanted) {
			pthread_cond_wait(&target->asked, &target->lock);
			continue;
		}
		pthread_mutex_unlock(&target->lock);
		r = look_up(target, &result);
		place_leave(&target->bridge->places); /* or it would be kept alive */
		pthread_mutex_lock(&target->lock);
		target->wanted = false;
		store(target, r, &result);
		pthread_mutex_unlock(&target->lock);
		bridge_news(target->bridge);
		log_outcome(target, r, target->n > 0);
		pthread_mutex_lock(&target->lock);
	}
	pthread_mutex_unlock(&target->lock);
	return NULL;
}

/* ---- */

/* What needs nobody to be asked. */
static bool known(const struct endpoint *endpoint, struct netaddr *ret)
{
	const char *scope;

	if (endpoint->kind == ENDPOINT_UNIX) {
		*ret = netaddr_of_unix(endpoint->path);
		return true;
	}
	scope = strchr(endpoint->host, '%');
	if (scope && scope[1 + strspn(scope + 1, "0123456789")])
		return false;
	return netaddr_parse(endpoint->host, endpoint->port, ret) == 0;
}

/* With the lock held. */
static bool start(struct target *target)
{
	if (target->has_thread)
		return true;
	if (target->cancel < 0)
		target->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (target->cancel < 0)
		return false;
	target->wanted = true;
	target->has_thread = thread_start(&target->thread, STACK_SIZE, run, target) == 0;
	return target->has_thread;
}

struct target *target_new(
	struct bridge *bridge, const struct endpoint *endpoint, struct place *place)
{
	struct target *target = calloc(1, sizeof(*target));

	if (!target)
		return NULL;
	target->bridge = bridge;
	target->endpoint = endpoint;
	target->place = place;
	target->cancel = -1;
	pthread_mutex_init(&target->lock, NULL);
	pthread_cond_init(&target->asked, NULL);
	target->named = !known(endpoint, &target->addresses[0]);
	target->n = !target->named;
	return target;
}

void target_begin(struct target *target)
{
	pthread_mutex_lock(&target->lock);
	if (target->named)
		start(target);
	pthread_mutex_unlock(&target->lock);
}

void target_free(struct target *target)
{
	if (!target)
		return;
	if (target->has_thread) {
		pthread_mutex_lock(&target->lock);
		target->end = true;
		pthread_cond_signal(&target->asked);
		pthread_mutex_unlock(&target->lock);
		eventfd_write(target->cancel, 1);
		pthread_join(target->thread, NULL);
	}
	close_fd(&target->cancel);
	pthread_cond_destroy(&target->asked);
	pthread_mutex_destroy(&target->lock);
	free(target);
}

/* With the lock held. */
static int answer(const struct target *target, struct netaddr *ret)
{
	if (target->n == 0)
		return target->error;
	memcpy(ret, target->addresses, target->n * sizeof(*ret));
	return (int)target->n;
}

int target_addresses(struct target *target, struct netaddr ret[TARGET_ADDRESSES_MAX])
{
	int r;

	if (!target->named) {
		ret[0] = target->addresses[0];
		return 1;
	}
	pthread_mutex_lock(&target->lock);
	if (!start(target)) {
		pthread_mutex_unlock(&target->lock);
		return -EAGAIN;
	}
	if (clock_ms(CLOCK_MONOTONIC) >= target->good_until && !target->wanted) {
		target->wanted = true;
		pthread_cond_signal(&target->asked);
	}
	r = target->wanted && !target->stale ? -EINPROGRESS : answer(target, ret);
	pthread_mutex_unlock(&target->lock);
	return r;
}

void target_unreachable(struct target *target)
{
	if (!target->named)
		return;
	pthread_mutex_lock(&target->lock);
	if (clock_ms(CLOCK_MONOTONIC) >= target->looked_up + SHORTEST_MS)
		target->good_until = 0;
	pthread_mutex_unlock(&target->lock);
}
