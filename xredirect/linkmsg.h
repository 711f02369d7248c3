/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_LINKMSG_H
#define XSOCKET_XREDIRECT_LINKMSG_H

/*
 * Interfaces and their addresses, as the kernel told them, in the form that programs get from
 * getifaddrs(3) and if_nameindex(3) of glibc. No system calls.
 */

#include "common/rtnl.h"

#include <ifaddrs.h>
#include <net/if.h>

/*
 * links and addresses are the messages of a dump each (common/rtdump.h). *ret is to be freed by
 * listing_free(), or listing_names_free().
 *
 * Returns 0; -EAGAIN: there is an address of an interface that is not there, so they belong to
 * different moments; -EPROTO: an interface without a name, or an address of a wrong length;
 * -ENOMEM.
 */
int linkmsg_list(struct rtnl_span links, struct rtnl_span addresses, struct ifaddrs **ret);
int linkmsg_names(struct rtnl_span links, struct if_nameindex **ret);

#endif
