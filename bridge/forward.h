/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_FORWARD_H
#define XSOCKET_BRIDGE_FORWARD_H

/*
 * A forward at work: its listener, its target, its counters. Shared by all threads; whatever is
 * under way through it holds a reference, so it outlives a reload that removed it.
 */

#include "bridge/netaddr.h"
#include "bridge/pacing.h"
#include "bridge/plan.h"

#include <stdatomic.h>

struct bridge;
struct listener;
struct place;
struct target;

struct forward {
	struct bridge *bridge;
	struct plan_forward plan; /* owned */
	atomic_uint references;

	struct listener *listener; /* a reference; NULL: closed, or there is none */
	bool untold;		   /* nothing listens, and why was not told yet */
	bool datagram;		   /* it has datagram sockets */
	atomic_bool wanted;	   /* UDP: a worker lacks sessions that others can give up */
	atomic_int accepted_fd;	   /* a client that is connected already, until taken; or -1 */
	atomic_int connected_fd;   /* the target of the one client, until that has come; or -1 */
	bool connected_tcp;
	bool one_client; /* the bridge ends with it */
	pacing_known pacing;
	struct netaddr source;	     /* bind= of the connecting endpoint; length 0: none */
	struct place *listen_place;  /* NULL: there is accepted_fd */
	struct place *connect_place; /* NULL: there is connected_fd */
	struct target *target;	     /* the same */

	unsigned connect_timeout_s, idle_timeout_s; /* those of the bridge where it has none */

	/* counters: relaxed atomics, added to by workers */
	atomic_uint connections;	    /* now; UDP: sessions */
	atomic_ullong accepted;		    /* ever */
	atomic_ullong to_target, to_client; /* bytes */
	atomic_ullong refused;		    /* a limit, no descriptor, no memory */
	atomic_ullong failed;		    /* the target could not be reached */
	atomic_ullong reset;		    /* ended by a reset or an error */
	atomic_ullong dropped;		    /* datagrams that had no room */
};

/*
 * Opens what a planned forward needs, with the listener of an old one unless that is NULL. plan is
 * taken over (zeroed) on success. Returns NULL and a message in error otherwise.
 */
struct forward *forward_new(struct bridge *bridge, struct plan_forward *plan, struct forward *old,
	char *error, size_t error_size);
struct forward *forward_ref(struct forward *forward);
void forward_unref(struct forward *forward);

/*
 * Listens no more, or by another listener (a reference, which is taken over), once the workers have
 * seen that. With the bridge's table_lock held.
 */
void forward_listen(struct forward *forward, struct listener *listener);

/*
 * Counts one more connection (or session) and returns true; or, when the forward or the bridge has
 * all that it may have, counts a refusal, logs it (rate limited) and returns false.
 */
bool forward_enter(struct forward *forward);
void forward_leave(struct forward *forward);

#endif
