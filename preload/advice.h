/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_ADVICE_H
#define XSOCKET_PRELOAD_ADVICE_H

/* What a failure to get a socket from a broker means to the program, and to its operator. */

/* What the text of an advice is to be followed by. */
enum advice_unit {
	ADVICE_PLAIN,
	ADVICE_SHOW,  /* the same as the next, and how to make its socket visible */
	ADVICE_START, /* how to start the broker */
	ADVICE_LOG,   /* how to see its log */
};

struct advice {
	int program_errno; /* what the call fails with; 0: with what it says when there is no socket
			    */
	enum advice_unit unit;
	const char *text;
};

/* error: positive errno of xsocket(). Every value has an advice. */
const struct advice *advice_for(int error);

/* What failed, for messages: "bind to port " "3000". */
struct advice_call {
	const char *name, *port;
};

/* Prints the line about a call that got no socket from SERVER (NULL: the default). */
void advice_report(const struct advice_call *call, const char *server, int error);

#endif
