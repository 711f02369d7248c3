/* SPDX-License-Identifier: MIT */
/*
 * To glibc a list of addresses is one piece of memory, while musl frees each entry. To glibc each
 * name of an interface is a piece, while to musl all of them are one. These lists are made as the
 * libc wants them that this is compiled for, so that it does not matter which function frees them:
 * a plug-in may have found that of libc.
 *
 * The lists that are out are remembered all the same: another preload library that is next in line
 * may want other pieces. There is room for a few, since they are freed soon; one that finds none is
 * left to who is next.
 */
#include "xredirect/listing.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX 64

static _Atomic(const void *) known[KNOWN_MAX];

void listing_remember(const void *list)
{
	for (unsigned i = 0; i < KNOWN_MAX; i++) {
		const void *nobody = NULL;

		if (atomic_compare_exchange_strong(&known[i], &nobody, list))
			return;
	}
}

bool listing_forget(const void *list)
{
	for (unsigned i = 0; list && i < KNOWN_MAX; i++) {
		const void *found = list;

		if (atomic_compare_exchange_strong(&known[i], &found, NULL))
			return true;
	}
	return false;
}

#define UNIT _Alignof(max_align_t)

/* What an entry takes, so that the next one is where one may be. */
static size_t entry_size(size_t data)
{
	return (sizeof(struct listing_entry) + data + UNIT - 1) / UNIT * UNIT;
}

#ifdef __GLIBC__

int listing_begin(struct listing *listing, size_t entries, size_t data)
{
	*listing = (struct listing){.left = entries * (entry_size(0) + UNIT) + data};
	if (entries == 0)
		return 0;
	listing->room = calloc(1, listing->left);
	return listing->room ? 0 : -ENOMEM;
}

static struct listing_entry *entry_new(struct listing *listing, size_t data)
{
	struct listing_entry *entry = (struct listing_entry *)(void *)listing->room;

	if (listing->left < entry_size(data))
		return NULL;
	listing->room += entry_size(data);
	listing->left -= entry_size(data);
	return entry;
}

void listing_free(struct ifaddrs *list)
{
	free(list);
}

#else

int listing_begin(struct listing *listing, size_t entries, size_t data)
{
	*listing = (struct listing){0};
	return 0;
}

static struct listing_entry *entry_new(struct listing *listing, size_t data)
{
	return calloc(1, entry_size(data));
}

void listing_free(struct ifaddrs *list)
{
	while (list) {
		struct ifaddrs *next = list->ifa_next;

		free(list);
		list = next;
	}
}

#endif

struct listing_entry *listing_add(struct listing *listing, struct rtnl_span data)
{
	struct listing_entry *entry = entry_new(listing, data.length);

	if (!entry)
		return NULL;
	entry->ifa.ifa_name = entry->name;
	if (data.length > 0)
		entry->ifa.ifa_data = memcpy(entry + 1, data.bytes, data.length);
	if (listing->last)
		listing->last->ifa.ifa_next = &entry->ifa;
	else
		listing->first = entry;
	listing->last = entry;
	return entry;
}

struct ifaddrs *listing_end(struct listing *listing)
{
	if (listing->first)
		return &listing->first->ifa;
	free(listing->room);
	return NULL;
}

#ifdef __GLIBC__

static char *name_new(struct listing_names *names)
{
	return calloc(1, IF_NAMESIZE);
}

void listing_names_free(struct if_nameindex *names)
{
	for (struct if_nameindex *entry = names; entry && entry->if_name; entry++)
		free(entry->if_name);
	free(names);
}

#else

static char *name_new(struct listing_names *names)
{
	char *name = names->room;

	names->room += IF_NAMESIZE;
	return name;
}

void listing_names_free(struct if_nameindex *names)
{
	free(names);
}

#endif

int listing_names_begin(struct listing_names *names, size_t size)
{
	*names = (struct listing_names){.size = size};
	names->entries = calloc(size + 1, sizeof(*names->entries) + IF_NAMESIZE);
	if (!names->entries)
		return -ENOMEM;
	names->room = (char *)(names->entries + size + 1);
	return 0;
}

int listing_names_add(struct listing_names *names, unsigned index, struct rtnl_span name)
{
	struct if_nameindex *entry = &names->entries[names->count];

	if (names->count == names->size)
		return -ENOMEM;
	entry->if_name = name_new(names);
	if (!entry->if_name)
		return -ENOMEM;
	memcpy(entry->if_name, name.bytes, name.length);
	entry->if_index = index;
	names->count++;
	return 0;
}

struct if_nameindex *listing_names_end(struct listing_names *names)
{
	return names->entries;
}
