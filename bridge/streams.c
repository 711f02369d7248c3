/* SPDX-License-Identifier: MIT */
#include "bridge/streams.h"

#include "bridge/bridge.h"
#include "bridge/dial.h"

#include <errno.h>
#include <stdlib.h>

/* How often each kind is looked at. Nothing tells when a socket has sent all that it had. */
#define DYING_LOOK_MS	5
#define WAITING_LOOK_MS 100
#define IDLE_LOOK_MS	1000

int streams_new(struct worker *worker)
{
	worker->streams = calloc(1, sizeof(*worker->streams));
	return worker->streams ? 0 : -ENOMEM;
}

void streams_free(struct worker *worker)
{
	if (worker->streams)
		engine_pipes_free(&worker->streams->pipes);
	free(worker->streams);
	worker->streams = NULL;
}

static struct stream **list_of(struct streams *streams, enum stream_state state)
{
	switch (state) {
	case STREAM_RELAY:
		return &streams->relay;
	case STREAM_DYING:
		return &streams->dying;
	default:
		return &streams->waiting;
	}
}

void streams_remove(struct stream *stream)
{
	if (!stream->link)
		return;
	*stream->link = stream->next;
	if (stream->next)
		stream->next->link = stream->link;
	stream->link = NULL;
}

void streams_enter(struct worker *worker, struct stream *stream, enum stream_state state)
{
	struct stream **list = list_of(worker->streams, state);

	streams_remove(stream);
	stream->next = *list;
	stream->link = list;
	if (stream->next)
		stream->next->link = &stream->next;
	*list = stream;
	stream->state = (uint8_t)state;
	stream->since = worker->now;
}

void streams_queue(struct worker *worker, struct stream *stream)
{
	if (stream->queued)
		return;
	stream->queued = true;
	stream->next_queued = worker->streams->queue;
	worker->streams->queue = stream;
}

bool streams_continue(struct worker *worker)
{
	struct stream *stream = worker->streams->queue, *next;

	worker->streams->queue = NULL;
	for (; stream; stream = next) {
		next = stream->next_queued;
		stream->queued = false;
		if (stream->state == STREAM_CLOSED)
			worker_bury(worker, &stream->grave, stream_free);
		else
			stream_turn(worker, stream);
	}
	return worker->streams->queue != NULL;
}

void streams_news(struct worker *worker)
{
	for (struct stream *stream = worker->streams->waiting, *next; stream; stream = next) {
		next = stream->next;
		if (stream->state == STREAM_PARKED)
			dial_start(worker, stream);
	}
}

/* ---- deadlines ---- */

static void look_at_waiting(struct worker *worker)
{
	for (struct stream *stream = worker->streams->waiting, *next; stream; stream = next) {
		next = stream->next;
		if (worker->now >= stream->deadline)
			dial_late(worker, stream);
		else if (stream->state == STREAM_PARKED && stream->retry)
			dial_start(worker, stream);
	}
}

static void look_at_dying(struct worker *worker)
{
	for (struct stream *stream = worker->streams->dying, *next; stream; stream = next) {
		next = stream->next;
		stream_die(worker, stream);
	}
}

static void look_at_idle(struct worker *worker)
{
	for (struct stream *stream = worker->streams->relay, *next; stream; stream = next) {
		unsigned limit = stream->forward->idle_timeout_s;

		next = stream->next;
		if (limit != PLAN_NEVER && worker->now - stream->since >= (uint64_t)limit * 1000)
			stream_reset(worker, stream);
	}
}

void streams_tick(struct worker *worker)
{
	struct streams *streams = worker->streams;

	if (worker->now - streams->looked_dying >= DYING_LOOK_MS) {
		streams->looked_dying = worker->now;
		look_at_dying(worker);
	}
	if (worker->now - streams->looked_waiting >= WAITING_LOOK_MS) {
		streams->looked_waiting = worker->now;
		look_at_waiting(worker);
	}
	if (worker->now - streams->looked_relay >= IDLE_LOOK_MS) {
		streams->looked_relay = worker->now;
		if (atomic_load(&worker->bridge->idle_timeouts))
			look_at_idle(worker);
	}
}

int streams_timeout(const struct worker *worker)
{
	const struct streams *streams = worker->streams;

	if (streams->dying)
		return DYING_LOOK_MS;
	if (streams->waiting)
		return WAITING_LOOK_MS;
	return streams->relay && atomic_load(&worker->bridge->idle_timeouts) ? IDLE_LOOK_MS : -1;
}

void streams_end(struct worker *worker)
{
	struct streams *streams = worker->streams;
	struct stream *stream;

	while ((stream = streams->relay) || (stream = streams->waiting) ||
		(stream = streams->dying))
		stream_reset(worker, stream);
	for (stream = streams->queue; stream; stream = streams->queue) {
		streams->queue = stream->next_queued;
		worker_bury(worker, &stream->grave, stream_free);
	}
}
