/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_STREAMS_H
#define XSOCKET_BRIDGE_STREAMS_H

/*
 * The streams of a worker: in lists by state, each of which is gone through now and then for those
 * that have waited long enough; and in a queue those that have more to do.
 */

#include "bridge/stream.h"

struct streams {
	struct stream *relay;	/* connected ones */
	struct stream *waiting; /* on their way there, which has a deadline */
	struct stream *dying;
	struct stream *queue;
	struct engine_pipes pipes;
	uint64_t looked_dying, looked_waiting, looked_relay; /* ms */
};

/* Returns 0 or -ENOMEM. */
int streams_new(struct worker *worker);
void streams_free(struct worker *worker);

/* Puts a stream in another state, and its clock to zero. */
void streams_enter(struct worker *worker, struct stream *stream, enum stream_state state);
void streams_remove(struct stream *stream);

/* It had its share, and has more to do after others. */
void streams_queue(struct worker *worker, struct stream *stream);

/* Those go on. Returns whether there still are some. */
bool streams_continue(struct worker *worker);

/* What parked streams wait for may have come. */
void streams_news(struct worker *worker);

/* Looks at deadlines, as often as streams_timeout() says: in ms; -1: never. */
void streams_tick(struct worker *worker);
int streams_timeout(const struct worker *worker);

/* Closes all of them: the bridge ends. */
void streams_end(struct worker *worker);

#endif
