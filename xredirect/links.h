/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_LINKS_H
#define XSOCKET_XREDIRECT_LINKS_H

/*
 * The interfaces of the network namespace that the calling thread's sockets come from. By a netlink
 * socket of its broker; where that hands out none, by an internet socket, which tells less
 * (linkioctl.h). Never those of this namespace.
 *
 * All return a negative errno on failure, after a line where that is about the broker. Not for
 * signal handlers, but for one.
 */

#include "xredirect/route.h"

#include <ifaddrs.h>
#include <net/if.h>

/* For freeifaddrs(3) and if_freenameindex(3). Return 0. */
int links_list(const struct route *route, struct ifaddrs **ret);
int links_names(const struct route *route, struct if_nameindex **ret);

/* /proc/net/if_inet6 of there (inet6.h). Returns a descriptor. This one is async-signal-safe. */
int links_inet6(const struct route *route);

/* The number of an interface; -ENODEV: none has that name. */
int links_index(const struct route *route, const char *name);

/* The name of an interface. Returns 0; -ENXIO: there is none with that number. */
int links_name(const struct route *route, unsigned index, char ret[IF_NAMESIZE]);

#endif
