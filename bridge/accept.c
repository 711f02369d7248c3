/* SPDX-License-Identifier: MIT */
/*
 * A tap is a worker's hold on a listener. When the table of forwards has changed, taps of forwards
 * that are no longer in it go first, so that a listener that was handed on from an old forward to a
 * new one is watched for the new one.
 *
 * A tap holds a reference of the listener, and the forward another one as long as it is in the
 * table. So a listener is closed when the last worker has let go of it, even while connections
 * through it go on: a port must be free again once it is not served. And a forward can get another
 * listener (forward_listen()).
 *
 * When there is no descriptor left, connections would stay in the queue and wake the workers for
 * ever. So one number is kept in reserve and given up for a moment to take such a connection and
 * reset it. Another thread may be quicker and take that number; then the listener is left alone for
 * a while.
 */
#include "bridge/accept.h"

#include "bridge/bridge.h"
#include "bridge/listener.h"
#include "bridge/stream.h"
#include "bridge/udp.h"

#include "common/cleanup.h"
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPTS_MAX 64 /* of one wake-up */
#define PAUSE_MS    100
#define UNEVEN	    8  /* streams more than another worker has */

struct accept_tap {
	struct grave grave;
	struct watch watch;
	struct accept_tap *next;
	struct forward *forward;
	struct listener *listener;
	bool paused;
};

static struct log_limit limit_errors = LOG_LIMIT_INIT;

/* The one that has far fewer connections, or this one. */
static struct worker *choose(struct worker *worker)
{
	struct bridge *bridge = worker->bridge;
	struct worker *best = worker;
	unsigned least = atomic_load_explicit(&worker->load, memory_order_relaxed);

	if (least < UNEVEN)
		return worker;
	least -= UNEVEN;
	for (unsigned i = 0; i < bridge->n_workers; i++) {
		unsigned load =
			atomic_load_explicit(&bridge->workers[i].load, memory_order_relaxed);

		if (load < least) {
			least = load;
			best = &bridge->workers[i];
		}
	}
	return best;
}

static void admit(
	struct worker *worker, struct forward *forward, int fd, const struct netaddr *client)
{
	if (!forward_enter(forward)) {
		stream_reset_fd(fd);
		return;
	}
	stream_accept(worker, choose(worker), forward, fd, client);
}

/* Takes a connection by the descriptor in reserve, and resets it. Returns whether there was one. */
static bool refuse(struct worker *worker, struct forward *forward, int listener, int error)
{
	struct bridge *bridge = worker->bridge;
	bool taken = false;
	int fd;

	pthread_mutex_lock(&bridge->spare_lock);
	close_fd(&bridge->spare);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		taken = true;
		stream_reset_fd(fd);
	}
	bridge->spare = open("/", O_PATH | O_CLOEXEC);
	pthread_mutex_unlock(&bridge->spare_lock);
	if (taken) {
		atomic_fetch_add(&forward->refused, 1);
		log_limited(&limit_errors, "refused", LOG_WARNING,
			"forward %s: a connection was refused: %s", forward->plan.name,
			strerror(error));
	}
	return taken;
}

static void pause_tap(struct worker *worker, struct accept_tap *tap)
{
	worker_unwatch(worker, &tap->watch);
	tap->paused = true;
	worker->resume_at = worker->now + PAUSE_MS;
}

void accept_resume(struct worker *worker)
{
	if (!worker->resume_at || worker->now < worker->resume_at)
		return;
	worker->resume_at = 0;
	pthread_mutex_lock(&worker->bridge->spare_lock);
	if (worker->bridge->spare < 0)
		worker->bridge->spare = open("/", O_PATH | O_CLOEXEC);
	pthread_mutex_unlock(&worker->bridge->spare_lock);
	for (struct accept_tap *tap = worker->taps; tap; tap = tap->next) {
		if (!tap->paused)
			continue;
		tap->paused = worker_watch(worker, &tap->watch, EPOLLIN | EPOLLEXCLUSIVE) < 0;
		if (tap->paused)
			worker->resume_at = worker->now + PAUSE_MS;
	}
}

static void on_listener(struct worker *worker, struct watch *watch, uint32_t events)
{
	struct accept_tap *tap = WORKER_WATCHED(watch, struct accept_tap, watch);
	struct forward *forward = tap->forward;

	for (int i = 0; forward && i < ACCEPTS_MAX; i++) {
		struct netaddr client = {.length = sizeof(client.un)};
		int fd = accept4(
			watch->fd, &client.sa, &client.length, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			admit(worker, forward, fd, &client);
			continue;
		}
		if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO)
			continue;
		if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM &&
			errno != EINVAL)
			return;
		/* EINVAL: somebody else who has it has shut it down, which is an event for ever. */
		if (errno == EINVAL || !refuse(worker, forward, watch->fd, errno)) {
			pause_tap(worker, tap);
			return;
		}
	}
}

static void close_tap(struct worker *worker, struct accept_tap *tap)
{
	struct forward *forward = tap->forward;

	tap->forward = NULL; /* an event of this wake-up may still name it */
	if (forward->datagram)
		udp_close(worker, forward);
	else
		worker_unwatch(worker, &tap->watch);
	listener_unref(tap->listener);
	forward_unref(forward);
	worker_bury(worker, &tap->grave, NULL);
}

static void open_tap(struct worker *worker, struct forward *forward)
{
	struct accept_tap *tap = calloc(1, sizeof(*tap));
	int r = -ENOMEM;

	if (tap) {
		tap->forward = forward_ref(forward);
		tap->next = worker->taps;
		worker->taps = tap;
		tap->listener = forward->listener ? listener_ref(forward->listener) : NULL;
		if (forward->datagram) {
			r = udp_open(worker, forward);
		} else if (forward->listener) {
			tap->watch = (struct watch){on_listener, forward->listener->fds[0]};
			r = worker_watch(worker, &tap->watch, EPOLLIN | EPOLLEXCLUSIVE);
		} else {
			r = 0;
		}
	}
	if (r < 0)
		log_message(LOG_ERR, "forward %s: cannot be served: %s", forward->plan.name,
			strerror(-r));
}

static bool is_current(const struct bridge *bridge, const struct accept_tap *tap)
{
	for (unsigned i = 0; i < bridge->n_table; i++) {
		if (bridge->table[i] == tap->forward)
			return tap->forward->listener == tap->listener;
	}
	return false;
}

static bool tapped(const struct worker *worker, const struct forward *forward)
{
	for (const struct accept_tap *tap = worker->taps; tap; tap = tap->next) {
		if (tap->forward == forward)
			return true;
	}
	return false;
}

/* A client that was connected when the bridge started (fd: with "accepted"). */
static void take_accepted(struct worker *worker, struct forward *forward)
{
	int fd = atomic_exchange(&forward->accepted_fd, -1);
	struct netaddr client = {.length = sizeof(client.un)};

	if (fd < 0)
		return;
	if (getpeername(fd, &client.sa, &client.length) < 0)
		client.length = 0;
	admit(worker, forward, fd, &client);
}

void accept_update(struct worker *worker)
{
	struct bridge *bridge = worker->bridge;
	struct accept_tap **link = &worker->taps;

	if (atomic_load(&bridge->phase) != BRIDGE_SERVE) {
		accept_end(worker);
		return;
	}
	if (worker->generation == atomic_load(&bridge->generation))
		return;
	pthread_mutex_lock(&bridge->table_lock);
	worker->generation = atomic_load(&bridge->generation);
	while (*link) {
		struct accept_tap *tap = *link;

		if (is_current(bridge, tap)) {
			link = &tap->next;
			continue;
		}
		*link = tap->next;
		close_tap(worker, tap);
	}
	for (unsigned i = 0; i < bridge->n_table; i++) {
		if (!tapped(worker, bridge->table[i]))
			open_tap(worker, bridge->table[i]);
	}
	pthread_mutex_unlock(&bridge->table_lock);
	for (struct accept_tap *tap = worker->taps; tap; tap = tap->next)
		take_accepted(worker, tap->forward);
}

void accept_end(struct worker *worker)
{
	while (worker->taps) {
		struct accept_tap *tap = worker->taps;

		worker->taps = tap->next;
		close_tap(worker, tap);
	}
}
