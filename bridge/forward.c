/* SPDX-License-Identifier: MIT */
#include "bridge/forward.h"

#include "bridge/bridge.h"
#include "bridge/host.h"
#include "bridge/listener.h"
#include "bridge/place.h"
#include "bridge/target.h"

#include "common/cleanup.h"
#include "daemon/explain.h"
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static struct log_limit limit_full = LOG_LIMIT_INIT;

static void forward_free(struct forward *forward)
{
	target_free(forward->target);
	listener_unref(forward->listener);
	place_put(forward->listen_place);
	place_put(forward->connect_place);
	close_fd((int *)&forward->accepted_fd);
	close_fd((int *)&forward->connected_fd);
	plan_forward_free(&forward->plan);
	free(forward);
}

/* A connection that somebody else made. */
static int check_connection(
	const struct endpoint *endpoint, bool *ret_tcp, char *error, size_t error_size)
{
	struct netaddr peer = {.length = sizeof(peer.un)};
	int fd = endpoint->fd, flags = fcntl(fd, F_GETFL), type = 0;
	socklen_t length = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_STREAM ||
		getpeername(fd, &peer.sa, &peer.length) < 0)
		return explain(error, error_size, -ENOTCONN,
			"%s: descriptor %d is no connected stream socket", endpoint->text, fd);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return explain(
			error, error_size, -errno, "%s: %s", endpoint->text, strerror(errno));
	*ret_tcp = peer.sa.sa_family != AF_UNIX;
	listener_prepare(fd, endpoint);
	return 0;
}

static int open_listening(
	struct forward *forward, struct forward *old, char *error, size_t error_size)
{
	const struct endpoint *listen = &forward->plan.listen;
	struct listener *listener;
	bool tcp;
	int r;

	if (listen->accepted) {
		r = check_connection(listen, &tcp, error, error_size);
		if (r < 0)
			return r;
		atomic_store(&forward->accepted_fd, listen->fd);
		forward->one_client = true;
		return 0;
	}
	forward->listen_place = place_get(&forward->bridge->places, listen);
	if (!forward->listen_place)
		return explain(error, error_size, -ENOMEM, "%s", strerror(ENOMEM));
	/* a worker may end the bridge right now */
	pthread_mutex_lock(&forward->bridge->table_lock);
	listener = old && old->listener ? listener_ref(old->listener) : NULL;
	pthread_mutex_unlock(&forward->bridge->table_lock);
	if (!listener)
		listener = listener_new(forward->listen_place, listen, forward->bridge->n_workers,
			error, error_size);
	if (!listener)
		return -EINVAL;
	forward_listen(forward, listener);
	forward->datagram = listener->datagram;
	return 0;
}

static int open_connecting(struct forward *forward, char *error, size_t error_size)
{
	const struct endpoint *connect = &forward->plan.connect;
	int r;

	if (forward->datagram != (connect->kind == ENDPOINT_UDP))
		return explain(error, error_size, -EINVAL,
			"forward %s: %s is a %s socket, %s is not: both ends must be",
			forward->plan.name, forward->plan.listen.text,
			forward->datagram ? "datagram" : "stream", connect->text);
	if (connect->kind == ENDPOINT_FD) {
		r = check_connection(connect, &forward->connected_tcp, error, error_size);
		if (r == 0)
			atomic_store(&forward->connected_fd, connect->fd);
		forward->one_client = true;
		return r;
	}
	forward->connect_place = place_get(&forward->bridge->places, connect);
	if (!forward->connect_place)
		return explain(error, error_size, -ENOMEM, "%s", strerror(ENOMEM));
	/* It may come later, as the target may. */
	r = place_check(forward->connect_place, error, error_size);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0)
		log_message(LOG_WARNING, "forward %s: %s; clients are refused until it is there",
			forward->plan.name, error);
	if (connect->bind)
		host_source(connect->bind, &forward->source);
	forward->target = target_new(forward->bridge, connect, forward->connect_place);
	if (!forward->target)
		return explain(error, error_size, -ENOMEM, "%s", strerror(ENOMEM));
	if (forward->bridge->n_started > 0)
		target_begin(forward->target);
	return 0;
}

struct forward *forward_new(struct bridge *bridge, struct plan_forward *plan, struct forward *old,
	char *error, size_t error_size)
{
	struct forward *forward = calloc(1, sizeof(*forward));
	int r;

	if (!forward) {
		explain(error, error_size, -ENOMEM, "%s", strerror(ENOMEM));
		return NULL;
	}
	forward->bridge = bridge;
	forward->plan = *plan;
	atomic_init(&forward->references, 1);
	forward->untold = true;
	atomic_init(&forward->accepted_fd, -1);
	atomic_init(&forward->connected_fd, -1);
	forward->connect_timeout_s =
		plan->connect_timeout_s ? plan->connect_timeout_s : bridge->plan.connect_timeout_s;
	forward->idle_timeout_s =
		plan->idle_timeout_s ? plan->idle_timeout_s : bridge->plan.idle_timeout_s;
	r = open_listening(forward, old, error, error_size);
	if (r == 0)
		r = open_connecting(forward, error, error_size);
	place_leave(&bridge->places);
	if (r == 0) {
		if (forward->idle_timeout_s != PLAN_NEVER)
			atomic_store(&bridge->idle_timeouts, true);
		*plan = (struct plan_forward){0};
		return forward;
	}
	forward->plan = (struct plan_forward){0}; /* stays the caller's, and so do descriptors */
	atomic_store(&forward->accepted_fd, -1);
	atomic_store(&forward->connected_fd, -1);
	forward_free(forward);
	return NULL;
}

struct forward *forward_ref(struct forward *forward)
{
	atomic_fetch_add_explicit(&forward->references, 1, memory_order_relaxed);
	return forward;
}

void forward_unref(struct forward *forward)
{
	if (atomic_fetch_sub(&forward->references, 1) == 1)
		forward_free(forward);
}

void forward_listen(struct forward *forward, struct listener *listener)
{
	listener_unref(forward->listener);
	forward->listener = listener;
}

/* ---- limits ---- */

static bool add_below(atomic_uint *counter, unsigned max)
{
	unsigned n = atomic_load(counter);

	/* never one too many for a moment: forward_leave() would not see that it is the last */
	while (n < max) {
		if (atomic_compare_exchange_weak(counter, &n, n + 1))
			return true;
	}
	return false;
}

bool forward_enter(struct forward *forward)
{
	struct bridge *bridge = forward->bridge;
	unsigned max = forward->plan.max_connections ? forward->plan.max_connections : UINT32_MAX;
	const char *whose = "MaxConnections= of the forward";

	if (add_below(&forward->connections, max)) {
		max = atomic_load_explicit(&bridge->max_connections, memory_order_relaxed);
		if (add_below(&bridge->connections, max)) {
			atomic_fetch_add_explicit(&forward->accepted, 1, memory_order_relaxed);
			return true;
		}
		atomic_fetch_sub_explicit(&forward->connections, 1, memory_order_relaxed);
		whose = max < bridge->room ? "MaxConnections= of the bridge"
					   : "too many open files: the room that RLIMIT_NOFILE leaves";
	}
	atomic_fetch_add_explicit(&forward->refused, 1, memory_order_relaxed);
	log_limited(&limit_full, "limit", LOG_WARNING, "forward %s: a client was refused: %s is %u",
		forward->plan.name, whose, max);
	return false;
}

void forward_leave(struct forward *forward)
{
	struct bridge *bridge = forward->bridge;

	atomic_fetch_sub_explicit(&forward->connections, 1, memory_order_relaxed);
	if (atomic_fetch_sub(&bridge->connections, 1) == 1 &&
		atomic_load(&bridge->phase) != BRIDGE_SERVE)
		bridge_news(bridge); /* the last one: all workers may end */
}
