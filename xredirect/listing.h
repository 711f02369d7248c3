/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_LISTING_H
#define XSOCKET_XREDIRECT_LISTING_H

/*
 * Lists as getifaddrs(3) and if_nameindex(3) return them, in such pieces of memory as this libc's
 * own freeifaddrs(3) and if_freenameindex(3) give back. See listing.c.
 */

#include "common/rtnl.h"

#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>

#define LISTING_HARDWARE_MAX 32 /* bytes of an address; Infiniband has 20 */

union listing_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_ll ll;
	unsigned char room[sizeof(struct sockaddr_ll) + LISTING_HARDWARE_MAX];
};

struct listing_entry {
	struct ifaddrs ifa; /* the first member: what is freed is what the program has */
	union listing_address address, netmask, broadcast;
	unsigned index; /* of the interface */
	char name[IF_NAMESIZE];
};

struct listing {
	struct listing_entry *first, *last;
	unsigned char *room; /* for what is still to be added */
	size_t left;
};

/* Begins a list of up to so many entries, with so many bytes of data in all. Returns 0 or -ENOMEM.
 */
int listing_begin(struct listing *listing, size_t entries, size_t data);

/* Adds an entry, with a copy of data; its name is empty. Returns NULL: out of memory. */
struct listing_entry *listing_add(struct listing *listing, struct rtnl_span data);

/* The list, which is the caller's now. NULL where nothing was added. */
struct ifaddrs *listing_end(struct listing *listing);

/* Names of interfaces. */
struct listing_names {
	struct if_nameindex *entries;
	size_t count, size;
	char *room;
};

/* As above. The name is shorter than IF_NAMESIZE. Both return 0 or -ENOMEM. */
int listing_names_begin(struct listing_names *names, size_t size);
int listing_names_add(struct listing_names *names, unsigned index, struct rtnl_span name);
struct if_nameindex *listing_names_end(struct listing_names *names);

/* For lists that were not ended, and those that were. NULL is none. */
void listing_free(struct ifaddrs *list);
void listing_names_free(struct if_nameindex *names);

/*
 * A program that frees a list says nothing about who made it. Remembers one; returns whether it was
 * remembered, and forgets it. Takes no lock.
 */
void listing_remember(const void *list);
bool listing_forget(const void *list);

#endif
