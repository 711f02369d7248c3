/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_COUNTERS_H
#define XSOCKET_BRIDGE_COUNTERS_H

/* What the forwards have counted, in words. */

#include <stddef.h>

struct bridge;

/*
 * Logs a line for each forward, and one for all of them:
 *
 *   forward NAME: connections=3 accepted=120 to_target=1234 to_client=56789 refused=0 failed=1 ...
 *   all forwards: ...
 *
 * connections: now, with UDP sessions; to_target, to_client: bytes; dropped: datagrams; accepted,
 * refused, failed and reset: connections or sessions since the forward was made.
 */
void counters_log(struct bridge *bridge);

/* One line about all of them, for STATUS= (sd_notify(3)). Returns text. */
const char *counters_status(struct bridge *bridge, char *text, size_t size);

#endif
