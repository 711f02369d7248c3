/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_STREAM_H
#define XSOCKET_BRIDGE_STREAM_H

/* A connection of a client, and the one to the target that belongs to it. See stream.c. */

#include "bridge/engine.h"
#include "bridge/netaddr.h"
#include "bridge/proxy.h"
#include "bridge/worker.h"

struct forward;

enum stream_state {
	STREAM_HEADER,	 /* the client has to send its PROXY header first */
	STREAM_PARKED,	 /* waits for an address, or a socket */
	STREAM_DIALLING, /* connect(2) was called */
	STREAM_RELAY,
	STREAM_DYING, /* one side has broken: what it sent is delivered, then the other is reset */
	STREAM_CLOSED,
};

enum { STREAM_CLIENT, STREAM_TARGET };

struct stream {
	struct grave grave;
	struct stream *next, **link; /* in the list of its state */
	struct stream *next_queued;
	struct forward *forward; /* a reference */
	struct watch side[2];	 /* STREAM_CLIENT, STREAM_TARGET */
	struct flow flow[2];	 /* by where it comes from */
	uint8_t state;
	uint8_t broken;	  /* sides, as bits */
	uint8_t armed[2]; /* in the epoll set: 0, 1, or 2 with EPOLLOUT */
	uint8_t attempt;  /* index of the target's address */
	uint8_t tos, ttl; /* of the client's SYN; 0: not known */
	bool only;	  /* has a descriptor that there is one of: the bridge ends with it */
	bool queued;	  /* has more to do in this turn */
	bool retry;	  /* in STREAM_PARKED: dial again in a moment */
	bool greeted;	  /* the target's PROXY header is written, or it gets none */
	uint64_t since;	  /* ms: of its state, but in RELAY of the last byte */
	uint64_t began;	  /* ms: when it was accepted */
	uint64_t deadline; /* ms: before STREAM_RELAY */
	uint32_t given_up; /* worker->turn in which the socket of an address was closed */
	uint32_t unsent; /* in STREAM_DYING, when it was looked last */
	struct proxy *heard; /* what the client's PROXY header told, or NULL */
	struct netaddr client;
};

/*
 * Takes over a client's connection that forward_enter() has counted; fd is consumed. On failure it
 * is reset. owner: the worker it is for, if that is not the one that calls.
 */
void stream_accept(struct worker *worker, struct worker *owner, struct forward *forward, int fd,
	const struct netaddr *client);

/* Takes over a stream that another worker accepted. */
void stream_adopt(struct worker *worker, struct stream *stream);

/* Its target's socket is connected: data flows. */
void stream_connected(struct worker *worker, struct stream *stream);

/* Keeps it in the epoll set for what it waits for; resets it where that fails. */
void stream_arm(struct worker *worker, struct stream *stream);

/* A side is broken: what it sent is delivered, then the other one is reset. */
void stream_break(struct worker *worker, struct stream *stream, int side);

/* Ends it: both sides are reset. */
void stream_reset(struct worker *worker, struct stream *stream);

/* Moves what can be moved, in both directions, and does what follows from that. */
void stream_turn(struct worker *worker, struct stream *stream);

/* A stream in STREAM_DYING ends once the other side has all that it is to get. */
void stream_die(struct worker *worker, struct stream *stream);

/* Frees it, when nobody can name it any more. */
void stream_free(struct grave *grave);

/* Closes a connection so that its other end sees a reset (SO_LINGER, socket(7)). fd is consumed. */
void stream_reset_fd(int fd);

#endif
