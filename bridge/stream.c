/* SPDX-License-Identifier: MIT */
/*
 * A stream: two sockets and a flow in each direction.
 *
 *   HEADER --> PARKED <--> DIALLING --> RELAY --> CLOSED
 *                                         |  \
 *                                         |   DYING --> CLOSED
 *
 * What one side does, the other gets to see:
 *   end        The flow is finished when everything is with the other side, which then is shut
 *              down for writing. The opposite flow goes on. When both are finished, both are
 *              closed.
 *   reset      Reading or writing fails: that side is broken. What it had sent is delivered first,
 *              and has left our socket (SIOCOUTQ), since a reset throws away what has not. Then the
 *              other side is reset. It waits no longer than a while for a side that does not read.
 *   no answer  A target that cannot be reached, or refuses, is a reset for the client.
 *
 * Sockets are in the epoll set edge-triggered (epoll(7)): a flow remembers that it can read or
 * write until an operation says EAGAIN. EPOLLOUT is asked for only once a write has blocked, so
 * that a short exchange causes no events about what is known already.
 */
#include "bridge/stream.h"

#include "bridge/bridge.h"
#include "bridge/dial.h"
#include "bridge/greet.h"
#include "bridge/streams.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DYING_MS 1000 /* without a byte, for a side that does not read */

#define EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET)

void stream_reset_fd(int fd)
{
	static const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* ---- its end ---- */

void stream_free(struct grave *grave)
{
	struct stream *stream = (struct stream *)grave;

	free(stream->heard);
	free(stream);
}

static void close_stream(struct worker *worker, struct stream *stream)
{
	struct forward *forward = stream->forward;

	streams_remove(stream);
	stream->state = STREAM_CLOSED;
	for (int i = 0; i < 2; i++) {
		engine_drop(worker, &stream->flow[i]);
		if (stream->side[i].fd >= 0)
			close(stream->side[i].fd);
	}
	atomic_fetch_sub_explicit(&worker->load, 1, memory_order_relaxed);
	forward_leave(forward);
	if (stream->only)
		bridge_end(forward->bridge, BRIDGE_DRAIN);
	forward_unref(forward);
	if (!stream->queued)
		worker_bury(worker, &stream->grave, stream_free);
}

static void reset_side(struct stream *stream, int side)
{
	if (stream->side[side].fd >= 0)
		stream_reset_fd(stream->side[side].fd);
	stream->side[side].fd = -1;
}

void stream_reset(struct worker *worker, struct stream *stream)
{
	if (stream->state == STREAM_CLOSED)
		return;
	reset_side(stream, STREAM_CLIENT);
	reset_side(stream, STREAM_TARGET);
	atomic_fetch_add_explicit(&stream->forward->reset, 1, memory_order_relaxed);
	close_stream(worker, stream);
}

/* ---- moving data ---- */

static void finish_flow(struct worker *worker, struct flow *flow)
{
	engine_drop(worker, flow);
	flow->finished = true;
}

void stream_break(struct worker *worker, struct stream *stream, int side)
{
	stream->broken |= (uint8_t)(1 << side);
	finish_flow(worker, &stream->flow[!side]);
	if (stream->state != STREAM_DYING)
		streams_enter(worker, stream, STREAM_DYING);
}

static void count(struct stream *stream, int from, uint64_t bytes, uint64_t now)
{
	struct forward *forward = stream->forward;

	if (bytes == 0)
		return;
	if (stream->state >= STREAM_RELAY)
		stream->since = now;
	atomic_fetch_add_explicit(from == STREAM_CLIENT ? &forward->to_target : &forward->to_client,
		bytes, memory_order_relaxed);
}

/* Runs the flow that comes from a side. Returns whether it has more to do. */
static bool run_flow(struct worker *worker, struct stream *stream, int from)
{
	struct flow *flow = &stream->flow[from];
	uint64_t before = flow->bytes;
	int r;

	if (flow->finished)
		return false;
	r = engine_run(worker, flow);
	count(stream, from, flow->bytes - before, worker->now);
	if (stream->state == STREAM_DIALLING) {
		if (flow->bytes == 0 && !dial_was_connected(-r)) {
			if (r < 0)
				dial_failed(worker, stream, r); /* r is not of the next one */
			return false;
		}
		stream_connected(worker, stream);
	}
	if (r < 0) {
		stream_break(worker, stream, !from);
	} else if (r == ENGINE_ENDED && flow->broken) {
		flow->finished = true;
		stream_break(worker, stream, from);
	} else if (r == ENGINE_ENDED) {
		flow->finished = true;
		if (!stream->flow[!from].finished)
			shutdown(flow->to, SHUT_WR); /* else both are closed now */
	}
	return r == ENGINE_BUSY;
}

/* What a socket has not sent yet, or its other end not acknowledged. */
static uint32_t unsent(int fd)
{
	int bytes = 0;

	return fd < 0 || ioctl(fd, SIOCOUTQ, &bytes) < 0 ? 0 : (uint32_t)bytes;
}

/* Whether a side that lives still gets what the broken one has sent. */
static bool delivers(struct worker *worker, struct stream *stream)
{
	int alive = stream->broken == 1 << STREAM_CLIENT ? STREAM_TARGET : STREAM_CLIENT;
	uint32_t left;

	if (stream->broken == (1 << STREAM_CLIENT | 1 << STREAM_TARGET))
		return false;
	left = unsent(stream->side[alive].fd);
	if (left != stream->unsent) {
		stream->unsent = left;
		stream->since = worker->now;
	}
	if (stream->flow[!alive].finished && left == 0)
		return false;
	return worker->now - stream->since < DYING_MS;
}

void stream_die(struct worker *worker, struct stream *stream)
{
	if (!delivers(worker, stream))
		stream_reset(worker, stream);
}

void stream_turn(struct worker *worker, struct stream *stream)
{
	bool more = false;

	for (int from = 0; from < 2 && stream->state >= STREAM_DIALLING; from++) {
		if (stream->state == STREAM_CLOSED)
			return;
		/* Of a target that has not answered there is nothing to read. */
		if (from == STREAM_CLIENT || stream->state != STREAM_DIALLING)
			more |= run_flow(worker, stream, from);
	}
	if (stream->state == STREAM_RELAY && stream->flow[STREAM_CLIENT].finished &&
		stream->flow[STREAM_TARGET].finished)
		close_stream(worker, stream);
	else if (stream->state == STREAM_DYING)
		stream_die(worker, stream);
	if (stream->state == STREAM_CLOSED)
		return;
	stream_arm(worker, stream);
	if (more && stream->state != STREAM_CLOSED)
		streams_queue(worker, stream);
}

void stream_connected(struct worker *worker, struct stream *stream)
{
	if (stream->state == STREAM_DIALLING)
		streams_enter(worker, stream, STREAM_RELAY);
}

/* ---- events ---- */

/* Whether a client that is gone has said something that the target is to hear all the same. */
static bool has_words(const struct stream *stream)
{
	int unread = 0;

	return stream->flow[STREAM_CLIENT].rest ||
	       (ioctl(stream->side[STREAM_CLIENT].fd, SIOCINQ, &unread) == 0 && unread > 0);
}

static void on_events(struct worker *worker, struct stream *stream, int side, uint32_t events)
{
	struct flow *out = &stream->flow[side], *in = &stream->flow[!side];

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR))
		out->readable = true;
	if (events & EPOLLPRI)
		out->urgent = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		out->ending = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		in->writable = true;
	switch ((enum stream_state)stream->state) {
	case STREAM_HEADER:
		greet_read(worker, stream);
		break;
	case STREAM_PARKED:
		if ((events & EPOLLERR) && !has_words(stream))
			stream_reset(worker, stream);
		break;
	case STREAM_DIALLING:
		if (side == STREAM_CLIENT && (events & EPOLLERR) && !has_words(stream))
			stream_reset(worker, stream);
		else if (side == STREAM_TARGET)
			dial_event(worker, stream, events);
		else
			stream_turn(worker, stream);
		break;
	case STREAM_RELAY:
	case STREAM_DYING:
		if (events & EPOLLERR)
			stream_break(worker, stream, side);
		stream_turn(worker, stream);
		break;
	case STREAM_CLOSED:
		break;
	}
}

static void on_client(struct worker *worker, struct watch *watch, uint32_t events)
{
	on_events(worker, WORKER_WATCHED(watch, struct stream, side[STREAM_CLIENT]), STREAM_CLIENT,
		events);
}

static void on_target(struct worker *worker, struct watch *watch, uint32_t events)
{
	struct stream *stream = WORKER_WATCHED(watch, struct stream, side[STREAM_TARGET]);

	/* It may be of the socket before, which was closed since in this wake-up. */
	if (stream->given_up != worker->turn)
		on_events(worker, stream, STREAM_TARGET, events);
}

void stream_arm(struct worker *worker, struct stream *stream)
{
	for (int side = 0; side < 2; side++) {
		bool out = !stream->flow[!side].writable && !stream->flow[!side].finished;
		int r = 0;

		if (stream->state == STREAM_DIALLING && side == STREAM_TARGET)
			out = true;
		if (stream->side[side].fd < 0 || stream->armed[side] > out)
			continue;
		if (stream->armed[side] == 0)
			r = worker_watch(
				worker, &stream->side[side], EVENTS | (out ? EPOLLOUT : 0));
		else if (out)
			r = worker_rewatch(worker, &stream->side[side], EVENTS | EPOLLOUT);
		if (r < 0) {
			stream_reset(worker, stream);
			return;
		}
		stream->armed[side] = out ? 2 : 1;
	}
}

/* ---- its beginning ---- */

/*
 * TOS and TTL of the client's SYN (TCP_SAVED_SYN, tcp(7), Linux 4.3), where the listener kept it.
 */
static void read_syn(struct stream *stream)
{
	int fd = stream->side[STREAM_CLIENT].fd;
	unsigned char syn[128];
	socklen_t length = sizeof(syn);

	if (getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &length) < 0 || length < 20)
		return;
	if (syn[0] >> 4 == 4) {
		stream->tos = syn[1];
		stream->ttl = syn[8];
	} else {
		stream->tos = (uint8_t)(syn[0] << 4 | syn[1] >> 4);
		stream->ttl = syn[7];
	}
}

static void begin(struct worker *worker, struct stream *stream)
{
	const struct endpoint *connect = &stream->forward->plan.connect;

	if (connect->tos == ENDPOINT_CARRY || connect->ttl == ENDPOINT_CARRY)
		read_syn(stream);
	if (stream->forward->plan.listen.proxy != ENDPOINT_PROXY_NONE) {
		streams_enter(worker, stream, STREAM_HEADER);
		greet_read(worker, stream);
	} else {
		streams_enter(worker, stream, STREAM_PARKED);
		dial_start(worker, stream);
	}
}

void stream_accept(struct worker *worker, struct worker *owner, struct forward *forward, int fd,
	const struct netaddr *client)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		stream_reset_fd(fd);
		forward_leave(forward);
		return;
	}
	stream->forward = forward_ref(forward);
	stream->client = *client;
	stream->only = forward->plan.listen.accepted;
	stream->began = worker->now;
	stream->deadline = worker->now + (uint64_t)forward->connect_timeout_s * 1000;
	stream->side[STREAM_CLIENT] = (struct watch){on_client, fd};
	stream->side[STREAM_TARGET] = (struct watch){on_target, -1};
	for (int from = 0; from < 2; from++)
		stream->flow[from] = (struct flow){
			.from = -1, .to = -1, .readable = true, .writable = true, .look = true};
	stream->flow[STREAM_CLIENT].from = stream->flow[STREAM_TARGET].to = fd;
	atomic_fetch_add_explicit(&owner->load, 1, memory_order_relaxed);
	if (owner != worker && worker_hand_over(owner, stream))
		return;
	if (owner != worker) {
		atomic_fetch_sub_explicit(&owner->load, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&worker->load, 1, memory_order_relaxed);
	}
	begin(worker, stream);
}

void stream_adopt(struct worker *worker, struct stream *stream)
{
	begin(worker, stream);
}
