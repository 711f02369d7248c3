/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_TABLE_H
#define XSOCKET_BRIDGE_TABLE_H

/* Puts a plan into effect: at the start, and at a reload. See table.c. */

#include "bridge/plan.h"

#include <stddef.h>

struct bridge;

/*
 * Makes the bridge's forwards those of the plan, and its limits the plan's. For the main thread.
 * Forwards that are as they were go on untouched, with their counters; one whose listener is as it
 * was keeps it, so that no client is refused; connections through forwards that are gone go on
 * until they end.
 *
 * All or nothing: returns 0, and has taken the plan's forwards; or a negative errno, with a message
 * in error, and nothing has changed.
 */
int table_replace(struct bridge *bridge, struct plan *plan, char *error, size_t error_size);

/*
 * The names of namespaces may stand for others by now: listens there, and lets go of those that are
 * gone. Returns whether one that is there could not be listened in, and is to be tried again: who
 * makes a namespace gives it its addresses a moment later. For the main thread.
 */
bool table_follow(struct bridge *bridge);

#endif
