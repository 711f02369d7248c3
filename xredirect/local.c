/* SPDX-License-Identifier: MIT */
#include "xredirect/local.h"

#include "preload/sockaddr.h"
#include "preload/span.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define MAPPED_BITS 96

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Copies the first bytes of a span for inet_pton(3). */
static bool pton(int family, const struct span *span, size_t length, void *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (length == 0 || length >= sizeof(text))
		return false;
	memcpy(text, span->text, length);
	text[length] = '\0';
	return inet_pton(family, text, ret) == 1;
}

static const char separators[] = "addresses are separated by commas, without blanks";

static bool has_separator(const struct span *span)
{
	return span_has(span, ' ') || span_has(span, '\t') || span_has(span, '\n') ||
	       span_has(span, ';');
}

/* What a text that does not begin with an address was meant to be. */
static const char *hint(const struct span *span)
{
	if (span->length == 0)
		return "an address is expected; a comma goes between two of them";
	if (has_separator(span))
		return separators;
	if (span_starts(span, "*") || span_is(span, "all") || span_is(span, "any"))
		return "0.0.0.0/0 and ::/0 stand for every address";
	if (span_starts(span, "localhost"))
		return "names are not known, write 127.0.0.0/8,::1";
	if (span_starts(span, ":") && !span_starts(span, "::"))
		return "an address is expected before the port, as in 0.0.0.0/0:80";
	if (span_has(span, '%'))
		return "an interface cannot be given; fe80::/10 stands for all link-local "
		       "addresses";
	if (span_starts_letter(span) && (!span_has(span, ':') || span_has(span, '.')))
		return "names are not known, an address is expected, in numbers";
	if (span_starts_digit(span) && span_has(span, '-') && !span_has(span, ':'))
		return "there are no ranges of addresses; write 10.0.0.0/29";
	return "this is no address; write 10.0.0.0/8, 10.0.0.1:80, ::1 or [::1]:80";
}

/* Takes off the address, with the brackets of an IPv6 one. */
static const char *address_parse(struct span *span, struct local_entry *entry, bool *ret_ipv4)
{
	size_t length = span_until(span, '/'), end = span_until(span, ']');
	struct span inside = {span->text + 1, end > 0 ? end - 1 : 0};

	entry->bits = 128;
	*ret_ipv4 = false;
	if (span_starts(span, "[")) {
		if (end == span->length)
			return "] is missing after the address";
		if (!pton(AF_INET6, &inside, inside.length, entry->address))
			return "what is in the brackets is not an IPv6 address";
		span_skip(span, end + 1);
		return NULL;
	}
	if (pton(AF_INET6, span, length, entry->address)) {
		span_skip(span, length);
		return NULL;
	}
	if (span_until(span, ':') < length)
		length = span_until(span, ':');
	if (!pton(AF_INET, span, length, entry->address + sizeof(mapped)))
		return hint(span);
	memcpy(entry->address, mapped, sizeof(mapped));
	*ret_ipv4 = true;
	span_skip(span, length);
	return NULL;
}

/* Clears the bits that do not count. Returns whether one was set. */
static bool mask(struct local_entry *entry)
{
	bool extra = false;

	for (unsigned i = entry->bits; i < 128; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		extra = extra || (entry->address[i / 8] & bit);
		entry->address[i / 8] &= (uint8_t)~bit;
	}
	return extra;
}

static const char *length_parse(struct span *span, struct local_entry *entry, bool is_ipv4)
{
	uint16_t bits;

	if (!span_starts(span, "/"))
		return NULL;
	span_skip(span, 1);
	if (span_port(span, &bits) < 0 || bits > (is_ipv4 ? 32 : 128))
		return is_ipv4 ? "after / comes a number of bits, at most 32"
			       : "after / comes a number of bits, at most 128";
	entry->bits = (uint8_t)(is_ipv4 ? MAPPED_BITS + bits : bits);
	return mask(entry) ? "the address has bits beyond its length set; write the network's own, "
			     "as in 10.0.0.0/8"
			   : NULL;
}

static const char *ports_parse(struct span *span, struct local_entry *entry)
{
	entry->first = 0;
	entry->last = UINT16_MAX;
	if (!span_starts(span, ":"))
		return NULL;
	span_skip(span, 1);
	switch (span_port(span, &entry->first)) {
	case 0:
		break;
	case -ERANGE:
		return "a port is at most 65535";
	default:
		return "after the colon comes a port, a number";
	}
	entry->last = entry->first;
	if (!span_starts(span, "-"))
		return NULL;
	span_skip(span, 1);
	if (span_port(span, &entry->last) < 0 || entry->last < entry->first)
		return "after - comes the last port of the range, at most 65535";
	return NULL;
}

static const char *entry_parse(struct span span, struct local *local)
{
	struct local_entry entry = {.bits = 0};
	bool is_ipv4;
	const char *reason = address_parse(&span, &entry, &is_ipv4);

	if (!reason)
		reason = length_parse(&span, &entry, is_ipv4);
	if (!reason)
		reason = ports_parse(&span, &entry);
	if (reason)
		return reason;
	if (span.length > 0)
		return has_separator(&span) ? separators
					    : "after the address come /LENGTH, :PORT or a comma";
	if (local->count == LOCAL_MAX)
		return "more than 64 addresses";
	local->entry[local->count++] = entry;
	return NULL;
}

int local_parse(const char *text, struct local *ret, struct local_error *ret_error)
{
	const char *position = text;

	ret->count = 0;
	if (!text || !*text)
		return 0;
	for (;;) {
		struct span span = {.text = position, .length = strcspn(position, ",")};
		const char *reason = entry_parse(span, ret);

		if (reason) {
			*ret_error = (struct local_error){
				.reason = reason,
				.entry = span.text,
				.length = span.length,
				.position = (size_t)(span.text - text) + 1,
			};
			return -EINVAL;
		}
		position += span.length;
		if (!*position)
			return 0;
		position++;
	}
}

static bool entry_has(const struct local_entry *entry, const uint8_t address[16], uint16_t port)
{
	unsigned whole = entry->bits / 8, rest = entry->bits % 8;

	/* ::/0 is every IPv6 address, and what is mapped is none. */
	if (entry->bits < MAPPED_BITS && memcmp(address, mapped, sizeof(mapped)) == 0)
		return false;
	return port >= entry->first && port <= entry->last &&
	       memcmp(entry->address, address, whole) == 0 &&
	       (rest == 0 || (entry->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

bool local_has(const struct local *local, const struct sockaddr_storage *address, socklen_t length)
{
	uint8_t bytes[16];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memcpy(&in, address, sizeof(in));
	memcpy(&in6, address, sizeof(in6));
	if (in.sin_family == AF_INET && length >= sizeof(in)) {
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + sizeof(mapped), &in.sin_addr, 4);
	} else if (in6.sin6_family == AF_INET6 && length >= SOCKADDR_IN6_SHORT) {
		memcpy(bytes, &in6.sin6_addr, sizeof(bytes));
	} else {
		return false;
	}
	/* The port is at the same place in both. */
	for (unsigned i = 0; i < local->count; i++) {
		if (entry_has(&local->entry[i], bytes, ntohs(in.sin_port)))
			return true;
	}
	return false;
}
