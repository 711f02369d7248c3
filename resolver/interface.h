/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_INTERFACE_H
#define XSOCKET_RESOLVER_INTERFACE_H

/* Interfaces of the namespace, asked about by a socket of it. */

#include "resolver/resolver.h"

#include <net/if.h>
#include <stdint.h>

/*
 * What stands behind '%' in an IPv6 address: the name of an interface, or a number. Returns 0 and
 * the number; -ENODEV: there is none of that name; or what source->socket fails with.
 */
int interface_scope(const struct resolver_source *source, const char *text, uint32_t *ret);

/* The name of an interface. Returns 0, -ENODEV, or what source->socket fails with. */
int interface_name(const struct resolver_source *source, uint32_t index, char ret[IF_NAMESIZE]);

#endif
