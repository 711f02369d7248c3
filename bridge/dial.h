/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_DIAL_H
#define XSOCKET_BRIDGE_DIAL_H

/* The way to the target: from an address and a socket to a connection. See dial.c. */

#include "bridge/netaddr.h"

#include <stdbool.h>
#include <stdint.h>

struct forward;
struct stream;
struct worker;

/*
 * Gives a fresh socket of the connecting place what the connecting endpoint asks for: interface,
 * mark, TOS, TTL, source address; and, for streams, what every stream has. To be called before
 * connect(2).
 *
 * type: SOCK_STREAM or SOCK_DGRAM. client: who it is for; its address becomes the source in
 * transparent mode. tos, ttl: those of the client's packets, for "carry"; 0 where they are not
 * known.
 *
 * Returns 0 or a negative errno: -EPERM (mark, transparent: without CAP_NET_ADMIN), -ENODEV
 * (interface), -EADDRNOTAVAIL (bind), -EAFNOSUPPORT (transparent or bind: of another family than
 * the target).
 */
int dial_prepare(const struct forward *forward, int fd, int type, const struct netaddr *target,
	const struct netaddr *client, int tos, int ttl);

/*
 * Dials the target of a stream in STREAM_PARKED; where an address or a socket is missing it stays
 * there.
 */
void dial_start(struct worker *worker, struct stream *stream);

/* An event of the target's socket in STREAM_DIALLING. */
void dial_event(struct worker *worker, struct stream *stream, uint32_t events);

/*
 * Whether an error is that of a target that has accepted, and perhaps spoken, and then reset the
 * connection.
 */
bool dial_was_connected(int error);

/* The address in use cannot be reached: the next one, or a reset. */
void dial_failed(struct worker *worker, struct stream *stream, int r);

/* The address in use has not answered in time. */
void dial_late(struct worker *worker, struct stream *stream);

#endif
