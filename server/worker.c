/* SPDX-License-Identifier: MIT */
/*
 * The loop that serves connections: one thread per CPU that clients run on.
 *
 * Handing out a socket takes a few microseconds, waking a sleeping CPU takes ten times as long. So
 * each worker is pinned to a CPU, and a connection is moved to the worker of the CPU its client
 * says it runs on: then the wake-up is a switch of threads, not an interrupt to another CPU. A
 * worker is made when the first client shows up on its CPU; a broker nobody talks to has one.
 *
 * New connections wake one worker (EPOLLEXCLUSIVE, epoll_ctl(2)): the first that waits, in the
 * order in which they began to listen. A worker that is woken for nothing but clients of other CPUs
 * therefore goes to the end of that queue.
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

#include "server/broker.h"
#include "server/conn.h"
#include "server/footprint.h"
#include "server/log.h"
#include "server/request.h"

#include "common/cleanup.h"
#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#define EVENTS_MAX    32
#define STACK_SIZE    (128 * 1024)
#define STRANGERS_MAX 16 /* then the worker goes to the end of the queue */
#define LEFT_SWEEP    8	 /* connections looked at per wake-up */
#define IDLE_SECONDS  2	 /* then memory is given back */

/* What an event is about: a listener by its index, the eventfd, or else a connection. */
#define DATA_WAKE      UINT64_MAX
#define DATA_MOUNTS    (UINT64_MAX - 1)
#define DATA_LISTENERS 4096u /* no pointer is below this */

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

/* Ends the broker when its namespace is no longer the one of that name. */
static void check_netns(struct worker *worker)
{
	if (!netns_current(worker->broker->netns))
		broker_end(worker->broker, BROKER_ABANDON);
}

bool worker_may_serve(struct worker *worker, bool request_is_new)
{
	if (worker->mounts < 0 || request_is_new)
		check_netns(worker);
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

static bool poll_conn(struct worker *worker, struct conn *conn, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = conn};
	int op = conn->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (epoll_ctl(worker->epoll, op, conn->fd, &event) < 0)
		return false;
	conn->polled = true;
	return true;
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
	if (!poll_conn(to, conn, EPOLLIN))
		conn->state = CONN_CLOSED; /* the worker will free it */
	pthread_mutex_unlock(&to->inbox_lock);
	if (!atomic_load(&to->ticking))
		worker_wake(to);
}

/* Puts a connection that is in no list where its state says. */
static void settle(struct worker *worker, struct conn *conn)
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
		/* Only its end is of interest; that is always reported. */
		if (!poll_conn(worker, conn, 0)) {
			conn_free(worker, conn);
			return;
		}
		break;
	case CONN_SILENT:
	case CONN_IDLE:
		if (conn->cpu != worker->cpu && conn->cpu != WIRE_CPU_UNKNOWN &&
			atomic_load(&worker->broker->phase) == BROKER_SERVE)
			home = worker_for_cpu(worker->broker, conn->cpu);
		if (home && home != worker) {
			unpoll_conn(worker, conn);
			hand_over(home, conn);
			return;
		}
		if (!conn->polled && !poll_conn(worker, conn, EPOLLIN)) {
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
	if (conn->state == CONN_IDLE && (before == CONN_IDLE || before == CONN_SILENT) &&
		conn->cpu == cpu)
		return; /* by far the most frequent: nothing changed */
	list_remove(&worker->conns, conn);
	settle(worker, conn);
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

/* ---- listeners ---- */

static void listen_begin(struct worker *worker)
{
	struct broker *broker = worker->broker;

	for (unsigned i = 0; i < broker->n_listeners; i++) {
		struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = i};

		epoll_ctl(worker->epoll, EPOLL_CTL_ADD, broker->listeners[i], &event);
	}
	worker->listening = true;
}

static void listen_end(struct worker *worker)
{
	struct broker *broker = worker->broker;

	for (unsigned i = 0; i < broker->n_listeners; i++)
		epoll_ctl(worker->epoll, EPOLL_CTL_DEL, broker->listeners[i], NULL);
	worker->listening = false;
}

/*
 * Takes a connection for which there is no descriptor by giving up the spare one, to refuse it.
 * Returns whether there was one; or a negative number when the spare one is gone, too.
 */
static int refuse_by_spare(struct broker *broker, int listener, int error)
{
	struct conn refused = {.fd = -1};
	int r = -1;

	pthread_mutex_lock(&broker->spare_lock);
	if (broker->spare >= 0) {
		close_fd(&broker->spare);
		refused.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		r = refused.fd >= 0;
		if (r)
			request_refuse(&refused, error);
		close_fd(&refused.fd);
	}
	if (broker->spare < 0)
		broker->spare = open("/", O_PATH | O_CLOEXEC);
	pthread_mutex_unlock(&broker->spare_lock);
	return r;
}

/* Serves one new connection. Returns false when there was none. */
static bool accept_one(struct worker *worker, int listener)
{
	struct conn *conn;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		int error = errno, r;

		if (error != EMFILE && error != ENFILE && error != ENOMEM && error != ENOBUFS)
			return false;
		r = refuse_by_spare(worker->broker, listener, error);
		if (r < 0)
			listen_end(worker); /* until the next tick */
		return r > 0;
	}
	conn = conn_new(worker, fd);
	if (!conn)
		return true;
	conn_readable(worker, conn);
	if (conn->cpu != WIRE_CPU_UNKNOWN)
		worker->strangers = conn->cpu == worker->cpu ? 0 : worker->strangers + 1;
	settle(worker, conn);
	return true;
}

/* Goes to the end of the queue of those who wait for connections. */
static void step_back(struct worker *worker)
{
	worker->strangers = 0;
	listen_end(worker);
	listen_begin(worker);
}

/* ---- the loop ---- */

static uint32_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

static void handle_event(struct worker *worker, const struct epoll_event *event)
{
	if (event->data.u64 == DATA_WAKE) {
		eventfd_t value;

		eventfd_read(worker->wake, &value);
		atomic_store(&worker->answered, atomic_load(&worker->asked));
	} else if (event->data.u64 == DATA_MOUNTS) {
		; /* was looked at first */
	} else if (event->data.u64 < DATA_LISTENERS) {
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

	if (worker->now - active >= IDLE_SECONDS &&
		atomic_exchange(&worker->broker->trimmed, active) != active)
		footprint_trim();
}

static void tick(struct worker *worker)
{
	worker->ticked = worker->now;
	tick_list(worker, &worker->conns, UINT32_MAX);
	tick_list(worker, &worker->left, UINT32_MAX);
	if (!worker->listening)
		listen_begin(worker);
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

	listen_end(worker);
	receive_inbox(worker);
	for (unsigned i = 0; serve && i < broker->n_listeners; i++) {
		for (int n = 0; n < SOMAXCONN && accept_one(worker, broker->listeners[i]); n++)
			;
	}
	while (worker->conns) {
		struct conn *conn = worker->conns;

		if (serve)
			conn_readable(worker, conn);
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
		if (events[i].data.u64 == DATA_MOUNTS)
			return true;
	}
	return false;
}

static void *run(void *data)
{
	struct worker *worker = data;
	struct epoll_event events[EVENTS_MAX];

	pin(worker->cpu);
	listen_begin(worker);
	while (atomic_load(&worker->broker->phase) == BROKER_SERVE) {
		int n = epoll_wait(worker->epoll, events, EVENTS_MAX, timeout(worker));

		worker->now = seconds();
		if (n > 0)
			mark_active(worker);
		receive_inbox(worker);
		if (n == EVENTS_MAX || mounts_changed(events, n))
			check_netns(worker);
		for (int i = 0; i < n; i++)
			handle_event(worker, &events[i]);
		if (worker->left)
			tick_list(worker, &worker->left, LEFT_SWEEP);
		if (worker->now != worker->ticked)
			tick(worker);
		if (worker->strangers > STRANGERS_MAX)
			step_back(worker);
	}
	finish(worker);
	return NULL;
}

/* ---- making and ending workers ---- */

static void worker_free(struct worker *worker)
{
	close_fd(&worker->epoll);
	close_fd(&worker->wake);
	close_fd(&worker->mounts);
	pthread_mutex_destroy(&worker->inbox_lock);
	free(worker);
}

static int start_thread(struct worker *worker)
{
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	r = pthread_create(&worker->thread, &attr, run, worker);
	pthread_attr_destroy(&attr);
	return -r;
}

/* Optional: without it each request costs a stat(2). */
static void watch_mounts(struct worker *worker)
{
	struct epoll_event event = {.events = EPOLLPRI, .data.u64 = DATA_MOUNTS};

	worker->mounts = -1;
	if (!worker->broker->netns->mounted)
		return;
	worker->mounts = netns_watch();
	if (worker->mounts >= 0 &&
		epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->mounts, &event) < 0)
		close_fd(&worker->mounts);
}

static struct worker *worker_new(struct broker *broker, unsigned cpu)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = DATA_WAKE};
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->broker = broker;
	worker->cpu = cpu;
	worker->config_generation = atomic_load(&broker->config_generation) - 1; /* none yet */
	worker->now = worker->ticked = worker->busy = seconds();
	pthread_mutex_init(&worker->inbox_lock, NULL);
	worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch_mounts(worker);
	if (worker->wake < 0 || worker->epoll < 0 ||
		epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &event) < 0 ||
		start_thread(worker) < 0) {
		worker_free(worker);
		return NULL;
	}
	return worker;
}

struct worker *worker_for_cpu(struct broker *broker, unsigned cpu)
{
	struct worker *worker;

	if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &broker->cpus))
		return NULL;
	worker = atomic_load(&broker->workers[cpu]);
	if (worker)
		return worker;
	pthread_mutex_lock(&broker->workers_lock);
	worker = atomic_load(&broker->workers[cpu]);
	/* None is made any more once the broker ends: the main thread joins those there are. */
	if (!worker && atomic_load(&broker->phase) == BROKER_SERVE) {
		worker = worker_new(broker, cpu);
		atomic_store(&broker->workers[cpu], worker);
	}
	pthread_mutex_unlock(&broker->workers_lock);
	return worker;
}

void workers_join(struct broker *broker)
{
	pthread_mutex_lock(&broker->workers_lock); /* nobody is in the middle of making one */
	pthread_mutex_unlock(&broker->workers_lock);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		struct worker *worker = atomic_load(&broker->workers[cpu]);

		if (worker)
			pthread_join(worker->thread, NULL);
	}
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		struct worker *worker = atomic_load(&broker->workers[cpu]);

		if (!worker)
			continue;
		/* Handed over after its thread had looked for the last time. */
		for (struct conn *conn = worker->inbox, *next; conn; conn = next) {
			next = conn->next;
			conn_free(worker, conn);
		}
		worker_free(worker);
	}
}
