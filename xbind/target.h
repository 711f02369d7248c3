/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_TARGET_H
#define XSOCKET_XBIND_TARGET_H

/*
 * What stands behind = in a rule: where a socket is bound instead.
 *
 *   PORT                          another port, the program's address
 *   ADDR  [ADDR6]                 another address, the program's port
 *   ADDR:PORT  [ADDR6]:PORT       both
 *   [ADDR6%INTERFACE]             of an interface over there
 *
 * Port 0 there is one that the kernel chooses. No system calls, no allocation.
 */

#include "preload/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct target {
	uint8_t family; /* AF_INET, AF_INET6; AF_UNSPEC: the program's own address */
	bool has_port;
	uint16_t port;	     /* of the first port of the rule; 0: for all of them */
	uint16_t interface;  /* is the caller's to fill in */
	uint8_t address[16]; /* in network order; of AF_INET the first 4 bytes */
};

/* What addresses a socket can be bound to. */
enum target_socket {
	TARGET_IPV4 = 1,
	TARGET_IPV6 = 2,
	TARGET_DUAL = TARGET_IPV4 | TARGET_IPV6, /* IPv6 with IPv4-mapped addresses, ipv6(7) */
};

/*
 * Parses all of a span. interface becomes the name in it, or empty. Returns NULL, or what is wrong
 * and what to write instead.
 */
const char *target_parse(struct span span, struct target *ret, struct span *ret_interface);

/* Whether there is an address at all that the target means and the socket can be bound to. */
bool target_fits(const struct target *target, enum target_socket socket);

/*
 * Rewrites the address that a program gave to bind(2) for a socket of a domain that the target
 * fits; offset: of the program's port from the first one of the rule. Returns 0, or -EAFNOSUPPORT
 * when bind(2) would not take the address for this domain.
 */
int target_apply(const struct target *target, int domain, unsigned offset,
	struct sockaddr_storage *address, socklen_t *length);

#endif
