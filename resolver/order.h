/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_ORDER_H
#define XSOCKET_RESOLVER_ORDER_H

/* Which of several addresses is to be tried first (RFC 3484, with the tables of glibc). See
 * order.c. */

#include "resolver/found.h"
#include "resolver/resolver.h"

/* Asks for a socket or two of each family. Those that cannot be had count as no way to get there.
 */
void order_addresses(
	const struct resolver_source *source, struct found_address *addresses, unsigned n);

#endif
