/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_LINKIOCTL_H
#define XSOCKET_XREDIRECT_LINKIOCTL_H

/*
 * Interfaces and their addresses, as any internet socket of a namespace tells them: those that have
 * an IPv4 address, and no other addresses. Counters are not told. For where there is no netlink
 * socket to be had.
 */

#include <ifaddrs.h>
#include <net/if.h>

/* As in linkmsg.h, by the socket fd. Return 0 or a negative errno. */
int linkioctl_list(int fd, struct ifaddrs **ret);
int linkioctl_names(int fd, struct if_nameindex **ret);

#endif
