/* SPDX-License-Identifier: MIT */
/*
 * The client is accepted already, so all it can be told of a failure is a reset.
 *
 * A target has one or more addresses (a name). They are tried in order: the next one when one is
 * refused or unreachable, or has not answered within its share of the time. When all have failed,
 * the name is looked up again for the next client.
 *
 * connect(2) does not wait. On a loopback interface it is over when it returns, although it says
 * EINPROGRESS; so what the client has sent already is sent at once, and an event is waited
 * for only if that says EAGAIN.
 */
#include "bridge/dial.h"

#include "bridge/bridge.h"
#include "bridge/greet.h"
#include "bridge/pacing.h"
#include "bridge/place.h"
#include "bridge/sockopt.h"
#include "bridge/streams.h"
#include "bridge/target.h"

#include "common/cleanup.h"
#include "daemon/log.h"

#include <errno.h>
#include <string.h>

static struct log_limit limit_failures = LOG_LIMIT_INIT;

/* ---- what a socket gets ---- */

/* bind=ADDR and bind=ADDR:PORT were checked when they were read. */
static int set_source(const struct forward *forward, int fd, const struct netaddr *target,
	const struct netaddr *client)
{
	const struct endpoint *connect = &forward->plan.connect;
	bool transparent = connect->transparent;
	struct netaddr source = transparent ? *client : forward->source;
	int family = target->sa.sa_family, r = 0;

	if (source.length == 0)
		return 0;
	netaddr_unmap(&source);
	if (source.sa.sa_family != family)
		return -EAFNOSUPPORT;
	if (transparent)
		r = family == AF_INET ? sockopt_set(fd, IPPROTO_IP, IP_TRANSPARENT, 1)
				      : sockopt_set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);
	else if (netaddr_port(&source) == 0)
		r = sockopt_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (r == 0 && netaddr_port(&source) != 0)
		r = sockopt_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r < 0)
		return r;
	return bind(fd, &source.sa, source.length) < 0 ? -errno : 0;
}

int dial_prepare(const struct forward *forward, int fd, int type, const struct netaddr *target,
	const struct netaddr *client, int tos, int ttl)
{
	const struct endpoint *connect = &forward->plan.connect;
	int family = target->sa.sa_family, r;

	if (family == AF_UNIX)
		return 0;
	if (type == SOCK_STREAM)
		sockopt_set_stream(fd, connect);
	if (connect->tos == ENDPOINT_CARRY && tos > 0)
		sockopt_set_tos(fd, family, tos);
	if (connect->ttl == ENDPOINT_CARRY && ttl > 0)
		sockopt_set_ttl(fd, family, ttl);
	r = sockopt_set_endpoint(fd, family, connect);
	return r == 0 ? set_source(forward, fd, target, client) : r;
}

/* ---- dialling ---- */

static void give_up(struct worker *worker, struct stream *stream, int r, const char *why)
{
	struct forward *forward = stream->forward;

	atomic_fetch_add(&forward->failed, 1);
	log_limited(&limit_failures, "failed", LOG_WARNING, "forward %s: %s: %s",
		forward->plan.name, forward->plan.connect.text, why ? why : strerror(-r));
	if (forward->target)
		target_unreachable(forward->target);
	stream_reset(worker, stream);
}

static void close_target(struct stream *stream)
{
	close_fd(&stream->side[STREAM_TARGET].fd);
	stream->armed[STREAM_TARGET] = 0;
}

static void use_target(struct stream *stream, int fd, bool tcp)
{
	stream->side[STREAM_TARGET].fd = fd;
	stream->flow[STREAM_CLIENT].to = stream->flow[STREAM_TARGET].from = fd;
	stream->flow[STREAM_CLIENT].writable = true;
	for (int i = 0; i < 2; i++)
		stream->flow[i].tcp = tcp && stream->client.sa.sa_family != AF_UNIX;
}

/* Where the target is a descriptor, there is one connection, for one client. */
static void use_descriptor(struct worker *worker, struct stream *stream)
{
	int fd = atomic_exchange(&stream->forward->connected_fd, -1);

	if (fd < 0) {
		give_up(worker, stream, 0, "serves one client only");
		return;
	}
	stream->only = true;
	use_target(stream, fd, stream->forward->connected_tcp);
	if (greet_write(stream) < 0) {
		stream_reset(worker, stream);
		return;
	}
	streams_enter(worker, stream, STREAM_RELAY);
	stream_turn(worker, stream);
}

/* Would the target take a remote client for a local one? */
static bool presents_local(const struct stream *stream, const struct netaddr *client,
	const struct netaddr *target)
{
	const struct plan_forward *plan = &stream->forward->plan;
	struct netaddr server = {.length = sizeof(server.un)};

	if (!plan_presents_local(plan, client, NULL, target))
		return false;
	if (stream->heard)
		server = stream->heard->destination;
	else if (getsockname(stream->side[STREAM_CLIENT].fd, &server.sa, &server.length) < 0)
		return true;
	return plan_presents_local(plan, client, &server, target);
}

/*
 * Connects to an address. Returns the state that the stream is in then (Unix sockets connect at
 * once), -EINPROGRESS: there is no socket yet, or a negative errno.
 */
static int connect_to(struct stream *stream, const struct netaddr *target, char text[PLACE_ADVICE],
	const char **ret_why)
{
	struct forward *forward = stream->forward;
	bool told = stream->heard && stream->heard->source.length > 0;
	const struct netaddr *client = told ? &stream->heard->source : &stream->client;
	_cleanup_fd_ int fd = -1;
	int r;

	if (presents_local(stream, client, target)) {
		*ret_why = PLAN_PRESENTS_LOCAL_TEXT;
		return -EPERM;
	}
	fd = place_take(forward->connect_place, target->sa.sa_family, SOCK_STREAM);
	if (fd < 0) {
		*ret_why = place_advice(forward->connect_place, fd, text);
		return steal_fd(&fd);
	}
	r = dial_prepare(forward, fd, SOCK_STREAM, target, client, stream->tos, stream->ttl);
	if (r < 0)
		return r;
	pacing_avoid(fd, target, &forward->pacing);
	r = connect(fd, &target->sa, target->length) < 0 ? -errno : 0;
	if (r < 0 && r != -EINPROGRESS)
		return r;
	use_target(stream, steal_fd(&fd), target->sa.sa_family != AF_UNIX);
	return r == 0 ? STREAM_RELAY : STREAM_DIALLING;
}

static void set_deadline(struct worker *worker, struct stream *stream, int addresses)
{
	uint64_t end = stream->began + (uint64_t)stream->forward->connect_timeout_s * 1000;
	uint64_t left = end > worker->now ? end - worker->now : 0;

	stream->deadline = worker->now + left / (unsigned)(addresses - stream->attempt);
}

void dial_start(struct worker *worker, struct stream *stream)
{
	struct netaddr addresses[TARGET_ADDRESSES_MAX];
	char text[PLACE_ADVICE];
	const char *why = NULL;
	int n, r;

	if (!stream->forward->target) {
		use_descriptor(worker, stream);
		return;
	}
	n = target_addresses(stream->forward->target, addresses);
	r = n < 0 ? n : -EHOSTUNREACH;
	if (n < 0)
		why = target_reason(n);
	if (n > 0 && stream->attempt < n)
		r = connect_to(stream, &addresses[stream->attempt], text, &why);
	stream->retry = r == -EAGAIN; /* the queue of a Unix socket is full: TCP would wait */
	if (r == -EINPROGRESS || r == -EAGAIN) {
		stream_arm(worker, stream);
		return;
	}
	if (r < 0) {
		if (n > 0 && stream->attempt + 1 < n) {
			stream->attempt++;
			dial_start(worker, stream);
			return;
		}
		give_up(worker, stream, r, why);
		return;
	}
	set_deadline(worker, stream, n);
	if (stream->flow[STREAM_CLIENT].bytes == 0 && !stream->greeted && greet_write(stream) < 0) {
		stream_reset(worker, stream);
		return;
	}
	stream->greeted = true;
	streams_enter(worker, stream, (enum stream_state)r);
	stream_turn(worker, stream);
}

void dial_failed(struct worker *worker, struct stream *stream, int r)
{
	struct netaddr addresses[TARGET_ADDRESSES_MAX];
	int n = target_addresses(stream->forward->target, addresses);

	close_target(stream);
	stream->given_up = worker->turn;
	if (n != -EINPROGRESS && stream->attempt + 1 >= n) {
		give_up(worker, stream, r, NULL);
		return;
	}
	stream->attempt++;
	streams_enter(worker, stream, STREAM_PARKED);
	dial_start(worker, stream);
}

void dial_late(struct worker *worker, struct stream *stream)
{
	if (stream->state == STREAM_HEADER) {
		greet_late(worker, stream);
		return;
	}
	if (stream->state == STREAM_DIALLING)
		dial_failed(worker, stream, -ETIMEDOUT);
	else
		give_up(worker, stream, -ETIMEDOUT, NULL);
}

bool dial_was_connected(int error)
{
	return error == ECONNRESET || error == EPIPE;
}

void dial_event(struct worker *worker, struct stream *stream, uint32_t events)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (events & (EPOLLERR | EPOLLHUP))
		getsockopt(stream->side[STREAM_TARGET].fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error != 0 && !dial_was_connected(error)) {
		dial_failed(worker, stream, -error);
		return;
	}
	if (error != 0 || (events & (EPOLLOUT | EPOLLHUP)))
		stream_connected(worker, stream);
	if (error != 0)
		stream_break(worker, stream, STREAM_TARGET);
	stream_turn(worker, stream);
}
