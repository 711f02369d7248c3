/* SPDX-License-Identifier: MIT */
/*
 * The loop that serves connections: one thread per CPU that clients run on.
 *
 * Handing out a socket takes a few microseconds, waking a sleeping CPU takes ten times as long. So
 * each worker is pinned to a CPU, and a connection is moved to the worker of the CPU its client
 * says it runs on: then the wake-up is a switch of threads, not an interrupt to another CPU. A
 * worker is made when the first client shows up on its CPU; a broker nobody talks to has one.
 *
 * This is epoll and not sd-event because sd-event refuses EPOLLEXCLUSIVE and keeps some 300 bytes
 * per connection; the rest of the broker (control.c) is sd-event.
 *
 * A request that was sent after the namespace was deleted is not served. The worker has the mount
 * table in its epoll set and looks at it first after each wake-up: a request that this wake-up is
 * about cannot be older than a change that it does not tell of.
 *
 * Time is counted in seconds, once per wake-up, and all deadlines are looked at once a second.
 */
#include "server/worker.h"

#include "server/accept.h"
#include "server/broker.h"
#include "server/conn.h"
#include "server/footprint.h"
#include "server/workers.h"

#include "common/wire.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#define EVENTS_MAX   32
#define LEFT_SWEEP   8 /* connections looked at per wake-up */
#define IDLE_SECONDS 2 /* then memory is given back */

static void list_add(struct conn **list, struct conn *conn)
{
	conn->previous = NULL;
	conn->next = *list;
	if (conn->next)
		conn->next->previous = conn;
	*list = conn;
}

static void list_remove(struct conn **list, struct conn *conn)
{
	if (conn->previous)
		conn->previous->next = conn->next;
	else
		*list = conn->next;
	if (conn->next)
		conn->next->previous = conn->previous;
	conn->next = conn->previous = NULL;
}

const struct config *worker_config(struct worker *worker)
{
	struct broker *broker = worker->broker;
	unsigned generation = atomic_load(&broker->config_generation);

	if (generation != worker->config_generation) {
		pthread_mutex_lock(&broker->config_lock);
		worker->config = broker->config;
		worker->config_generation = atomic_load(&broker->config_generation);
		pthread_mutex_unlock(&broker->config_lock);
	}
	return &worker->config;
}

bool worker_may_serve(struct worker *worker, bool request_is_new)
{
	if (worker->mounts < 0 || request_is_new)
		broker_check_netns(worker->broker);
	return atomic_load(&worker->broker->phase) != BROKER_ABANDON;
}

void worker_wake(struct worker *worker)
{
	eventfd_write(worker->wake, 1);
}

/* ---- connections ---- */

static void recount_list(struct conn *list, const struct user *user)
{
	for (struct conn *conn = list; conn; conn = conn->next) {
		if (conn->user == user)
			conn_all_received(conn);
	}
}

void worker_recount(struct worker *worker, const struct user *user)
{
	recount_list(worker->conns, user);
	recount_list(worker->left, user);
}

static bool poll_conn(struct worker *worker, struct conn *conn)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

	conn->polled = epoll_ctl(worker->epoll, EPOLL_CTL_ADD, conn->fd, &event) == 0;
	return conn->polled;
}

static void unpoll_conn(struct worker *worker, struct conn *conn)
{
	if (conn->polled)
		epoll_ctl(worker->epoll, EPOLL_CTL_DEL, conn->fd, NULL);
	conn->polled = false;
}

/*
 * Gives a connection that is in no list and not polled to another worker. It is in the inbox before
 * it is in the epoll set, so the worker knows of it when its first event comes, and need not be
 * woken before that unless it would miss the deadline.
 */
static void hand_over(struct worker *to, struct conn *conn)
{
	pthread_mutex_lock(&to->inbox_lock);
	list_add(&to->inbox, conn);
	atomic_store(&to->has_inbox, true);
	if (!poll_conn(to, conn))
		conn->state = CONN_CLOSED; /* the worker will free it */
	pthread_mutex_unlock(&to->inbox_lock);
	if (!atomic_load(&to->ticking))
		worker_wake(to);
}

void worker_settle(struct worker *worker, struct conn *conn)
{
	struct worker *home = NULL;

	switch ((enum conn_state)conn->state) {
	case CONN_CLOSED:
		conn_free(worker, conn);
		return;
	case CONN_LEFT:
		unpoll_conn(worker, conn);
		list_add(&worker->left, conn);
		return;
	case CONN_HELD:
		/* Not polled: it would be ready all the time once the client has shut it down. */
		unpoll_conn(worker, conn);
		break;
	case CONN_SILENT:
	case CONN_IDLE:
		if (conn->cpu != worker->cpu && conn->cpu != WIRE_CPU_UNKNOWN &&
			atomic_load(&worker->broker->phase) == BROKER_SERVE)
			home = workers_for_cpu(worker->broker, conn->cpu);
		if (home && home != worker) {
			unpoll_conn(worker, conn);
			hand_over(home, conn);
			return;
		}
		if (!conn->polled && !poll_conn(worker, conn)) {
			conn_free(worker, conn);
			return;
		}
		break;
	}
	list_add(&worker->conns, conn);
}

static void conn_event(struct worker *worker, struct conn *conn)
{
	uint8_t before = conn->state;
	uint32_t cpu = conn->cpu;

	conn_readable(worker, conn);
	if (cpu == WIRE_CPU_UNKNOWN)
		accept_count(worker, conn); /* its first request */
	if (conn->state == CONN_IDLE && (before == CONN_IDLE || before == CONN_SILENT) &&
		conn->cpu == cpu)
		return; /* by far the most frequent: nothing changed */
	list_remove(&worker->conns, conn);
	worker_settle(worker, conn);
}

static void tick_list(struct worker *worker, struct conn **list, unsigned max)
{
	for (struct conn *conn = *list, *next; conn && max > 0; conn = next, max--) {
		next = conn->next;
		conn_tick(worker, conn);
		if (conn->state == CONN_CLOSED) {
			list_remove(list, conn);
			conn_free(worker, conn);
		}
	}
}

static void receive_inbox(struct worker *worker)
{
	struct conn *inbox, *next;

	if (!atomic_load(&worker->has_inbox))
		return;
	pthread_mutex_lock(&worker->inbox_lock);
	inbox = worker->inbox;
	worker->inbox = NULL;
	atomic_store(&worker->has_inbox, false);
	pthread_mutex_unlock(&worker->inbox_lock);
	for (struct conn *conn = inbox; conn; conn = next) {
		next = conn->next;
		if (conn->state == CONN_CLOSED)
			conn_free(worker, conn);
		else
			list_add(&worker->conns, conn);
	}
}

/* ---- the loop ---- */

uint32_t worker_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

static void handle_event(struct worker *worker, const struct epoll_event *event)
{
	if (event->data.u64 == WORKER_DATA_WAKE) {
		eventfd_t value;

		eventfd_read(worker->wake, &value);
		worker->ticked = worker->now - 1; /* look at everything */
		atomic_store(&worker->answered, atomic_load(&worker->asked));
	} else if (event->data.u64 == WORKER_DATA_MOUNTS) {
		; /* was looked at first */
	} else if (event->data.u64 < WORKER_DATA_LISTENERS) {
		accept_one(worker, worker->broker->listeners[event->data.u64]);
	} else {
		conn_event(worker, event->data.ptr);
	}
}

/* Notes that there was something to do, at most once a second, as all workers write there. */
static void mark_active(struct worker *worker)
{
	atomic_uint *active = &worker->broker->active;

	if (atomic_load_explicit(active, memory_order_relaxed) != worker->now)
		atomic_store_explicit(active, worker->now, memory_order_relaxed);
}

/* Once each time that all workers have had nothing to do for a while. */
static void trim_when_idle(struct worker *worker)
{
	unsigned active = atomic_load(&worker->broker->active);

	if ((int32_t)(worker->now - active) >= IDLE_SECONDS &&
		atomic_exchange(&worker->broker->trimmed, active) != active)
		footprint_trim();
}

static void tick(struct worker *worker)
{
	worker->ticked = worker->now;
	tick_list(worker, &worker->conns, UINT32_MAX);
	tick_list(worker, &worker->left, UINT32_MAX);
	if (!worker->listening)
		accept_begin(worker);
	trim_when_idle(worker);
}

/*
 * Ends: BROKER_FINISH serves what is in the queues already, BROKER_ABANDON does not. A connection
 * has one request at most, and what comes in while we are at it need not be served: clients that
 * go on asking cannot hold up the end.
 */
static void finish(struct worker *worker)
{
	struct broker *broker = worker->broker;
	bool serve = atomic_load(&broker->phase) == BROKER_FINISH;

	accept_end(worker);
	receive_inbox(worker);
	for (unsigned i = 0; serve && i < broker->n_listeners; i++) {
		for (int n = 0; n < SOMAXCONN && accept_one(worker, broker->listeners[i]); n++)
			;
	}
	while (worker->conns) {
		struct conn *conn = worker->conns;

		if (serve) {
			broker_check_netns(broker);
			conn_readable(worker, conn);
		}
		list_remove(&worker->conns, conn);
		conn_free(worker, conn);
	}
	while (worker->left) {
		struct conn *conn = worker->left;

		list_remove(&worker->left, conn);
		conn_free(worker, conn);
	}
}

/* A worker without connections sleeps until it is woken, but not at once: they come and go. */
static int timeout(struct worker *worker)
{
	bool ticking = worker->conns || worker->left || !worker->listening;

	if (ticking)
		worker->busy = worker->now;
	else
		ticking = worker->now - worker->busy <= IDLE_SECONDS + 1;
	atomic_store(&worker->ticking, ticking);
	/* One may have been handed over by a worker that saw us ticking. */
	return ticking ? 1000 : atomic_load(&worker->has_inbox) ? 0 : -1;
}

/* For speed: a sandbox may forbid it. */
static void pin(unsigned cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static bool mounts_changed(const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == WORKER_DATA_MOUNTS)
			return true;
	}
	return false;
}

void *worker_run(void *data)
{
	struct worker *worker = data;
	struct epoll_event events[EVENTS_MAX];

	pin(worker->cpu);
	accept_begin(worker);
	while (atomic_load(&worker->broker->phase) == BROKER_SERVE) {
		int n = epoll_wait(worker->epoll, events, EVENTS_MAX, timeout(worker));

		worker->now = worker_seconds();
		if (n > 0)
			mark_active(worker);
		receive_inbox(worker);
		if (n == EVENTS_MAX || mounts_changed(events, n))
			broker_check_netns(worker->broker);
		for (int i = 0; i < n; i++)
			handle_event(worker, &events[i]);
		if (worker->left)
			tick_list(worker, &worker->left, LEFT_SWEEP);
		if (worker->now != worker->ticked)
			tick(worker);
		accept_step_back(worker);
	}
	finish(worker);
	return NULL;
}
