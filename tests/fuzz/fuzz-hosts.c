/* SPDX-License-Identifier: MIT */
/*
 * Any line of a hosts file either has an address and names, which are in the line, or is passed
 * over; and a file of any lines has the names and addresses that its lines have one by one.
 */
#include "tests/fuzz/fuzz.h"

#include "resolver/hosts.h"

#include <sys/mman.h>
#include <unistd.h>

#define BLANKS " \t\r\n\v\f"

static void check_entry(const struct hosts_entry *entry, const char *line, size_t length)
{
	struct hosts_entry copy = *entry;

	HOLDS(entry->family == AF_INET || entry->family == AF_INET6);
	HOLDS(entry->names > line && entry->names < line + length);
	HOLDS(*entry->names && !strchr(BLANKS, *entry->names) && !strchr(entry->names, '#'));
	HOLDS(hosts_fits(&copy, AF_UNSPEC) && copy.family == entry->family);
	HOLDS(hosts_fits(&copy, entry->family));
	if (hosts_fits(&copy, AF_INET))
		HOLDS(copy.family == AF_INET);
	else
		HOLDS(entry->family == AF_INET6);
}

/* How many lines have this name. */
static unsigned count(const char *text, size_t length, const char *name)
{
	unsigned n = 0;

	while (length > 0) {
		const char *newline = memchr(text, '\n', length);
		size_t line = newline ? (size_t)(newline - text) : length;
		char *copy = strndup(text, line), *rest;
		struct hosts_entry entry;
		bool has = false;

		HOLDS(copy);
		if (hosts_parse(copy, &entry)) {
			check_entry(&entry, copy, line);
			for (char *word = strtok_r(entry.names, BLANKS, &rest); word;
				word = strtok_r(NULL, BLANKS, &rest))
				has = has || strcasecmp(word, name) == 0;
		}
		n += has;
		free(copy);
		line += newline != NULL;
		text += line;
		length -= line;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	size_t length;
	const uint8_t *bytes = input_bytes(&input, input_byte(&input) % 16, &length);
	char name[16] = "";
	struct found found = {0};
	int file = memfd_create("hosts", MFD_CLOEXEC);

	HOLDS(file >= 0);
	if (length > 0)
		memcpy(name, bytes, length);
	HOLDS(input.size == 0 || write(file, input.data, input.size) == (ssize_t)input.size);
	lseek(file, 0, SEEK_SET);
	HOLDS(hosts_find_name(file, name, AF_UNSPEC, &found) == 0);
	HOLDS(found.n == count((const char *)input.data, input.size, name));
	HOLDS((found.n > 0) == (found.name != NULL));
	found_clear(&found);
	lseek(file, 0, SEEK_SET);
	HOLDS(hosts_find_name(file, name, AF_INET, &found) == 0);
	for (unsigned i = 0; i < found.n; i++)
		HOLDS(found.addresses[i].family == AF_INET);
	found_clear(&found);
	lseek(file, 0, SEEK_SET);
	HOLDS(hosts_find_address(file, AF_INET6, &in6addr_loopback, &found) == 0);
	HOLDS(found.n <= 1);
	found_clear(&found);
	close(file);
	return 0;
}
