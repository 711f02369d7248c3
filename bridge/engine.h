/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_ENGINE_H
#define XSOCKET_BRIDGE_ENGINE_H

/*
 * Ways to move what one socket receives to another one. Which one a flow uses changes with what it
 * carries, see engine.c; docs/BENCHMARKS.md has the figures behind that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

/* One direction of a stream. */
struct flow {
	int from, to; /* borrowed */

	/* Events are edges, so this is kept until an operation says otherwise. */
	bool readable; /* from may have something to read, or an end, or an error */
	bool writable; /* to may take something */
	bool urgent;   /* from has, or had, an urgent byte */
	bool look;     /* for one before the next read */
	bool ending;   /* there will be no more to read than there is */
	bool ended;    /* the end of from was read, or an error: */
	int16_t broken; /* errno of reading, or 0 */
	bool finished; /* ... and passed on, behind everything else; nothing moves any more */
	bool tcp;      /* both are TCP: there can be urgent bytes */

	bool bulk;	    /* the next turn is spliced */
	uint8_t streak;	    /* turns in a row that speak against the engine in use */

	/* Read and not yet taken by to. Not both at once. */
	unsigned char *rest; /* malloc(3) */
	uint32_t rest_at, rest_end;
	bool rest_urgent; /* it is one byte, and urgent */
	struct engine_pipe *pipe;

	uint64_t bytes; /* taken by to, ever */
};

enum engine_result {
	ENGINE_BLOCKED, /* until readable or writable is set again */
	ENGINE_BUSY,	/* had its share: others first, then again */
	ENGINE_ENDED,	/* flow->ended (see flow->broken), and to has everything */
};

/* A pipe with what is in it. */
struct engine_pipe {
	struct engine_pipe *next;
	int in, out;
	size_t size, used;
};

/* Pipes of a worker that are not in use. Few: one is needed only while it has something in it. */
struct engine_pipes {
	struct engine_pipe *free;
	unsigned n; /* there are, also those in use */
};

/*
 * Moves what can be moved without waiting, by the engine that suits. Counts flow->bytes.
 *
 * Returns an engine_result, or a negative errno: to takes no more (-ECONNRESET, -EPIPE, -ETIMEDOUT,
 * ...), or -ENOMEM.
 */
int engine_run(struct worker *worker, struct flow *flow);

/*
 * Appends to what `to` is to get, before anything that is read from now on. Returns 0 or -ENOMEM.
 */
int engine_put(struct flow *flow, const void *data, size_t size);

/* Whether `to` still has to get something that was read. */
bool engine_holds(const struct flow *flow);

/* Frees what a flow holds. */
void engine_drop(struct worker *worker, struct flow *flow);
void engine_pipes_free(struct engine_pipes *pipes);

/* ---- the engines ---- */

int engine_copy(struct worker *worker, struct flow *flow);
int engine_splice(struct worker *worker, struct flow *flow);

/* Sends what is in flow->rest. Returns 1 when there is nothing left, 0, or a negative errno. */
int engine_flush(struct flow *flow);

#endif
