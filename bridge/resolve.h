/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_RESOLVE_H
#define XSOCKET_BRIDGE_RESOLVE_H

/*
 * Looks a name up by DNS servers that are reached through sockets of the caller's choice, and so in
 * a network namespace of its choice: resolver/ does that.
 */

#include "bridge/netaddr.h"

#include <stdint.h>

#define RESOLVE_ADDRESSES_MAX 8
#define RESOLVE_DEADLINE_MS   10000 /* for all servers together */
#define RESOLVE_UNTIMED	      UINT32_MAX

struct resolve_source {
	/* A non-blocking, close-on-exec socket as socket(2), or a negative errno. */
	int (*open)(void *data, int domain, int type);
	void *data;
	const char *resolv_conf, *hosts; /* files: resolv.conf(5), hosts(5) */
	int cancel; /* descriptor: when it can be read the look-up ends; -1: none */
};

struct resolve_result {
	struct netaddr addresses[RESOLVE_ADDRESSES_MAX]; /* best first (RFC 6724) */
	unsigned n;
	uint32_t ttl_s; /* of the shortest-lived record; RESOLVE_UNTIMED: from the hosts file */
};

/*
 * The addresses of a name, IPv4 and IPv6, with this port. Waits. The hosts file comes before DNS.
 * Other sources that nsswitch.conf(5) may name are not asked: they look from another namespace.
 * ADDR6%INTERFACE is looked up, too: what number the interface has there.
 *
 * Returns 0, or a negative errno: -ENOENT (no such name, or it has no addresses), -ETIMEDOUT (no
 * server answered in time), -EHOSTUNREACH (none can be reached, or none knows for now),
 * -EOPNOTSUPP (there is no c-ares), -ENODEV, -ECANCELED, -ENOMEM; or what source->open failed with,
 * if that is why no server could be asked, or what opening a file did.
 */
int resolve_name(const struct resolve_source *source, const char *name, uint16_t port,
	struct resolve_result *ret);

#endif
