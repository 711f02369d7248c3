/* SPDX-License-Identifier: MIT */
#include "bridge/bridge.h"

#include "bridge/target.h"

#include "common/cleanup.h"
#include "daemon/privileges.h"
#include "daemon/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#define STACK_SIZE (256 * 1024)

#define RESERVE_LEAST 28
#define RESERVE_MOST  256

static unsigned cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned)CPU_COUNT(&set);
}

static void news(void *data)
{
	bridge_news(data);
}

/*
 * A connection is two descriptors. Some are kept for what else there is, so that accept(2) finds one
 * and whoever has no room is told so at once.
 */
static unsigned room(void)
{
	unsigned limit = privileges_raise_descriptors(), reserve = limit / 4;

	if (reserve < RESERVE_LEAST)
		reserve = RESERVE_LEAST;
	if (reserve > RESERVE_MOST)
		reserve = RESERVE_MOST;
	return limit > reserve + 2 ? (limit - reserve) / 2 : 1;
}

void bridge_limit(struct bridge *bridge, unsigned max_connections)
{
	atomic_store(&bridge->max_connections,
		max_connections < bridge->room ? max_connections : bridge->room);
}

int bridge_open(struct bridge *bridge, const struct plan *plan)
{
	int r;

	*bridge = (struct bridge){.control = -1, .spare = -1, .places.own_netns = -1};
	bridge->plan = *plan;
	bridge->plan.forwards = NULL;
	bridge->plan.n_forwards = 0;
	bridge->room = room();
	bridge_limit(bridge, plan->max_connections);
	pthread_mutex_init(&bridge->table_lock, NULL);
	pthread_mutex_init(&bridge->spare_lock, NULL);
	bridge->control = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bridge->spare = open("/", O_PATH | O_CLOEXEC);
	if (bridge->control < 0 || bridge->spare < 0)
		return -errno;
	r = places_open(&bridge->places, news, bridge);
	if (r < 0)
		return r;
	bridge->n_workers = plan->workers ? plan->workers : cpus();
	bridge->workers = calloc(bridge->n_workers, sizeof(*bridge->workers));
	if (!bridge->workers) {
		bridge->n_workers = 0;
		return -ENOMEM;
	}
	for (unsigned i = 0; i < bridge->n_workers; i++) {
		struct worker *worker = &bridge->workers[i];

		worker->bridge = bridge;
		worker->index = i;
		worker->epoll = worker->wake = -1;
	}
	for (unsigned i = 0; i < bridge->n_workers && r == 0; i++)
		r = worker_open(&bridge->workers[i]);
	return r;
}

void bridge_close(struct bridge *bridge)
{
	for (unsigned i = 0; i < bridge->n_table; i++)
		forward_unref(bridge->table[i]);
	free(bridge->table);
	for (unsigned i = 0; i < bridge->n_workers; i++)
		worker_close(&bridge->workers[i]);
	free(bridge->workers);
	close_fd(&bridge->control);
	close_fd(&bridge->spare);
	places_close(&bridge->places);
	pthread_mutex_destroy(&bridge->table_lock);
	pthread_mutex_destroy(&bridge->spare_lock);
}

int bridge_start(struct bridge *bridge)
{
	int r = 0;

	for (unsigned i = 0; i < bridge->n_table; i++) {
		if (bridge->table[i]->target)
			target_begin(bridge->table[i]->target);
	}
	for (unsigned i = 0; i < bridge->n_workers && r == 0; i++) {
		struct worker *worker = &bridge->workers[i];

		atomic_fetch_add(&bridge->running, 1);
		r = thread_start(&worker->thread, STACK_SIZE, worker_run, worker);
		if (r == 0)
			bridge->n_started++;
	}
	if (r < 0) {
		bridge_end(bridge, BRIDGE_END);
		bridge_join(bridge);
	}
	return r;
}

void bridge_end(struct bridge *bridge, enum bridge_phase phase)
{
	int before = atomic_load(&bridge->phase);

	while (before < (int)phase &&
		!atomic_compare_exchange_weak(&bridge->phase, &before, (int)phase))
		;
	if (phase != BRIDGE_SERVE) {
		pthread_mutex_lock(&bridge->table_lock);
		for (unsigned i = 0; i < bridge->n_table; i++)
			forward_listen(bridge->table[i], NULL);
		pthread_mutex_unlock(&bridge->table_lock);
	}
	eventfd_write(bridge->control, 1);
	bridge_news(bridge);
}

void bridge_join(struct bridge *bridge)
{
	for (unsigned i = 0; i < bridge->n_started; i++)
		pthread_join(bridge->workers[i].thread, NULL);
	bridge->n_started = 0;
}

void bridge_news(struct bridge *bridge)
{
	for (unsigned i = 0; i < bridge->n_workers; i++) {
		atomic_store(&bridge->workers[i].news, true);
		worker_wake(&bridge->workers[i]);
	}
}

void bridge_worker_done(struct bridge *bridge)
{
	atomic_fetch_sub(&bridge->running, 1);
	eventfd_write(bridge->control, 1);
}
