/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_PACING_H
#define XSOCKET_BRIDGE_PACING_H

/*
 * A congestion control that paces (bbr) sets a timer for each burst, to spare a network. On a
 * loopback interface there is none, and the timers cost up to half of the bridge's CPU time
 * (docs/BENCHMARKS.md). reno, which every process may choose (tcp(7), TCP_CONGESTION), does not.
 */

#include "bridge/netaddr.h"

#include <stdatomic.h>

/* What was found out, for those that come after; 0 at first. */
typedef atomic_int pacing_known;

/*
 * Before connect(2) or listen(2): takes a TCP socket for a peer, or a listener for an address, of a
 * loopback interface away from a congestion control that paces. Leaves all others alone.
 */
void pacing_avoid(int fd, const struct netaddr *address, pacing_known *known);

#endif
