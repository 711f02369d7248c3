/* SPDX-License-Identifier: MIT */
/*
 * New connections. They wake one worker (EPOLLEXCLUSIVE, epoll_ctl(2), kernel 4.5): the first that
 * waits, in the order in which they began to listen. A worker that is woken for nothing but clients
 * of other CPUs therefore goes to the end of that queue.
 */
#include "server/accept.h"

#include "server/broker.h"
#include "server/conn.h"
#include "server/request.h"
#include "server/worker.h"
#include "server/workers.h"

#include "common/cleanup.h"
#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define STRANGERS_MAX 16

void accept_begin(struct worker *worker)
{
	struct broker *broker = worker->broker;

	for (unsigned i = 0; i < broker->n_listeners; i++) {
		struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = i};

		epoll_ctl(worker->epoll, EPOLL_CTL_ADD, broker->listeners[i], &event);
	}
	worker->listening = true;
}

void accept_end(struct worker *worker)
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

void accept_count(struct worker *worker, const struct conn *conn)
{
	if (conn->cpu == WIRE_CPU_UNKNOWN)
		return;
	worker->strangers = conn->cpu == worker->cpu ? 0 : worker->strangers + 1;
	worker->stranger_cpu = conn->cpu;
}

bool accept_one(struct worker *worker, int listener)
{
	struct conn *conn;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		int error = errno, r;

		if (error != EMFILE && error != ENFILE && error != ENOMEM && error != ENOBUFS)
			return false;
		r = refuse_by_spare(worker->broker, listener, error);
		if (r < 0)
			accept_end(worker); /* until the next tick */
		return r > 0;
	}
	conn = conn_new(worker, fd);
	if (!conn)
		return true;
	conn_readable(worker, conn);
	accept_count(worker, conn);
	worker_settle(worker, conn);
	return true;
}

void accept_step_back(struct worker *worker)
{
	if (worker->strangers <= STRANGERS_MAX)
		return;
	worker->strangers = 0;
	/* A connection for one request leaves no time to make the worker that it would be for. */
	if (atomic_load(&worker->broker->phase) == BROKER_SERVE)
		workers_for_cpu(worker->broker, worker->stranger_cpu);
	accept_end(worker);
	accept_begin(worker);
}
