/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_ACCEPT_H
#define XSOCKET_SERVER_ACCEPT_H

/* How a worker gets new connections. For the worker's own thread. See accept.c. */

#include <stdbool.h>

struct conn;
struct worker;

/* Puts the listeners into the worker's epoll set, and takes them out. */
void accept_begin(struct worker *worker);
void accept_end(struct worker *worker);

/* Serves one new connection. Returns false when there was none. */
bool accept_one(struct worker *worker, int listener);

/* Takes note of where the client of a first request runs. */
void accept_count(struct worker *worker, const struct conn *conn);

/* Lets other workers go first where they fit the clients better. */
void accept_step_back(struct worker *worker);

#endif
