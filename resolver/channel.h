/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_CHANNEL_H
#define XSOCKET_RESOLVER_CHANNEL_H

/*
 * Asks DNS servers, by sockets of a source and so in its namespace: messages go out, answers come
 * back. What to ask, and what answers mean, is dns.h's. See channel.c.
 */

#include "resolver/resolvconf.h"
#include "resolver/resolver.h"

#include <stdint.h>

#define CHANNEL_QUERIES 2 /* at once */

struct channel;

struct channel_options {
	const struct resolver_source *source;
	const struct resolvconf *conf;
	uint32_t scopes[RESOLVCONF_SERVERS]; /* of conf->servers: numbers of interfaces */
	unsigned timeout_ms, tries; /* for each server; the timeout doubles with each try */
	uint64_t deadline;	    /* for all that is ever asked, CLOCK_MONOTONIC in ms */
	int cancel;		    /* descriptor: when it can be read all ends; -1: none */
};

/* Why there is no answer. */
enum channel_status {
	CHANNEL_ANSWERED,
	CHANNEL_TIMEOUT,   /* no server said anything in time */
	CHANNEL_REFUSED,   /* none can be reached */
	CHANNEL_FAILED,	   /* those that answered could not tell: SERVFAIL, REFUSED, NOTIMP */
	CHANNEL_BAD,	   /* the message or what came back makes no sense */
	CHANNEL_CANCELLED, /* by the descriptor */
	CHANNEL_SYSTEM,	   /* channel_error() */
	CHANNEL_MISSING,   /* there is no c-ares */
};

/* A message and its answer, which channel_free_answer() frees. */
struct channel_query {
	const unsigned char *message;
	int length;
	enum channel_status status;
	unsigned char *answer; /* NULL without */
	int answer_length;
};

/* Whether there is a c-ares to do all this with. */
bool channel_possible(void);

/*
 * Makes a channel; *options is copied, what it points to stays the caller's and has to last.
 * Returns 0, -EOPNOTSUPP: there is no c-ares, or -ENOMEM.
 */
int channel_new(const struct channel_options *options, struct channel **ret);
void channel_free(struct channel *channel);

/* Asks all at once, and returns when each has an answer or a reason why there is none. */
void channel_ask(struct channel *channel, struct channel_query *queries, unsigned n);
void channel_free_answer(struct channel_query *query);

/* The negative errno with which the last socket could not be had, or 0. */
int channel_error(const struct channel *channel);

#endif
