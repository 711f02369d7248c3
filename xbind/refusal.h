/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_REFUSAL_H
#define XSOCKET_XBIND_REFUSAL_H

/* Why a socket of the broker's could not be bound there, told to the program's operator. */

#include <stdbool.h>

/*
 * Prints the line about a socket of SERVER's that could not be bound to the address `where`. Only
 * what is different over there, and so not to be guessed, is an error: a port in use is not.
 */
void refusal_report(unsigned port, const char *server, const char *where, int error);

/*
 * Prints the line about a port whose rules all have an address that this socket cannot be bound
 * to: only IPv6 ones for an IPv4 socket, or the other way round.
 */
void refusal_report_family(unsigned port, bool is_ipv6);

#endif
