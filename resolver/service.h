/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_SERVICE_H
#define XSOCKET_RESOLVER_SERVICE_H

/* Kinds of sockets and their ports, by the names of services that this machine has. */

#include <netdb.h>
#include <stdint.h>

#define SERVICES_MAX 3 /* for one getaddrinfo(3) */

struct service {
	int type, protocol;
	uint16_t port; /* in the order of the network */
};

/*
 * Which kinds of sockets hints are about, each with its port; service may be NULL. Returns 0 with
 * *n of them, or an EAI_* value.
 */
int service_find(const struct addrinfo *hints, const char *service,
	struct service ret[SERVICES_MAX], unsigned *n);

/* As getservbyport_r(3). Returns 0 with the name cut to size, or -ENOENT. */
int service_name(uint16_t port, const char *protocol, char *ret, size_t size);

#endif
