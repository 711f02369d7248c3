/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_BROKER_H
#define XSOCKET_SERVER_BROKER_H

/*
 * What the threads of the broker share.
 *
 *   control.c   the main thread: signals, service manager, watchdog, the namespace's fate (sd-event)
 *   worker.c    one thread per CPU that clients run on: an epoll loop over their connections
 *   conn.c      one connection, owned by one worker at a time
 *   request.c   one request
 */

#include "server/config.h"
#include "server/files.h"
#include "daemon/netns.h"
#include "server/user.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

struct worker;

/* How the broker is to end. Grows only. */
enum broker_phase {
	BROKER_SERVE,
	BROKER_FINISH,	/* serve what was asked already, then end */
	BROKER_ABANDON, /* the namespace is gone: hand out nothing any more */
};

struct broker {
	int *listeners; /* owned */
	unsigned n_listeners;
	const struct netns *netns;
	struct files files; /* of that namespace */
	struct user_table *users;
	unsigned user_descriptors; /* sent and not received: each user's share */

	atomic_int phase;
	int control; /* eventfd: a worker wants the main thread to look at the phase */

	pthread_mutex_t config_lock;
	struct config config;
	atomic_uint config_generation;

	/*
	 * Connections that the kernel cannot give us a number for would stay in the queue and
	 * wake the broker again and again. This spare number is given up for a moment to take
	 * such a connection and refuse it.
	 */
	pthread_mutex_t spare_lock;
	int spare;

	atomic_uint active;  /* second in which some worker last had something to do */
	atomic_uint trimmed; /* value of `active` when memory was given back last */

	pthread_mutex_t workers_lock;
	cpu_set_t cpus; /* where there may be workers */
	_Atomic(struct worker *) workers[CPU_SETSIZE]; /* made when the first client comes from there */
};

/* Raises the phase, from any thread; the main thread then ends the broker. */
void broker_end(struct broker *broker, enum broker_phase phase);

/* Ends it when its namespace is no longer the one of that name. */
void broker_check_netns(struct broker *broker);

#endif
