/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_WORKER_H
#define XSOCKET_SERVER_WORKER_H

/* A thread on one CPU that serves the clients of that CPU. See worker.c. */

#include "server/config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct broker;
struct conn;
struct user;

struct worker {
	struct broker *broker;
	pthread_t thread;
	unsigned cpu;
	int epoll, wake;  /* wake: an eventfd */
	int mounts;	  /* netns_watch(), or -1: the namespace is looked at for each request */
	uint32_t now;	  /* second of the last wake-up (CLOCK_MONOTONIC) */
	uint32_t ticked;  /* second of the last look at all deadlines */
	uint32_t busy;	  /* second when it last had a connection */
	struct conn *conns; /* those that stay */
	struct conn *left;  /* those that had their last answer */
	unsigned strangers;    /* how many connections in a row came from other CPUs */
	unsigned stranger_cpu; /* the last one of them */
	bool listening;	    /* the listeners are in the epoll set */
	atomic_bool ticking; /* wakes up every second by itself */

	struct config config; /* a copy, see worker_config() */
	unsigned config_generation;

	pthread_mutex_t inbox_lock;
	struct conn *inbox;    /* handed over by other workers, in the epoll set already */
	atomic_bool has_inbox;

	atomic_uint asked, answered; /* signs of life, for the watchdog */
};

/* What an event in a worker's epoll set is about; else it is a pointer to a connection. */
#define WORKER_DATA_WAKE      UINT64_MAX
#define WORKER_DATA_MOUNTS    (UINT64_MAX - 1)
#define WORKER_DATA_LISTENERS 4096u /* below: the index of a listener */

/* The thread. Its data is the struct worker. */
void *worker_run(void *worker);

/* Seconds of CLOCK_MONOTONIC. */
uint32_t worker_seconds(void);

/* Makes it look at its phase, its inbox, and all of its connections. From any thread. */
void worker_wake(struct worker *worker);

/* For its own thread: puts a connection that is in no list where its state says. */
void worker_settle(struct worker *worker, struct conn *conn);

/* For its own thread: looks which descriptors sent to a user of its connections were received. */
void worker_recount(struct worker *worker, const struct user *user);

/* For its own thread: the configuration in force. */
const struct config *worker_config(struct worker *worker);

/*
 * For its own thread: whether the namespace is still the right one. If not, the broker ends.
 * request_is_new: the request may have come after the last epoll_wait(2).
 */
bool worker_may_serve(struct worker *worker, bool request_is_new);

#endif
