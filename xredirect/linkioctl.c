/* SPDX-License-Identifier: MIT */
#include "xredirect/linkioctl.h"

#include "xredirect/listing.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define ETHERNET_LENGTH 6

/* The labels of all IPv4 addresses. */
struct labels {
	struct ifreq *entries;
	size_t n;
};

/* What SIOCGIFCONF needs: there may be more a moment later, and it says nothing of what it left
 * out.
 */
static int get_labels(int fd, struct labels *ret)
{
	struct ifconf list = {.ifc_len = 0};

	for (int spare = 8;; spare *= 2) {
		int size;

		list.ifc_req = NULL;
		if (ioctl(fd, SIOCGIFCONF, &list) < 0)
			return -errno;
		size = list.ifc_len + spare * (int)sizeof(struct ifreq);
		list = (struct ifconf){.ifc_len = size, .ifc_req = malloc((size_t)size)};
		if (!list.ifc_req)
			return -ENOMEM;
		if (ioctl(fd, SIOCGIFCONF, &list) < 0) {
			int error = errno;

			free(list.ifc_req);
			return -error;
		}
		if (list.ifc_len < size)
			break;
		free(list.ifc_req);
	}
	*ret = (struct labels){list.ifc_req, (size_t)list.ifc_len / sizeof(struct ifreq)};
	return 0;
}

/* The name of the interface that a label is one of. */
static struct ifreq interface_of(const struct ifreq *label)
{
	struct ifreq request = {.ifr_ifindex = 0};
	size_t length = strcspn(label->ifr_name, ":");

	memcpy(request.ifr_name, label->ifr_name, length);
	return request;
}

static bool is_first(const struct labels *labels, size_t at)
{
	struct ifreq name = interface_of(&labels->entries[at]);

	for (size_t i = 0; i < at; i++) {
		struct ifreq other = interface_of(&labels->entries[i]);

		if (strcmp(name.ifr_name, other.ifr_name) == 0)
			return false;
	}
	return true;
}

static struct rtnl_span name_span(const struct ifreq *name)
{
	return (struct rtnl_span){
		(const unsigned char *)name->ifr_name, strnlen(name->ifr_name, IF_NAMESIZE - 1)};
}

/* ---- interfaces ---- */

static int get_index(int fd, struct ifreq name, unsigned *ret)
{
	if (ioctl(fd, SIOCGIFINDEX, &name) < 0)
		return -errno;
	*ret = (unsigned)name.ifr_ifindex;
	return 0;
}

static int get_flags(int fd, struct ifreq name, unsigned *ret)
{
	if (ioctl(fd, SIOCGIFFLAGS, &name) < 0)
		return -errno;
	*ret = (unsigned short)name.ifr_flags;
	return 0;
}

/* How long an address is is not told, so only those are that always have the same length. */
static void set_hardware(int fd, struct ifreq name, struct listing_entry *entry)
{
	struct sockaddr_ll *ll = &entry->address.ll;

	if (ioctl(fd, SIOCGIFHWADDR, &name) < 0 ||
		(name.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
			name.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK))
		return;
	ll->sll_family = AF_PACKET;
	ll->sll_ifindex = (int)entry->index;
	ll->sll_hatype = name.ifr_hwaddr.sa_family;
	ll->sll_halen = ETHERNET_LENGTH;
	memcpy(ll->sll_addr, name.ifr_hwaddr.sa_data, ETHERNET_LENGTH);
	entry->ifa.ifa_addr = &entry->address.any;
}

static int add_interface(int fd, struct ifreq name, struct listing *listing)
{
	struct rtnl_span span = name_span(&name);
	struct listing_entry *entry = listing_add(listing, (struct rtnl_span){0});
	int r;

	if (!entry)
		return -ENOMEM;
	memcpy(entry->name, span.bytes, span.length);
	r = get_index(fd, name, &entry->index);
	if (r == 0)
		r = get_flags(fd, name, &entry->ifa.ifa_flags);
	if (r == 0)
		set_hardware(fd, name, entry);
	return r;
}

/* ---- addresses ---- */

/* Something that belongs to an address of the label: the request has both. */
static struct sockaddr *get_address(
	int fd, struct ifreq label, unsigned long what, union listing_address *room)
{
	if (ioctl(fd, what, &label) < 0)
		return NULL;
	memcpy(&room->any, &label.ifr_addr, sizeof(room->any));
	return &room->any;
}

static int add_address(int fd, const struct ifreq *label, struct listing *listing)
{
	struct listing_entry *entry = listing_add(listing, (struct rtnl_span){0});
	struct rtnl_span name = name_span(label);
	struct ifaddrs *ifa;
	int r;

	if (!entry)
		return -ENOMEM;
	ifa = &entry->ifa;
	memcpy(entry->name, name.bytes, name.length);
	memcpy(&entry->address.any, &label->ifr_addr, sizeof(entry->address.any));
	ifa->ifa_addr = &entry->address.any;
	r = get_flags(fd, interface_of(label), &ifa->ifa_flags);
	if (r < 0)
		return r;
	ifa->ifa_netmask = get_address(fd, *label, SIOCGIFNETMASK, &entry->netmask);
	ifa->ifa_broadaddr = get_address(fd, *label, SIOCGIFBRDADDR, &entry->broadcast);
	/* It has none: linkmsg.c tells what stands there instead. */
	if (ifa->ifa_broadaddr && entry->broadcast.in.sin_addr.s_addr == INADDR_ANY)
		ifa->ifa_dstaddr = get_address(fd, *label, SIOCGIFDSTADDR, &entry->broadcast);
	return 0;
}

static int make_list(int fd, const struct labels *labels, struct ifaddrs **ret)
{
	struct listing listing;
	int r = listing_begin(&listing, 2 * labels->n, 0);

	for (size_t i = 0; r == 0 && i < labels->n; i++) {
		if (is_first(labels, i))
			r = add_interface(fd, interface_of(&labels->entries[i]), &listing);
	}
	for (size_t i = 0; r == 0 && i < labels->n; i++)
		r = add_address(fd, &labels->entries[i], &listing);
	if (r < 0) {
		listing_free(listing_end(&listing));
		return r;
	}
	*ret = listing_end(&listing);
	return 0;
}

static int make_names(int fd, const struct labels *labels, struct if_nameindex **ret)
{
	struct listing_names names;
	int r = listing_names_begin(&names, labels->n);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < labels->n; i++) {
		struct ifreq name = interface_of(&labels->entries[i]);
		unsigned index = 0;

		if (!is_first(labels, i))
			continue;
		r = get_index(fd, name, &index);
		if (r == 0)
			r = listing_names_add(&names, index, name_span(&name));
	}
	if (r < 0) {
		listing_names_free(listing_names_end(&names));
		return r;
	}
	*ret = listing_names_end(&names);
	return 0;
}

/* What was there a moment ago and is not any more: the list is another one by now. */
static int changed(int r)
{
	return r == -ENODEV || r == -EADDRNOTAVAIL ? -EAGAIN : r;
}

int linkioctl_list(int fd, struct ifaddrs **ret)
{
	struct labels labels;
	int r = get_labels(fd, &labels);

	if (r < 0)
		return r;
	r = make_list(fd, &labels, ret);
	free(labels.entries);
	return changed(r);
}

int linkioctl_names(int fd, struct if_nameindex **ret)
{
	struct labels labels;
	int r = get_labels(fd, &labels);

	if (r < 0)
		return r;
	r = make_names(fd, &labels, ret);
	free(labels.entries);
	return changed(r);
}
