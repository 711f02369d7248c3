/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_WHY_H
#define XSOCKET_RESOLVER_WHY_H

/* The line that says what failed, and what to do. */

#include "resolver/lookup.h"

/* The servers did not answer, or could not be asked: lookup->status tells how. For lookup->why. */
void why_servers(struct lookup *lookup);

/* There is no libidn2, and the name is not ASCII. */
void why_idn(struct lookup *lookup);

/*
 * Something could not be had from a broker, by a negative errno; server: its name, NULL for the
 * default one; what: "its hosts file cannot be had", or NULL: it is about this process.
 */
void why_text(char why[RESOLVER_WHY], const char *server, int error, const char *what);

#endif
