/* SPDX-License-Identifier: MIT */
/*
 * First in the list are the interfaces, each with its hardware address and its counters, then all
 * addresses. What is to be known about the latter:
 *   - IFA_LOCAL is the interface's own address, IFA_ADDRESS then that of the other end. Where there
 *     is only one it is its own. IPv4 always has both, and on what is no point-to-point link they
 *     are the same: glibc then tells the own address as that of the other end, and so do we, unless
 *     there is a broadcast address, which is in the same place (ifa_ifu);
 *   - its name is a label, if it has one, which may not be the interface's name (eth0:1).
 */
#include "xredirect/linkmsg.h"

#include "xredirect/listing.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* ---- interfaces ---- */

static struct sockaddr *set_hardware(
	union listing_address *room, const struct rtnl_link *link, struct rtnl_span bytes)
{
	if (!bytes.bytes || bytes.length > LISTING_HARDWARE_MAX)
		return NULL;
	room->ll.sll_family = AF_PACKET;
	room->ll.sll_ifindex = (int)link->index;
	room->ll.sll_hatype = link->kind;
	room->ll.sll_halen = (unsigned char)bytes.length;
	memcpy(room->room + offsetof(struct sockaddr_ll, sll_addr), bytes.bytes, bytes.length);
	return &room->any;
}

static int add_link(struct listing *listing, const struct rtnl_link *link)
{
	struct listing_entry *entry;

	if (!link->name.bytes)
		return -EPROTO;
	entry = listing_add(listing, link->stats);
	if (!entry)
		return -ENOMEM;
	memcpy(entry->name, link->name.bytes, link->name.length);
	entry->index = link->index;
	entry->ifa.ifa_flags = link->flags;
	entry->ifa.ifa_addr = set_hardware(&entry->address, link, link->address);
	entry->ifa.ifa_broadaddr = set_hardware(&entry->broadcast, link, link->broadcast);
	return 0;
}

static int add_links(struct listing *listing, struct rtnl_span links)
{
	struct rtnl_message message;
	struct rtnl_link link;

	while (rtnl_next(&links, &message)) {
		int r = rtnl_link_read(&message, &link) ? add_link(listing, &link) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- addresses ---- */

static bool is_link_local(const struct in6_addr *address)
{
	return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address);
}

/* Returns 0, or -EPROTO: no address of that family has such a length. */
static int set_address(union listing_address *room, const struct rtnl_address *address,
	struct rtnl_span bytes, struct sockaddr **ret)
{
	size_t wanted = bytes.length, offset = offsetof(struct sockaddr, sa_data);

	*ret = NULL;
	if (!bytes.bytes)
		return 0;
	if (address->family == AF_INET) {
		wanted = sizeof(struct in_addr);
		offset = offsetof(struct sockaddr_in, sin_addr);
	} else if (address->family == AF_INET6) {
		wanted = sizeof(struct in6_addr);
		offset = offsetof(struct sockaddr_in6, sin6_addr);
	}
	if (bytes.length != wanted || wanted > sizeof(*room) - offset)
		return -EPROTO;
	room->any.sa_family = address->family;
	memcpy(room->room + offset, bytes.bytes, wanted);
	if (address->family == AF_INET6 && is_link_local(&room->in6.sin6_addr))
		room->in6.sin6_scope_id = address->index;
	*ret = &room->any;
	return 0;
}

static struct sockaddr *set_netmask(union listing_address *room, const struct rtnl_address *address)
{
	unsigned char *mask = room->room + offsetof(struct sockaddr_in, sin_addr);
	unsigned bits = address->prefix, length = sizeof(struct in_addr);

	if (address->family == AF_INET6) {
		mask = room->room + offsetof(struct sockaddr_in6, sin6_addr);
		length = sizeof(struct in6_addr);
	} else if (address->family != AF_INET) {
		length = 0;
	}
	for (unsigned i = 0; i < length; i++, bits -= bits < 8 ? bits : 8)
		mask[i] = bits < 8 ? (unsigned char)(0xff00 >> bits) : 0xff;
	room->any.sa_family = address->family;
	return &room->any;
}

static int set_addresses(struct listing_entry *entry, const struct rtnl_address *address)
{
	struct ifaddrs *ifa = &entry->ifa;
	struct rtnl_span own = address->local, other = address->broadcast;
	int r;

	if (!other.bytes && own.bytes)
		other = address->peer;
	if (!own.bytes)
		own = address->peer;
	r = set_address(&entry->address, address, own, &ifa->ifa_addr);
	if (r == 0)
		r = set_address(&entry->broadcast, address, other, &ifa->ifa_broadaddr);
	if (ifa->ifa_addr)
		ifa->ifa_netmask = set_netmask(&entry->netmask, address);
	return r;
}

/*
 * The interface of that number: one of the first entries, up to `last`. Addresses come in the order
 * of interfaces, so the search begins where the last one ended.
 */
static struct listing_entry *find(struct listing *listing, const struct listing_entry *last,
	struct listing_entry *begin, unsigned index)
{
	struct listing_entry *entry = begin;

	do {
		if (entry->index == index)
			return entry;
		entry = entry == last ? listing->first
				      : (struct listing_entry *)(void *)entry->ifa.ifa_next;
	} while (entry != begin);
	return NULL;
}

static int add_address(struct listing *listing, const struct listing_entry *interface,
	const struct rtnl_address *address)
{
	struct listing_entry *entry = listing_add(listing, (struct rtnl_span){0});

	if (!entry)
		return -ENOMEM;
	if (address->label.bytes)
		memcpy(entry->name, address->label.bytes, address->label.length);
	else
		memcpy(entry->name, interface->name, sizeof(entry->name));
	entry->ifa.ifa_flags = interface->ifa.ifa_flags;
	return set_addresses(entry, address);
}

static int add_addresses(struct listing *listing, struct rtnl_span addresses)
{
	struct listing_entry *last = listing->last, *interface = listing->first;
	struct rtnl_message message;
	struct rtnl_address address;

	while (rtnl_next(&addresses, &message)) {
		int r;

		if (!rtnl_address_read(&message, &address))
			continue;
		if (interface)
			interface = find(listing, last, interface, address.index);
		if (!interface)
			return -EAGAIN;
		r = add_address(listing, interface, &address);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- both ---- */

/* How many messages there are, and how many bytes of counters in them. */
static size_t count(struct rtnl_span messages, size_t *ret_stats)
{
	struct rtnl_message message;
	struct rtnl_link link;
	size_t n = 0;

	for (; rtnl_next(&messages, &message); n++) {
		if (rtnl_link_read(&message, &link))
			*ret_stats += link.stats.length;
	}
	return n;
}

int linkmsg_list(struct rtnl_span links, struct rtnl_span addresses, struct ifaddrs **ret)
{
	struct listing listing;
	size_t stats = 0, n;
	int r;

	n = count(links, &stats);
	n += count(addresses, &stats);
	r = listing_begin(&listing, n, stats);
	if (r < 0)
		return r;
	r = add_links(&listing, links);
	if (r == 0)
		r = add_addresses(&listing, addresses);
	if (r < 0) {
		listing_free(listing_end(&listing));
		return r;
	}
	*ret = listing_end(&listing);
	return 0;
}

int linkmsg_names(struct rtnl_span links, struct if_nameindex **ret)
{
	struct listing_names names;
	struct rtnl_message message;
	struct rtnl_link link;
	size_t stats = 0;
	int r = listing_names_begin(&names, count(links, &stats));

	if (r < 0)
		return r;
	while (r == 0 && rtnl_next(&links, &message)) {
		if (rtnl_link_read(&message, &link))
			r = link.name.bytes ? listing_names_add(&names, link.index, link.name)
					    : -EPROTO;
	}
	if (r < 0) {
		listing_names_free(listing_names_end(&names));
		return r;
	}
	*ret = listing_names_end(&names);
	return 0;
}
