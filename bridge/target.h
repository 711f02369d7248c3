/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_TARGET_H
#define XSOCKET_BRIDGE_TARGET_H

/*
 * The addresses a forward connects to. A name is looked up in the connecting namespace, by a thread
 * of its own, and again when what was found has become old. See target.c.
 */

#include "bridge/endpoint.h"
#include "bridge/netaddr.h"
#include "bridge/place.h"

struct bridge;
struct target;

#define TARGET_ADDRESSES_MAX 8

/*
 * endpoint: connecting, TCP, UDP or Unix; borrowed for as long as the target lives. place is
 * borrowed, too. Returns NULL for want of memory.
 */
struct target *target_new(
	struct bridge *bridge, const struct endpoint *endpoint, struct place *place);

/*
 * Begins a first look-up, so that the first client need not wait. Only once the process has given
 * up the rights that it does not need: a thread has those that it was started with.
 */
void target_begin(struct target *target);

void target_free(struct target *target);

/*
 * Copies the addresses, best first, and returns how many there are; or a negative errno:
 * -EINPROGRESS: a look-up runs, ask again when worker->news has come; -EAGAIN: it could not be
 * begun (pthread_create(3)), ask again in a moment; -ENOENT, -ETIMEDOUT, -EHOSTUNREACH, ...: it
 * failed. Thread-safe, never waits.
 */
int target_addresses(struct target *target, struct netaddr ret[TARGET_ADDRESSES_MAX]);

/* Why a look-up failed, for messages: what strerror(3) says about these is about something else. */
const char *target_reason(int r);

/* None of the addresses could be reached: the next one who asks has them looked up again. */
void target_unreachable(struct target *target);

#endif
