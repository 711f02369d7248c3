/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_ACCEPT_H
#define XSOCKET_BRIDGE_ACCEPT_H

/* A worker's part in the listeners of all forwards. See accept.c. */

struct worker;

/* Listens to what is in the bridge's table now, if that has changed. */
void accept_update(struct worker *worker);

/* Listens again where there was no descriptor left for a connection, after a while. */
void accept_resume(struct worker *worker);

/* Takes no new connections. */
void accept_end(struct worker *worker);

#endif
