/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_ADVICE_H
#define XSOCKET_PRELOAD_ADVICE_H

/* What a failure to get a socket from a broker means to the program, and to its operator. */

/*
 * What a call fails with, or 0: with what it says when there is no socket. error: positive errno of
 * xsocket(), any value.
 */
int advice_errno(int error);

/* What failed, for messages: "bind to port " "3000". */
struct advice_call {
	const char *name, *port;
};

/* Prints the line about a call that got no socket from SERVER (NULL: the default). */
void advice_report(const struct advice_call *call, const char *server, int error);

#endif
