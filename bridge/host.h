/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_HOST_H
#define XSOCKET_BRIDGE_HOST_H

/* Hosts and ports as they are written. No system calls. */

#include "bridge/netaddr.h"

#include <stdbool.h>

bool host_is_digits(const char *text);

/* A number in decimal digits, and nothing else. False: it is not one, or not from min to max. */
bool host_number(const char *text, unsigned min, unsigned max, unsigned *ret);

/*
 * A name that can be looked up: letters, digits, "-" and "_", in labels of 1 to 63 (RFC
 * 1035, 2.3.1; "_" is in use).
 */
bool host_is_name(const char *host);

/* Whether it was meant to be an IPv4 address: no top-level domain is a number. */
bool host_is_like_ipv4(const char *host);

/*
 * The address that a host is, with port 0 and without its %INTERFACE, which means something in the
 * namespace of the endpoint only. Returns 0 or -EINVAL: that is a name, or nothing.
 */
int host_address(const char *host, struct netaddr *ret);

/*
 * ADDRESS, [ADDRESS6], ADDRESS:PORT or [ADDRESS6]:PORT, as bind= has it; port 0 where there is
 * none. The same.
 */
int host_source(const char *text, struct netaddr *ret);

#endif
