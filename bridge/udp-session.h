/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_UDP_SESSION_H
#define XSOCKET_BRIDGE_UDP_SESSION_H

/* What a worker has for datagrams, and how its sessions begin and end. See udp.c. */

#include "bridge/bounce.h"
#include "bridge/gso.h"
#include "bridge/intake.h"
#include "bridge/session.h"

struct forward;

/* A socket that clients send to. It may be handed on from one forward to another by a reload. */
struct udp_listener {
	struct grave grave;
	struct watch watch; /* fd: that of its forwards, kept open by: */
	struct listener *kept;
	struct udp_listener *next;
	struct udp_forward *current; /* who gets new clients; NULL: nobody */
	unsigned users;		     /* forwards that have sessions here, or may get some */
	struct netaddr bound;
	struct session_key key; /* what all of its sessions have in common */
	bool any; /* bound to any address: each datagram tells which one it came to */
	struct sessions sessions;
	struct bounce_sockets bounces;
};

struct udp_forward {
	struct grave grave;
	struct udp_forward *next;
	struct forward *forward; /* a reference */
	struct udp_listener *listener;
	bool closed;			/* no new sessions */
	unsigned refused;		/* sessions that were refused, since: */
	uint64_t refused_since;		/* ms */
	uint64_t closed_at;		/* ms */
	struct session_list relay, waiting; /* with a socket and without */
	unsigned n_sessions;
	uint64_t timeout; /* ms */
	unsigned n_addresses, attempt; /* of the target; the one that new sessions begin with */
};

struct udp {
	struct udp_listener *listeners;
	struct udp_forward *forwards;
	size_t pending_bytes;
	uint64_t asked; /* ms: when other workers were asked to make room */
	struct intake *intake;
	struct intake_info infos[INTAKE_MAX];
	struct gso gso;
};

/*
 * The key of what goes between a client and one of our addresses; local and interface are as the
 * kernel told them, and count where the listener is bound to any address.
 */
struct session_key udp_session_key(const struct udp_listener *listener,
	const struct netaddr *client, const struct in6_addr *local, uint32_t interface);

/* Whether another session needs an old one to end first. */
bool udp_session_needs_room(const struct udp_forward *forward);

/* Ends one if another worker has asked for that. */
void udp_session_make_room(struct worker *worker, struct udp_forward *forward);

/*
 * Begins a session; one that was idle for long ends where it needs room. It has no socket yet.
 * Returns NULL where none can be had, which is counted.
 */
struct session *udp_session_new(struct worker *worker, struct udp_forward *forward,
	const struct session_key *key, const struct intake_info *info);

/* Ends it; its forward, too, if it is closed and this was the last one. */
void udp_session_end(struct worker *worker, struct session *session);

/*
 * Connects it to the target, if what it needs for that is there. Returns 0; -EINPROGRESS: it waits
 * for that; or another negative errno: it has ended.
 */
int udp_session_dial(struct worker *worker, struct session *session);

/* Keeps datagrams of the intake for later, as many as there is room for. */
void udp_session_keep(struct worker *worker, struct session *session);

/* Those that were kept; the caller frees them. */
struct session_pending *udp_session_kept(struct worker *worker, struct session *session);

/* It has had a datagram. */
void udp_session_touch(struct worker *worker, struct session *session);

/* The target cannot be reached: the client is told, and the session ends. */
void udp_session_fail(struct worker *worker, struct session *session, int error);

/* Lets go of a forward that is closed and without sessions, and of its listener with the last. */
void udp_session_release(struct worker *worker, struct udp_forward *forward);

#endif
