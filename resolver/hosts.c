/* SPDX-License-Identifier: MIT */
#include "resolver/hosts.h"

#include "resolver/lines.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLANKS " \t\r\n\v\f"

bool hosts_parse(char *line, struct hosts_entry *ret)
{
	char *end;

	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, BLANKS);
	end = line + strcspn(line, BLANKS);
	if (!*end)
		return false;
	*end = '\0';
	ret->names = end + 1 + strspn(end + 1, BLANKS);
	if (!*ret->names)
		return false;
	ret->family = AF_INET;
	if (inet_pton(AF_INET, line, &ret->bytes) > 0)
		return true;
	ret->family = AF_INET6;
	return inet_pton(AF_INET6, line, &ret->bytes) > 0;
}

bool hosts_fits(struct hosts_entry *entry, int family)
{
	struct in_addr in;

	if (family == AF_UNSPEC || entry->family == family)
		return true;
	if (family != AF_INET)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&entry->bytes.in6))
		memcpy(&in, &entry->bytes.in6.s6_addr[12], sizeof(in));
	else if (IN6_IS_ADDR_LOOPBACK(&entry->bytes.in6))
		in.s_addr = htonl(INADDR_LOOPBACK);
	else
		return false;
	entry->family = AF_INET;
	entry->bytes.in = in;
	return true;
}

static bool has_name(const struct hosts_entry *entry, const char *name)
{
	size_t wanted = strlen(name), length;

	for (const char *word = entry->names; *word;
		word += length + strspn(word + length, BLANKS)) {
		length = strcspn(word, BLANKS);
		if (length == wanted && strncasecmp(word, name, wanted) == 0)
			return true;
	}
	return false;
}

/* The first name of an entry is the canonical one, unless another entry told it before. */
static int take_names(const struct hosts_entry *entry, struct found *ret)
{
	char *rest = NULL, *first = strtok_r(entry->names, BLANKS, &rest);
	int r = 0;

	if (!ret->name)
		r = found_set_name(ret, first), first = NULL;
	for (char *word; r == 0 && (word = strtok_r(NULL, BLANKS, &rest));)
		r = found_add_alias(ret, word);
	if (r == 0 && first && strcmp(first, ret->name) != 0)
		r = found_add_alias(ret, first);
	return r;
}

int hosts_find_name(int file, const char *name, int family, struct found *ret)
{
	struct hosts_entry entry;
	struct lines lines;
	char *line;
	int r;

	lines_init(&lines, file);
	while ((r = lines_next(&lines, &line)) > 0) {
		if (!hosts_parse(line, &entry) || !has_name(&entry, name) ||
			!hosts_fits(&entry, family))
			continue;
		r = take_names(&entry, ret);
		if (r == 0)
			r = found_add_address(ret, entry.family, &entry.bytes);
		if (r < 0)
			break;
	}
	lines_end(&lines);
	return r;
}

int hosts_find_address(int file, int family, const void *bytes, struct found *ret)
{
	struct hosts_entry entry;
	struct lines lines;
	char *line;
	int r;

	lines_init(&lines, file);
	while ((r = lines_next(&lines, &line)) > 0) {
		if (!hosts_parse(line, &entry) || !hosts_fits(&entry, family) ||
			memcmp(&entry.bytes, bytes, address_length(family)) != 0)
			continue;
		r = take_names(&entry, ret);
		if (r == 0)
			r = found_add_address(ret, family, bytes);
		break;
	}
	lines_end(&lines);
	return r < 0 ? r : 0;
}

int hosts_next(int file, off_t *position, int family, struct found *ret)
{
	struct hosts_entry entry;
	struct lines lines;
	char *line;
	off_t end;
	int r;

	if (lseek(file, *position, SEEK_SET) < 0)
		return -errno;
	lines_init(&lines, file);
	while ((r = lines_next(&lines, &line)) > 0) {
		if (!hosts_parse(line, &entry) || !hosts_fits(&entry, family))
			continue;
		r = take_names(&entry, ret);
		if (r == 0)
			r = found_add_address(ret, entry.family, &entry.bytes);
		break;
	}
	end = lseek(file, 0, SEEK_CUR);
	if (r == 0 && end < 0)
		r = -errno;
	if (r == 0)
		*position = end - (off_t)(lines.end - lines.begin);
	lines_end(&lines);
	return r;
}
