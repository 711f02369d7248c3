/* SPDX-License-Identifier: MIT */
/*
 * The loop of a worker.
 *
 * There are as many workers as CPUs, not pinned: who talks to whom changes, and the scheduler
 * knows. All of them wait for the listeners of streams (EPOLLEXCLUSIVE: one is woken), and each
 * owns the connections that it accepted, unless another one has far fewer: then that one gets them.
 * Each has datagram sockets of its own.
 *
 * Events may name objects that an earlier event of the same wake-up has closed. So closed objects
 * are freed after all events have been looked at (worker_bury).
 */
#include "bridge/worker.h"

#include "bridge/accept.h"
#include "bridge/bridge.h"
#include "bridge/streams.h"
#include "bridge/udp.h"

#include "common/cleanup.h"
#include "common/clock.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#define EVENTS_MAX 64
#define TICK_MS	   1000

int worker_watch(struct worker *worker, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

int worker_rewatch(struct worker *worker, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(worker->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0 ? -errno : 0;
}

void worker_unwatch(struct worker *worker, struct watch *watch)
{
	epoll_ctl(worker->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

void worker_bury(struct worker *worker, struct grave *grave, void (*free_it)(struct grave *grave))
{
	grave->free = free_it;
	grave->next = worker->graves;
	worker->graves = grave;
}

static void empty_graves(struct worker *worker)
{
	while (worker->graves) {
		struct grave *grave = worker->graves;

		worker->graves = grave->next;
		if (grave->free)
			grave->free(grave);
		else
			free(grave);
	}
}

void worker_wake(struct worker *worker)
{
	eventfd_write(worker->wake, 1);
}

static void on_wake(struct worker *worker, struct watch *watch, uint32_t events)
{
	eventfd_t value;

	eventfd_read(watch->fd, &value);
	atomic_store(&worker->answered, atomic_load(&worker->asked));
}

static void receive_inbox(struct worker *worker)
{
	struct stream *stream, *next;

	if (!atomic_load_explicit(&worker->has_inbox, memory_order_acquire))
		return;
	pthread_mutex_lock(&worker->inbox_lock);
	stream = worker->inbox;
	worker->inbox = NULL;
	atomic_store(&worker->has_inbox, false);
	pthread_mutex_unlock(&worker->inbox_lock);
	for (; stream; stream = next) {
		next = stream->next;
		stream_adopt(worker, stream);
	}
}

bool worker_hand_over(struct worker *worker, struct stream *stream)
{
	bool taken;

	pthread_mutex_lock(&worker->inbox_lock);
	taken = !worker->inbox_closed;
	if (taken) {
		stream->next = worker->inbox;
		worker->inbox = stream;
		atomic_store(&worker->has_inbox, true);
	}
	pthread_mutex_unlock(&worker->inbox_lock);
	worker_wake(worker);
	return taken;
}

/*
 * Where much is moved, those who send and receive run before the worker does again, if they share
 * its CPU: then it moves more at once. It halves the CPU time for each byte (docs/BENCHMARKS.md),
 * and would cost short exchanges time.
 */
static void let_others_run(struct worker *worker)
{
	if (worker->bulk)
		sched_yield();
	worker->bulk = false;
}

static int earlier(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* How long to sleep at most, in ms; -1: until something happens. */
static int timeout(struct worker *worker, bool more)
{
	int limit = streams_timeout(worker);

	if (more || atomic_load(&worker->has_inbox) || atomic_load(&worker->news))
		return 0;
	if (worker->udps)
		limit = earlier(limit, TICK_MS);
	if (worker->resume_at)
		limit = earlier(limit, (int)(worker->resume_at - worker->now));
	return limit;
}

static void tick(struct worker *worker)
{
	streams_tick(worker);
	if (worker->now - worker->ticked < TICK_MS)
		return;
	worker->ticked = worker->now;
	udp_tick(worker);
}

/* What came from other threads, and what the clock says. */
static void look_around(struct worker *worker)
{
	receive_inbox(worker);
	if (atomic_exchange(&worker->news, false)) {
		place_leave_gone(&worker->bridge->places);
		streams_news(worker);
		udp_news(worker);
	}
	accept_update(worker);
	accept_resume(worker);
	tick(worker);
}

static bool done(const struct worker *worker)
{
	switch ((enum bridge_phase)atomic_load(&worker->bridge->phase)) {
	case BRIDGE_SERVE:
		return false;
	case BRIDGE_DRAIN:
		return atomic_load(&worker->bridge->connections) == 0;
	case BRIDGE_END:
		return true;
	}
	return true;
}

int worker_open(struct worker *worker)
{
	int r;

	worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	worker->buffer = malloc(WORKER_BUFFER);
	if (worker->wake < 0 || worker->epoll < 0)
		return -errno;
	if (!worker->buffer)
		return -ENOMEM;
	pthread_mutex_init(&worker->inbox_lock, NULL);
	worker->wake_watch = (struct watch){on_wake, worker->wake};
	r = worker_watch(worker, &worker->wake_watch, EPOLLIN);
	return r < 0 ? r : streams_new(worker);
}

void *worker_run(void *data)
{
	struct worker *worker = data;
	struct epoll_event events[EVENTS_MAX];
	bool more = false;

	worker->now = worker->ticked = clock_ms(CLOCK_MONOTONIC_COARSE);
	accept_update(worker);
	while (!done(worker)) {
		int n;

		let_others_run(worker);
		n = epoll_wait(worker->epoll, events, EVENTS_MAX, timeout(worker, more));
		worker->now = clock_ms(CLOCK_MONOTONIC_COARSE);
		worker->turn++;
		for (int i = 0; i < n; i++) {
			struct watch *watch = events[i].data.ptr;

			watch->ready(worker, watch, events[i].events);
		}
		more = streams_continue(worker);
		look_around(worker);
		empty_graves(worker);
	}
	accept_end(worker);
	pthread_mutex_lock(&worker->inbox_lock);
	worker->inbox_closed = true;
	pthread_mutex_unlock(&worker->inbox_lock);
	receive_inbox(worker);
	streams_end(worker);
	udp_end(worker);
	empty_graves(worker);
	bridge_worker_done(worker->bridge);
	return NULL;
}

void worker_close(struct worker *worker)
{
	streams_free(worker);
	close_fd(&worker->wake);
	close_fd(&worker->epoll);
	free(worker->buffer);
}
