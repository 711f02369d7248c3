/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_INET6_H
#define XSOCKET_XREDIRECT_INET6_H

/*
 * /proc/net/if_inet6 of another namespace, made of what the kernel told of its interfaces and
 * addresses: by that file, and by ioctl(2) for IPv4, Java and ifconfig(8) find addresses.
 */

#include "common/rtnl.h"

/*
 * A file in memory, to be read from its beginning, which cannot be written to. links and addresses
 * are the messages of a dump each (common/rtdump.h); with none it is empty. Async-signal-safe.
 *
 * Returns a close-on-exec descriptor; -EAGAIN: there is an address of an interface that is not
 * there; or a negative errno of memfd_create(2) or write(2).
 */
int inet6_file(struct rtnl_span links, struct rtnl_span addresses);

#endif
