/* SPDX-License-Identifier: MIT */
#include "server/workers.h"

#include "server/broker.h"
#include "server/conn.h"
#include "server/user.h"
#include "server/worker.h"

#include "common/cleanup.h"
#include "daemon/thread.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define STACK_SIZE	    (128 * 1024)
#define RECOUNTS_PER_SECOND 100

static void worker_free(struct worker *worker)
{
	close_fd(&worker->epoll);
	close_fd(&worker->wake);
	close_fd(&worker->mounts);
	pthread_mutex_destroy(&worker->inbox_lock);
	free(worker);
}

/* Optional: without it each request costs a stat(2). */
static void watch_mounts(struct worker *worker)
{
	struct epoll_event event = {.events = EPOLLPRI, .data.u64 = WORKER_DATA_MOUNTS};

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
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = WORKER_DATA_WAKE};
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->broker = broker;
	worker->cpu = cpu;
	worker->config_generation = atomic_load(&broker->config_generation) - 1; /* none yet */
	worker->now = worker->ticked = worker->busy = worker_seconds();
	pthread_mutex_init(&worker->inbox_lock, NULL);
	worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch_mounts(worker);
	if (worker->wake < 0 || worker->epoll < 0 ||
		epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &event) < 0 ||
		thread_start(&worker->thread, STACK_SIZE, worker_run, worker) < 0) {
		worker_free(worker);
		return NULL;
	}
	return worker;
}

struct worker *workers_for_cpu(struct broker *broker, unsigned cpu)
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

void workers_wake(struct broker *broker)
{
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		struct worker *worker = atomic_load(&broker->workers[cpu]);

		if (worker)
			worker_wake(worker);
	}
}

void workers_recount(struct worker *worker, struct user *user)
{
	struct timespec now;
	unsigned slot;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	slot = (unsigned)now.tv_sec * RECOUNTS_PER_SECOND +
	       (unsigned)now.tv_nsec / (1000000000 / RECOUNTS_PER_SECOND);
	if (atomic_exchange(&user->recounted, slot) == slot)
		return;
	worker_recount(worker, user);
	workers_wake(worker->broker);
}
