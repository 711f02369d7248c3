/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_WORKERS_H
#define XSOCKET_SERVER_WORKERS_H

/* All workers of the broker: made when the first client of a CPU shows up, ended together. */

struct broker;
struct user;
struct worker;

/*
 * The worker of that CPU, made when it does not exist yet; NULL where there cannot be one (no such
 * CPU, not one of ours, the broker ends, no memory).
 */
struct worker *workers_for_cpu(struct broker *broker, unsigned cpu);

/* Makes each look at its phase, its inbox, and all of its connections. From any thread. */
void workers_wake(struct broker *broker);

/*
 * For a user whose share is used up: looks what its clients have received, at once for those of this
 * worker, soon for all others, so that a client that asks again gets its sockets. That is work, so
 * no more than a hundred times a second for a user.
 */
void workers_recount(struct worker *worker, struct user *user);

/* After the phase was raised: waits until all workers have ended, and frees them. */
void workers_join(struct broker *broker);

#endif
