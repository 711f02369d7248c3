/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_UDP_RELAY_H
#define XSOCKET_BRIDGE_UDP_RELAY_H

/* What goes from client to target and back, errors included. */

#include "bridge/udp-session.h"

/* Sends what the intake has for a session, which may end by that. */
void udp_relay_send(struct worker *worker, struct session *session);

/* A session that waited may go on. */
void udp_relay_resume(struct worker *worker, struct session *session);

/* The socket of a session, ready. */
void udp_relay_ready(struct worker *worker, struct watch *watch, uint32_t events);

/* Errors that replies have met: of clients that are gone, the sessions end. */
void udp_relay_listener_errors(struct worker *worker, struct udp_listener *listener);

#endif
