/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_WORKERS_H
#define XSOCKET_SERVER_WORKERS_H

/* All workers of the broker: made when the first client of a CPU shows up, ended together. */

struct broker;
struct worker;

/*
 * The worker of that CPU, made when it does not exist yet; NULL where there cannot be one (no such
 * CPU, not one of ours, the broker ends, no memory).
 */
struct worker *workers_for_cpu(struct broker *broker, unsigned cpu);

/* Makes each look at its phase, its inbox, and all of its connections. From any thread. */
void workers_wake(struct broker *broker);

/*
 * Makes each look what its clients have received, but not for every client that would like that.
 * Then a user's share may be used up no longer, and a client that asks again gets its sockets.
 */
void workers_recount(struct broker *broker);

/* After the phase was raised: waits until all workers have ended, and frees them. */
void workers_join(struct broker *broker);

#endif
