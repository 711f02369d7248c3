/* SPDX-License-Identifier: MIT */
/*
 * The new table is made beside the old one, and the workers see it when it is complete. A forward
 * in it
 *
 *   is an old one     where nothing about it has changed
 *   has its listener  where what listens is the same: so no client is refused, and one in the queue
 *                     is served by the forward that the worker which takes it knows
 *   is a new one      else, and where the namespace was made again. So an address that an old
 *                     forward still listens on cannot be listened on by another text (127.0.0.1:80,
 *                     then *:80) in the same step.
 *
 * A forward that is not in it any more is let go of by the workers, and by its last connection.
 */
#include "bridge/table.h"

#include "bridge/bridge.h"
#include "bridge/listener.h"
#include "bridge/place.h"

#include "common/cleanup.h"
#include "common/cookie.h"
#include "daemon/explain.h"
#include "daemon/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* New forwards look there; and workers do, with the lock held. */
static void set_limits(struct bridge *bridge, const struct plan *plan)
{
	pthread_mutex_lock(&bridge->table_lock);
	bridge->plan = *plan;
	bridge->plan.forwards = NULL;
	bridge->plan.n_forwards = 0;
	pthread_mutex_unlock(&bridge->table_lock);
}

static bool same_limits(const struct plan *a, const struct plan *b)
{
	return a->max_connections == b->max_connections &&
	       a->connect_timeout_s == b->connect_timeout_s &&
	       a->idle_timeout_s == b->idle_timeout_s && a->udp_timeout_s == b->udp_timeout_s;
}

static bool same_forward(const struct plan_forward *a, const struct plan_forward *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->listen.text, b->listen.text) == 0 &&
	       strcmp(a->connect.text, b->connect.text) == 0 &&
	       a->max_connections == b->max_connections &&
	       a->connect_timeout_s == b->connect_timeout_s &&
	       a->idle_timeout_s == b->idle_timeout_s;
}

static struct forward *find(const struct bridge *bridge, const struct plan_forward *planned)
{
	for (unsigned i = 0; i < bridge->n_table; i++) {
		if (strcmp(bridge->table[i]->plan.listen.text, planned->listen.text) == 0)
			return bridge->table[i];
	}
	return NULL;
}

/*
 * A namespace that may not be entered now may not be later, when the first client comes: then
 * nobody looks at what is said. One that is not there may come. Returns 0, or -EPERM and a message
 * in error.
 */
static int check_rights(struct forward *forward, char *error, size_t error_size)
{
	enum endpoint_place place = forward->plan.connect.place;
	_cleanup_fd_ int fd = -1;

	if (!forward->connect_place || (place != ENDPOINT_NETNS && place != ENDPOINT_NETNS_FD))
		return 0;
	fd = place_socket(forward->connect_place, AF_UNIX, SOCK_DGRAM, 0, error, error_size);
	place_leave(&forward->bridge->places);
	return fd == -EPERM ? fd : 0;
}

enum whereabouts { IN_PLACE, MOVED, GONE };

/* Whether the place's name stands for another namespace by now. */
static enum whereabouts find_out(struct forward *forward)
{
	const struct endpoint *listen = &forward->plan.listen;
	bool named = listen->place == ENDPOINT_NETNS || listen->place == ENDPOINT_BROKER;
	_cleanup_fd_ int fd = -1;
	bool same;

	if (!named || (listen->kind != ENDPOINT_TCP && listen->kind != ENDPOINT_UDP))
		return IN_PLACE;
	fd = place_socket(forward->listen_place, AF_INET,
		listen->kind == ENDPOINT_TCP ? SOCK_STREAM : SOCK_DGRAM, 0, NULL, 0);
	place_leave(&forward->bridge->places);
	/* Between umount(2) and unlink(2) its name is that of a plain file. */
	if ((fd == -ENOENT || fd == -EINVAL) && listen->place == ENDPOINT_NETNS)
		return GONE;
	if (fd < 0)
		return IN_PLACE;
	pthread_mutex_lock(&forward->bridge->table_lock);
	same = forward->listener && !cookies_are_apart(fd, forward->listener->fds[0]);
	pthread_mutex_unlock(&forward->bridge->table_lock);
	return same ? IN_PLACE : MOVED;
}

static struct forward *make(struct bridge *bridge, struct plan_forward *planned,
	bool limits_changed, char *error, size_t error_size)
{
	struct forward *old = find(bridge, planned), *forward;
	char warning[512];

	if (old && find_out(old) == MOVED)
		old = NULL;
	if (old && (old->one_client ? strcmp(old->plan.connect.text, planned->connect.text) == 0
				    : !limits_changed && same_forward(&old->plan, planned)))
		return forward_ref(old);
	/* One that was closed may have the number of somebody's connection now. */
	if (bridge->n_table > 0 &&
		(planned->listen.accepted || planned->connect.kind == ENDPOINT_FD)) {
		explain(error, error_size, -EINVAL,
			"forward %s: connections are taken over when the bridge starts, not later",
			planned->name);
		return NULL;
	}
	forward = forward_new(bridge, planned, old, error, error_size);
	if (forward && check_rights(forward, error, error_size) < 0) {
		forward_unref(forward);
		return NULL;
	}
	if (forward && plan_warning(&forward->plan, warning, sizeof(warning)))
		log_message(LOG_WARNING, "%s", warning);
	return forward;
}

static void release(struct forward **table, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		forward_unref(table[i]);
	free(table);
}

static bool contains(struct forward *const *table, unsigned n, const struct forward *forward)
{
	for (unsigned i = 0; i < n; i++) {
		if (table[i] == forward)
			return true;
	}
	return false;
}

static void swap(struct bridge *bridge, struct forward **table, unsigned n)
{
	struct forward **old = bridge->table;
	unsigned n_old = bridge->n_table;

	pthread_mutex_lock(&bridge->table_lock);
	bridge->table = table;
	bridge->n_table = n;
	for (unsigned i = 0; i < n_old; i++) {
		if (!contains(table, n, old[i]))
			forward_listen(old[i], NULL);
	}
	atomic_fetch_add(&bridge->generation, 1);
	pthread_mutex_unlock(&bridge->table_lock);
	bridge_limit(bridge, bridge->plan.max_connections);
	bridge_news(bridge);
	release(old, n_old);
}

int table_replace(struct bridge *bridge, struct plan *plan, char *error, size_t error_size)
{
	struct plan before = bridge->plan;
	bool limits_changed = !same_limits(&before, plan);
	struct forward **table = calloc(plan->n_forwards, sizeof(*table));

	if (!table)
		return explain(error, error_size, -ENOMEM, "%s", strerror(ENOMEM));
	set_limits(bridge, plan);
	for (unsigned i = 0; i < plan->n_forwards; i++) {
		table[i] = make(bridge, &plan->forwards[i], limits_changed, error, error_size);
		if (!table[i]) {
			set_limits(bridge, &before);
			release(table, i);
			return -EINVAL;
		}
	}
	if (bridge->n_table > 0 && plan->workers != before.workers)
		log_message(LOG_NOTICE,
			"Workers= has changed: takes effect when the bridge is started again");
	swap(bridge, table, plan->n_forwards);
	return 0;
}

static void listen_again(struct bridge *bridge, struct forward *forward, struct listener *listener)
{
	pthread_mutex_lock(&bridge->table_lock);
	forward_listen(forward, listener);
	atomic_fetch_add(&bridge->generation, 1);
	pthread_mutex_unlock(&bridge->table_lock);
}

/* Returns whether it is to be tried again. */
static bool follow(struct bridge *bridge, struct forward *forward)
{
	const struct plan_forward *plan = &forward->plan;
	enum whereabouts where = find_out(forward);
	struct listener *listener = NULL;
	char error[1024];

	if (where == MOVED) {
		listener = listener_new(forward->listen_place, &plan->listen, bridge->n_workers,
			error, sizeof(error));
		place_leave(&bridge->places);
		if (!listener && forward->untold)
			log_message(LOG_ERR, "forward %s: %s: tried again and again", plan->name,
				error);
		forward->untold = false;
		if (listener)
			log_message(LOG_NOTICE, "forward %s: %s was made again: listens there",
				plan->name, place_text(forward->listen_place));
	} else if (where == GONE && forward->listener) {
		log_message(LOG_NOTICE,
			"forward %s: %s was deleted: listens again once it is there", plan->name,
			place_text(forward->listen_place));
	}
	if (where != MOVED || listener)
		forward->untold = true;
	if (listener || (where == GONE && forward->listener))
		listen_again(bridge, forward, listener);
	return where == MOVED && !listener;
}

bool table_follow(struct bridge *bridge)
{
	bool again = false;

	places_look(&bridge->places);
	for (unsigned i = 0; i < bridge->n_table; i++) {
		if (bridge->table[i]->plan.listen.place == ENDPOINT_NETNS)
			again |= follow(bridge, bridge->table[i]);
	}
	bridge_news(bridge);
	return again;
}
