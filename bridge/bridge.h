/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_BRIDGE_H
#define XSOCKET_BRIDGE_BRIDGE_H

/*
 * What the threads of the bridge share.
 *
 *   control.c   the main thread: signals, service manager, watchdog, reload, counters (sd-event)
 *   worker.c    one thread per CPU: an epoll loop over connections and sessions
 *   supply.c    one thread per broker that sockets come from
 *   target.c    one thread per name that is looked up
 */

#include "bridge/forward.h"
#include "bridge/place.h"
#include "bridge/plan.h"
#include "bridge/worker.h"

#include <pthread.h>
#include <stdatomic.h>

enum bridge_phase {
	BRIDGE_SERVE,
	BRIDGE_DRAIN, /* take no new connections, end with the last one */
	BRIDGE_END,   /* close what is left */
};

struct bridge {
	struct plan plan; /* its limits; its forwards are in the table */
	atomic_int phase;
	int control; /* eventfd: a worker wants the main thread to look */

	struct worker *workers;
	unsigned n_workers;
	unsigned n_started;
	atomic_uint running; /* workers that have not ended */

	/* The forwards. Workers look through it when the generation changes. */
	pthread_mutex_t table_lock;
	struct forward **table; /* references */
	unsigned n_table;
	atomic_uint generation;

	atomic_uint connections; /* of all forwards */
	atomic_uint max_connections; /* of the plan, or as descriptors leave room for */
	unsigned room;		     /* for connections, by RLIMIT_NOFILE */

	/* A descriptor in reserve, see accept.c. */
	pthread_mutex_t spare_lock;
	int spare;

	atomic_bool idle_timeouts; /* some forward has one */

	struct places places;
};

/*
 * Makes a bridge without forwards for the limits of a plan; its workers do not run yet. Returns 0
 * or a negative errno; bridge_close() also after that.
 */
int bridge_open(struct bridge *bridge, const struct plan *plan);
void bridge_close(struct bridge *bridge);

/* Of all forwards at most so many connections, and no more than there is room for. */
void bridge_limit(struct bridge *bridge, unsigned max_connections);

/* Starts the workers. Returns 0 or a negative errno: then none runs. */
int bridge_start(struct bridge *bridge);

/* Raises the phase, and wakes the workers. */
void bridge_end(struct bridge *bridge, enum bridge_phase phase);

/* Waits for the workers, which end by themselves in BRIDGE_DRAIN and BRIDGE_END. */
void bridge_join(struct bridge *bridge);

/* Wakes all workers to look for what they wait for. From any thread. */
void bridge_news(struct bridge *bridge);

/* For a worker that ends: the main thread is told through bridge->control. */
void bridge_worker_done(struct bridge *bridge);

#endif
