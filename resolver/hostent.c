/* SPDX-License-Identifier: MIT */
/* gethostbyname2_r(3), gethostbyaddr_r(3) and gethostent_r(3), as glibc has them. */
#include "resolver/lookup.h"

#include "common/cancel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* ---- the buffer ---- */

/* What is left of the caller's buffer. */
struct room {
	char *next;
	size_t left;
};

/* NULL: there is not enough. */
static void *take(struct room *room, size_t size, size_t alignment)
{
	size_t skip = -(uintptr_t)room->next & (alignment - 1);
	char *taken = room->next + skip;

	if (skip > room->left || size > room->left - skip)
		return NULL;
	room->next += skip + size;
	room->left -= skip + size;
	return taken;
}

static char *copy_text(struct room *room, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = take(room, size, 1);

	return copy ? memcpy(copy, text, size) : NULL;
}

static char **take_list(struct room *room, size_t n)
{
	return take(room, (n + 1) * sizeof(char *), sizeof(char *));
}

static bool fill_addresses(
	struct room *room, const struct found *found, int family, struct hostent *ret)
{
	unsigned length = address_length(family), n = 0;

	ret->h_addrtype = family;
	ret->h_length = (int)length;
	ret->h_addr_list = take_list(room, found->n);
	if (!ret->h_addr_list)
		return false;
	for (unsigned i = 0; i < found->n; i++) {
		if (found->addresses[i].family != family)
			continue;
		ret->h_addr_list[n] = take(room, length, sizeof(uint32_t));
		if (!ret->h_addr_list[n])
			return false;
		memcpy(ret->h_addr_list[n++], &found->addresses[i].bytes, length);
	}
	ret->h_addr_list[n] = NULL;
	return true;
}

static bool fill(struct room *room, const struct found *found, const char *name, int family,
	struct hostent *ret)
{
	unsigned n = 0;

	ret->h_aliases = take_list(room, found->n_aliases);
	if (!ret->h_aliases || !fill_addresses(room, found, family, ret))
		return false;
	ret->h_name = copy_text(room, found->name ? found->name : name);
	for (; ret->h_name && n < found->n_aliases; n++) {
		ret->h_aliases[n] = copy_text(room, found->aliases[n]);
		if (!ret->h_aliases[n])
			return false;
	}
	ret->h_aliases[n] = NULL;
	return ret->h_name;
}

/* ---- how it ends ---- */

static int end(const struct lookup *lookup, enum outcome outcome, int *h_error)
{
	switch (outcome) {
	case OUTCOME_FOUND:
		*h_error = NETDB_SUCCESS;
		return 0;
	case OUTCOME_NO_NAME:
		*h_error = HOST_NOT_FOUND;
		return 0;
	case OUTCOME_NO_DATA:
		*h_error = NO_DATA;
		return 0;
	case OUTCOME_DEAD_END:
	case OUTCOME_FAIL:
		*h_error = NO_RECOVERY;
		return 0;
	case OUTCOME_AGAIN:
		*h_error = TRY_AGAIN;
		return EAGAIN;
	case OUTCOME_SYSTEM:
		break;
	}
	*h_error = NETDB_INTERNAL;
	return -lookup->error;
}

/* What is the same for all: begins and ends a look-up, and fills the buffer. */
struct question {
	const char *name; /* NULL: an address, or the next entry */
	int family;
	const void *bytes; /* NULL: the next entry */
	off_t *position;
};

static enum outcome ask(
	struct lookup *lookup, const struct question *question, off_t *position, struct found *ret)
{
	struct lookup_wanted wanted = {.family = question->family};

	if (question->name)
		return lookup_name(lookup, question->name, &wanted, ret);
	if (question->bytes)
		return lookup_address(lookup, question->family, question->bytes, ret);
	*position = *question->position;
	return lookup_entry(lookup, position, question->family, ret);
}

static int look_up(const struct resolver_source *source, const struct question *question,
	struct hostent *ret, struct room room, struct hostent **result, int *h_error, char *why)
{
	struct lookup lookup;
	struct found found = {0};
	struct cancel cancel;
	enum outcome outcome;
	int saved_errno = errno, r;
	off_t position = 0;

	cancel_hold(&cancel);
	lookup_begin(&lookup, source, why);
	outcome = ask(&lookup, question, &position, &found);
	r = end(&lookup, outcome, h_error);
	if (outcome == OUTCOME_FOUND) {
		/* of an address the family may have changed: IPv4 in IPv6 */
		if (fill(&room, &found, question->name, found.addresses[0].family, ret)) {
			*result = ret;
			if (question->position)
				*question->position = position;
		} else {
			*h_error = NETDB_INTERNAL;
			r = ERANGE;
		}
	}
	found_clear(&found);
	lookup_end(&lookup);
	cancel_release(&cancel);
	errno = r ? r : saved_errno;
	return r;
}

/* ---- names ---- */

/* Whether a name can only be meant for an address: made of what IPv4 or IPv6 is written in. */
static bool looks_numeric(const char *name)
{
	size_t digits = strspn(name, "0123456789."), hexadecimal;

	if (*name >= '0' && *name <= '9' && !name[digits])
		return name[digits - 1] != '.';
	hexadecimal = strspn(name, "0123456789abcdefABCDEF:.");
	return strchr(name, ':') && !name[hexadecimal] && name[hexadecimal - 1] != '.';
}

static int numeric(const char *name, int family, struct hostent *ret, struct room room,
	struct hostent **result, int *h_error)
{
	struct found found = {0};
	union address_bytes bytes;
	bool valid;
	int r = 0;

	if (family == AF_INET)
		valid = !strchr(name, ':') && inet_aton(name, &bytes.in);
	else
		valid = inet_pton(AF_INET6, name, &bytes.in6) > 0;
	*h_error = HOST_NOT_FOUND;
	if (!valid)
		return 0;
	*h_error = NETDB_INTERNAL;
	if (found_add_address(&found, family, &bytes) < 0)
		r = ENOMEM;
	else if (!fill(&room, &found, name, family, ret))
		r = ERANGE;
	found_clear(&found);
	if (r != 0) {
		errno = r;
		return r;
	}
	*h_error = NETDB_SUCCESS;
	*result = ret;
	return 0;
}

int resolver_gethostbyname2_r(const struct resolver_source *source, const char *name, int family,
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_error,
	char why[RESOLVER_WHY])
{
	struct question question = {.name = name, .family = family};
	struct room room = {.next = buffer, .left = size};

	*result = NULL;
	if (why)
		why[0] = '\0';
	if (family != AF_INET && family != AF_INET6) {
		*h_error = NO_DATA;
		errno = EAFNOSUPPORT;
		return EAFNOSUPPORT;
	}
	if (looks_numeric(name))
		return numeric(name, family, ret, room, result, h_error);
	return look_up(source, &question, ret, room, result, h_error, why);
}

/* ---- addresses ---- */

int resolver_gethostbyaddr_r(const struct resolver_source *source, const void *address,
	socklen_t length, int family, struct hostent *ret, char *buffer, size_t size,
	struct hostent **result, int *h_error, char why[RESOLVER_WHY])
{
	struct question question = {.family = family, .bytes = address};
	struct room room = {.next = buffer, .left = size};
	bool valid = family == AF_INET || family == AF_INET6;

	*result = NULL;
	if (why)
		why[0] = '\0';
	if (!valid || length != address_length(family)) {
		*h_error = NETDB_INTERNAL;
		errno = valid ? EINVAL : EAFNOSUPPORT;
		return errno;
	}
	if (family == AF_INET6 && memcmp(address, &in6addr_any, sizeof(in6addr_any)) == 0) {
		*h_error = HOST_NOT_FOUND;
		errno = ENOENT;
		return ENOENT;
	}
	return look_up(source, &question, ret, room, result, h_error, why);
}

/* ---- all of them ---- */

/* libc's reads the file for IPv4: an entry of IPv6 is passed over, ::1 is 127.0.0.1. */
int resolver_gethostent_r(const struct resolver_source *source, off_t *position,
	struct hostent *ret, char *buffer, size_t size, struct hostent **result, int *h_error,
	char why[RESOLVER_WHY])
{
	struct question question = {.family = AF_INET, .position = position};
	struct room room = {.next = buffer, .left = size};

	*result = NULL;
	return look_up(source, &question, ret, room, result, h_error, why);
}
