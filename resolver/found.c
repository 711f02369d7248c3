/* SPDX-License-Identifier: MIT */
#include "resolver/found.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void found_clear(struct found *found)
{
	for (unsigned i = 0; i < found->n_aliases; i++)
		free(found->aliases[i]);
	free(found->aliases);
	free(found->addresses);
	free(found->name);
	memset(found, 0, sizeof(*found));
}

/* Room for one more element: there is some up to each power of two. Returns false without. */
static bool grow(void *array, unsigned n, size_t size)
{
	void **pointer = array, *bigger;

	if (n & (n - 1))
		return true;
	bigger = realloc(*pointer, (n ? 2 * (size_t)n : 1) * size);
	if (!bigger)
		return false;
	*pointer = bigger;
	return true;
}

int found_add_address(struct found *found, int family, const void *bytes)
{
	struct found_address *address;

	if (!grow(&found->addresses, found->n, sizeof(found->addresses[0])))
		return -ENOMEM;
	address = &found->addresses[found->n++];
	memset(address, 0, sizeof(*address));
	address->family = family;
	memcpy(&address->bytes, bytes, address_length(family));
	return 0;
}

int found_add_alias(struct found *found, const char *alias)
{
	char *copy = strdup(alias);

	if (!copy || !grow(&found->aliases, found->n_aliases, sizeof(found->aliases[0]))) {
		free(copy);
		return -ENOMEM;
	}
	found->aliases[found->n_aliases++] = copy;
	return 0;
}

int found_set_name(struct found *found, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return -ENOMEM;
	free(found->name);
	found->name = copy;
	return 0;
}
