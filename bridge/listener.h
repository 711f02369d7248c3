/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_LISTENER_H
#define XSOCKET_BRIDGE_LISTENER_H

/* What a forward listens on. See listener.c. */

#include "bridge/place.h"

#include "common/address.h"

#include <stdatomic.h>
#include <stdbool.h>

struct listener {
	atomic_uint references;
	int *fds;
	unsigned n;
	bool datagram;
	bool inherited; /* not ours to close */
	struct address file; /* of a Unix socket with a path, to be removed; length 0: none */
};

/*
 * Listens on an endpoint: one socket that all workers share, or for datagrams one for each of
 * n_workers. The calling thread may be in the place's namespace afterwards (place_leave()).
 *
 * Returns a reference, or NULL and a message in error.
 */
struct listener *listener_new(struct place *place, const struct endpoint *endpoint,
	unsigned n_workers, char *error, size_t error_size);
struct listener *listener_ref(struct listener *listener);

/* Closes it, and removes the file of a Unix socket, with the last reference. NULL is allowed. */
void listener_unref(struct listener *listener);

/* Gives a socket that accepts, or was accepted, what connections of the endpoint are to have. */
void listener_prepare(int fd, const struct endpoint *endpoint);

#endif
