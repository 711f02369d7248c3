/* SPDX-License-Identifier: MIT */
/*
 * Any bytes are messages up to where they make no sense. A list that is made of them has names that
 * are terminated, addresses of the families they say, and an end; it is freed as libc's would be.
 */
#include "tests/fuzz/fuzz.h"

#include "xredirect/inet6.h"
#include "xredirect/linkmsg.h"
#include "xredirect/listing.h"

#include <errno.h>
#include <unistd.h>

static void check_name(const char *name)
{
	size_t length = strnlen(name, IF_NAMESIZE);

	HOLDS(length > 0 && length < IF_NAMESIZE);
}

static const struct listing_entry *entry_of(const struct ifaddrs *ifa)
{
	return (const struct listing_entry *)(const void *)ifa;
}

/* It is in the entry that it belongs to, or not there. */
static void check_address(const struct sockaddr *address, const union listing_address *room)
{
	HOLDS(!address || address == &room->any);
	if (address && address->sa_family == AF_PACKET && room->ll.sll_ifindex)
		HOLDS(room->ll.sll_halen <= LISTING_HARDWARE_MAX);
}

static unsigned check_list(const struct ifaddrs *list, size_t size)
{
	unsigned n = 0;

	for (const struct ifaddrs *ifa = list; ifa; ifa = ifa->ifa_next) {
		const struct listing_entry *entry = entry_of(ifa);

		check_name(ifa->ifa_name);
		check_address(ifa->ifa_addr, &entry->address);
		check_address(ifa->ifa_netmask, &entry->netmask);
		check_address(ifa->ifa_broadaddr, &entry->broadcast);
		HOLDS(!ifa->ifa_netmask || ifa->ifa_addr);
		HOLDS(++n <= size / 16);
	}
	return n;
}

static unsigned check_names(const struct if_nameindex *names)
{
	unsigned n = 0;

	for (; names[n].if_name; n++)
		check_name(names[n].if_name);
	HOLDS(names[n].if_index == 0);
	return n;
}

static void check_inet6(struct rtnl_span all)
{
	int fd = inet6_file(all, all);

	HOLDS(fd >= 0 || fd == -EAGAIN);
	if (fd >= 0)
		close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtnl_span all = {data, size};
	struct if_nameindex *names = NULL;
	struct ifaddrs *list = NULL;
	unsigned links = 0;
	int r = linkmsg_names(all, &names);

	HOLDS(r == 0 ? names != NULL : !names && (r == -EPROTO || r == -ENOMEM));
	if (r == 0)
		links = check_names(names);
	listing_names_free(names);
	r = linkmsg_list(all, all, &list);
	HOLDS(r == 0 || (!list && (r == -EPROTO || r == -EAGAIN || r == -ENOMEM)));
	if (r == 0)
		HOLDS(check_list(list, size) >= links);
	listing_free(list);
	check_inet6(all);
	return 0;
}
