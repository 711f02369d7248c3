/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_SESSION_H
#define XSOCKET_BRIDGE_SESSION_H

/*
 * The datagrams between one address of a client and one of ours, and how a session is found by
 * these two. This file makes no system calls; udp-session.c is what goes on in a session.
 */

#include "bridge/proxy.h"
#include "bridge/worker.h"

#include <netinet/in.h>
#include <string.h>

struct udp_forward;

/* In network order; IPv4 as IPv4-mapped. No padding, so that it can be compared as bytes. */
struct session_key {
	struct in6_addr client, local;
	uint16_t client_port, local_port;
	uint32_t interface; /* where one of the addresses is link-local, else 0 */
};

/* A datagram (or several of one size, see gso.h) that waits for the socket. */
struct session_pending {
	struct session_pending *next;
	size_t length;
	unsigned segment;
	unsigned char data[];
};

struct session {
	struct grave grave;
	struct watch watch; /* the socket that is connected to the target; -1: there is none yet */
	struct session *chain;		/* in the table */
	struct session *older, *newer;	/* in one of its forward's lists */
	struct udp_forward *owner;	/* what it counts with, and replies by */
	struct session_key key;
	uint32_t hash;
	uint64_t used; /* ms: of the last datagram; while it waits: of the first */

	bool answered;	      /* the target has sent something */
	uint8_t tos, ttl;     /* last carried over; 0: not known */
	uint16_t target_segment, client_segment; /* larger ones are not sent together: gso.h */
	unsigned attempt; /* which of the target's addresses it uses */

	/* while it waits */
	struct session_pending *pending, **pending_end;
	unsigned n_pending;
	size_t pending_bytes;

	/* What this batch has for it: intake.h. */
	struct session *next_active;
	int first, last;

	uint8_t header_length; /* of a PROXY protocol header in front of each datagram; 0: none */
	unsigned char header[]; /* PROXY_SEND_MAX bytes, where the forward sends one */
};

/* Sessions by age: the one that was longest without a datagram first. */
struct session_list {
	struct session *oldest, *newest;
};

void session_list_append(struct session_list *list, struct session *session);
void session_list_remove(struct session_list *list, struct session *session);

/* Those of a worker, by their keys. */
struct sessions {
	struct session **buckets;
	size_t n_buckets; /* a power of two, or 0 */
	size_t count;
	uint64_t secret[2]; /* so that nobody can choose addresses that all fall into one bucket */
};

/* secret: random. */
void sessions_init(struct sessions *sessions, const uint64_t secret[2]);
void sessions_done(struct sessions *sessions);

struct session *sessions_find(const struct sessions *sessions, const struct session_key *key);

/* Its key must not be in there yet. Returns 0 or -ENOMEM. */
int sessions_add(struct sessions *sessions, struct session *session);
void sessions_remove(struct sessions *sessions, struct session *session);

/* Addresses as the keys have them. */
void session_key_client(struct session_key *key, const struct netaddr *client);
void session_key_local(struct session_key *key, const struct netaddr *local);

/* And back; IPv4 where it was mapped. The interface is that of link-local addresses only. */
struct netaddr session_client(const struct session_key *key);
struct netaddr session_local(const struct session_key *key);

static inline bool session_key_equal(const struct session_key *a, const struct session_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#endif
