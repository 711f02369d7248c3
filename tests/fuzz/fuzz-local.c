/* SPDX-License-Identifier: MIT */
/*
 * Any text is either a list of addresses, and then written out in full it is the same one, or
 * refused with the very entry that is wrong. An address at an edge of an entry is in the list, the
 * one behind it only where another entry has it.
 */
#include "tests/fuzz/fuzz.h"

#include "xredirect/local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 80 /* of an entry in full */

static bool is_mapped(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

/* The same as local_has(), bit by bit. */
static bool entry_has(const struct local_entry *entry, const uint8_t address[16], uint16_t port)
{
	if (port < entry->first || port > entry->last)
		return false;
	if (entry->bits < 96 && is_mapped(address))
		return false;
	for (unsigned i = 0; i < entry->bits; i++) {
		if ((entry->address[i / 8] ^ address[i / 8]) & 0x80 >> i % 8)
			return false;
	}
	return true;
}

static void check_lookup(const struct local *local, const uint8_t address[16], uint16_t port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_storage storage = {0};
	bool has = false;

	for (unsigned i = 0; i < local->count; i++)
		has = has || entry_has(&local->entry[i], address, port);
	memcpy(&in6.sin6_addr, address, 16);
	memcpy(&storage, &in6, sizeof(in6));
	HOLDS(local_has(local, &storage, sizeof(in6)) == has);
	if (!is_mapped(address))
		return;
	memcpy(&in.sin_addr, address + 12, 4);
	memcpy(&storage, &in, sizeof(in));
	HOLDS(local_has(local, &storage, sizeof(in)) == has);
}

/* At both ends of an entry, and next to them. */
static void check_edges(const struct local *local, const struct local_entry *entry)
{
	for (unsigned bit = 0; bit <= 128; bit++) {
		uint8_t address[16];

		memcpy(address, entry->address, sizeof(address));
		if (bit < 128)
			address[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		check_lookup(local, address, entry->first);
		check_lookup(local, address, entry->last);
		check_lookup(local, address, (uint16_t)(entry->first - 1));
		check_lookup(local, address, (uint16_t)(entry->last + 1));
	}
}

static void write_entry(const struct local_entry *entry, char text[TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN];

	HOLDS(inet_ntop(AF_INET6, entry->address, address, sizeof(address)));
	snprintf(text, TEXT_MAX, "[%s]/%u:%u-%u", address, entry->bits, entry->first, entry->last);
}

static void check_list(const struct local *local)
{
	static char text[LOCAL_MAX * TEXT_MAX];
	static struct local again;
	struct local_error error;
	size_t length = 0;

	HOLDS(local->count <= LOCAL_MAX);
	for (unsigned i = 0; i < local->count; i++) {
		const struct local_entry *entry = &local->entry[i];

		HOLDS(entry->bits <= 128 && entry->first <= entry->last);
		check_edges(local, entry);
		if (i > 0)
			text[length++] = ',';
		write_entry(entry, text + length);
		length += strlen(text + length);
	}
	text[length] = '\0';
	HOLDS(local_parse(text, &again, &error) == 0);
	HOLDS(again.count == local->count);
	HOLDS(memcmp(again.entry, local->entry, local->count * sizeof(*local->entry)) == 0);
}

static void check_error(const struct local_error *error, const char *text)
{
	HOLDS(error->reason && error->reason[0]);
	HOLDS(error->position >= 1 && error->entry == text + error->position - 1);
	HOLDS(error->position - 1 + error->length <= strlen(text));
	HOLDS(!memchr(error->entry, ',', error->length));
	/* It is a whole one. */
	HOLDS(error->position == 1 || error->entry[-1] == ',');
	HOLDS(error->entry[error->length] == ',' || error->entry[error->length] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct local local;
	struct local_error error;
	char *text = malloc(size + 1);
	int r;

	HOLDS(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	memset(&local, 0x5a, sizeof(local));
	r = local_parse(text, &local, &error);
	if (r == 0) {
		check_list(&local);
	} else {
		HOLDS(r == -EINVAL);
		check_error(&error, text);
	}
	free(text);
	return 0;
}
