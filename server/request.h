/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_REQUEST_H
#define XSOCKET_SERVER_REQUEST_H

#include <stddef.h>

struct conn;
struct worker;

/* What becomes of the connection. */
enum request_result {
	REQUEST_NEXT,  /* another request may follow */
	REQUEST_CLOSE, /* no more */
};

/* Answers one packet of a client. */
enum request_result request_serve(
	struct worker *worker, struct conn *conn, const void *packet, size_t size);

/*
 * Answers with an errno, in the extended form, before the connection is closed or put aside:
 * nothing is received from it any more. The client may be gone.
 */
void request_refuse(const struct conn *conn, int error);

/* The same without an answer: takes no more in, and drops what is there. */
void request_stop(const struct conn *conn);

#endif
