/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_PROXY_H
#define XSOCKET_BRIDGE_PROXY_H

/*
 * The header of the PROXY protocol, versions 1 and 2, which tells a server who its client is
 * (HAProxy's doc/proxy-protocol.txt). Pure: no system calls.
 */

#include "bridge/netaddr.h"

#include <stddef.h>

#define PROXY_SEND_MAX	  232 /* the longest that is written: version 2 with Unix addresses */
#define PROXY_RECEIVE_MAX 1024 /* the longest that is read; extensions (TLV) are left out */

struct proxy {
	struct netaddr source, destination; /* length 0: not told (UNKNOWN, LOCAL) */
};

/*
 * Writes a header of version 1 or 2 about a stream (datagram: about datagrams, version 2 only).
 * Addresses of different families are both written as IPv6. Returns its length.
 */
size_t proxy_write(unsigned version, bool datagram, const struct proxy *proxy,
	unsigned char buffer[PROXY_SEND_MAX]);

/*
 * Reads a header at the beginning of what a client sent. versions: 1, 2, or 3 for both. Returns its
 * length; 0: more is needed; -EPROTO: that is no header of these versions, or longer than
 * PROXY_RECEIVE_MAX.
 */
int proxy_read(unsigned versions, const unsigned char *data, size_t length, struct proxy *ret);

#endif
