/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_UDP_H
#define XSOCKET_BRIDGE_UDP_H

/* Forwards of datagrams. See udp.c. */

struct forward;
struct worker;

/*
 * Gives a listening datagram socket, ours or an inherited one, what udp_open() relies on: the
 * address that each datagram was sent to, errors with details, a large buffer. Best before bind(2).
 * Returns 0 or a negative errno.
 */
int udp_prepare(int fd, int family);

/*
 * Serves a forward of datagrams in this worker, by forward->listener->fds[worker->index], until
 * udp_close(). Where the forward does not listen, or there is no descriptor for this worker (an
 * inherited one is the first worker's), this does nothing. Returns 0 or a negative errno.
 */
int udp_open(struct worker *worker, struct forward *forward);

/*
 * Serves no new clients of this forward any more. Its sessions go on until they are idle if another
 * forward gets its listener; else until they are quiet, for some seconds at most: the port is to be
 * free again.
 */
void udp_close(struct worker *worker, struct forward *forward);

/* Sockets or addresses have come that sessions wait for. */
void udp_news(struct worker *worker);

/* Once a second: sessions that were idle too long end. */
void udp_tick(struct worker *worker);

/* Ends all sessions, at the end. */
void udp_end(struct worker *worker);

#endif
