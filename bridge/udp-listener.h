/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_UDP_LISTENER_H
#define XSOCKET_BRIDGE_UDP_LISTENER_H

/* A worker's part in the sockets that clients send datagrams to. */

#include "bridge/udp-session.h"

/*
 * The listener of a worker for one of the forward's descriptors: the one there is, where a reload
 * has handed it on, or a new one, which calls ready(). It is made ready for what the forward asks
 * for. Returns 0 or a negative errno.
 */
int udp_listener_get(struct worker *worker, struct forward *forward, int fd,
	void (*ready)(struct worker *worker, struct watch *watch, uint32_t events),
	struct udp_listener **ret);

/* Without sessions, and used by no forward any more. */
void udp_listener_free(struct worker *worker, struct udp_listener *listener);

#endif
