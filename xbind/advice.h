/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_ADVICE_H
#define XSOCKET_XBIND_ADVICE_H

#include <stdbool.h>

/* What a failure to get a socket from a broker means to the program, and to its operator. */

/* What the text of an advice is to be followed by. */
enum advice_unit {
	ADVICE_PLAIN,
	ADVICE_SHOW,  /* the same as the next, and how to make its socket visible */
	ADVICE_START, /* how to start the broker */
	ADVICE_LOG,   /* how to see its log */
};

struct advice {
	int program_errno; /* what bind(2) fails with */
	enum advice_unit unit;
	const char *text;
};

/* error: positive errno of xsocket(). Every value has an advice. */
const struct advice *advice_for(int error);

/* Prints the line about a port that could not be bound by SERVER (NULL: the default). */
void advice_report(unsigned port, const char *server, int error);

/*
 * Prints the line about a socket of SERVER's that could not be bound to the address `where`. Only
 * what is different over there, and so not to be guessed, is an error: a port in use is not.
 */
void advice_report_refusal(unsigned port, const char *server, const char *where, int error);

/*
 * Prints the line about a port whose rules all have an address that this socket cannot be bound
 * to: only IPv6 ones for an IPv4 socket, or the other way round.
 */
void advice_report_family(unsigned port, bool is_ipv6);

#endif
