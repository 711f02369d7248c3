/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_WHY_H
#define XSOCKET_RESOLVER_WHY_H

/* The line that says what failed, and what to do: written to lookup->why. */

#include "resolver/lookup.h"

/* The servers did not answer, or could not be asked: lookup->status tells how. */
void why_servers(struct lookup *lookup);

/* Something could not be had, by a negative errno; what: "its hosts file", or NULL: memory. */
void why_system(struct lookup *lookup, int error, const char *what);

#endif
