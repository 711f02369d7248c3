/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_FAMILIES_H
#define XSOCKET_RESOLVER_FAMILIES_H

/* Which addresses a namespace has: what AI_ADDRCONFIG is about. */

#include "resolver/resolver.h"

#include <stdbool.h>

struct families {
	bool ipv4, ipv6; /* has an address other than 127.0.0.1, or ::1 */
};

/* Returns 0, or the negative errno with which no socket can be had. See families.c. */
int families_of(const struct resolver_source *source, struct families *ret);

#endif
