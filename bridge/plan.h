/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_PLAN_H
#define XSOCKET_BRIDGE_PLAN_H

/*
 * What a bridge is to do: its forwards and its limits, from the command line (options.c) or from a
 * file (config.c).
 */

#include "bridge/endpoint.h"
#include "bridge/netaddr.h"

#define PLAN_NEVER		 UINT32_MAX /* a time that does not come */
#define PLAN_MAX_CONNECTIONS_MAX 1000000
#define PLAN_WORKERS_MAX	 1024

struct plan_forward {
	char *name; /* section's name, or "1", "2", ... */
	struct endpoint listen;
	struct endpoint connect;
	/* 0: the value of the plan */
	unsigned max_connections;
	unsigned connect_timeout_s;
	unsigned idle_timeout_s;
};

struct plan {
	struct plan_forward *forwards;
	unsigned n_forwards;
	unsigned max_connections;   /* of all forwards; UDP: sessions */
	unsigned connect_timeout_s; /* until one of the target's addresses has answered */
	unsigned idle_timeout_s;    /* streams without a byte; or PLAN_NEVER */
	unsigned udp_timeout_s;	    /* sessions without a datagram */
	unsigned drain_timeout_s;   /* after SIGTERM; 0: at once */
	unsigned workers;	    /* threads that move data; 0: one per CPU */
};

struct plan plan_default(void);
void plan_free(struct plan *plan);
void plan_forward_free(struct plan_forward *forward);

/*
 * Adds a forward of two endpoints, which the plan then owns, also after a failure. Returns 0 or
 * -ENOMEM.
 */
int plan_add(
	struct plan *plan, const char *name, struct endpoint *listen, struct endpoint *connect);

/*
 * What cannot be in one plan: kinds that do not go together (UDP to TCP), the same listener twice,
 * options that mean nothing for their kind, a descriptor used twice. Returns 0, or -EINVAL and a
 * message in error that names the forward and says what to do.
 */
int plan_check(const struct plan *plan, char *error, size_t error_size);

/*
 * Never is a remote client presented as 127.0.0.1 without having been asked for: whether the target
 * would take this client for one of its own machine. Then the client is to be refused. False where
 * the client is a local one itself (loopback, Unix), or the target is none of loopback, or is told
 * the client's address (proxy=, transparent), or sees a bind= that is not loopback, or as-local
 * allows it.
 *
 * client: its address, or the one that a PROXY header told of it. server: the address that the
 * client connected to, or NULL; where both are one it is local, too. target: an address that is
 * about to be connected to.
 */
bool plan_presents_local(const struct plan_forward *forward, const struct netaddr *client,
	const struct netaddr *server, const struct netaddr *target);

/* Why such a client is refused, and what to do. */
#define PLAN_PRESENTS_LOCAL_TEXT \
	"a remote client would look like a local one to the target: say as-local, proxy= or " \
	"bind= at the connecting endpoint"

/*
 * Whether remote clients of a forward will be refused for that, as far as it can be seen from its
 * endpoints; then text is a line that says so, for the log at the start.
 */
bool plan_warning(const struct plan_forward *forward, char *text, size_t size);

#endif
