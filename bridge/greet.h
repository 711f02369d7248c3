/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_GREET_H
#define XSOCKET_BRIDGE_GREET_H

/* The PROXY headers of a stream: the one its client has to send, and the one its target gets. */

struct stream;
struct worker;

/*
 * For a stream in STREAM_HEADER: reads the client's header as far as it is there, and then dials.
 */
void greet_read(struct worker *worker, struct stream *stream);

/* The header has not come in time. */
void greet_late(struct worker *worker, struct stream *stream);

/*
 * Puts the target's header, if it is to have one, in front of what the client sends. Returns 0 or
 * -ENOMEM.
 */
int greet_write(struct stream *stream);

#endif
