/* SPDX-License-Identifier: MIT */
#include "preload/sockaddr.h"

#include "preload/memory.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

/* Only where an address goes on in another page is that not known to be there. */
bool sockaddr_copy(const struct sockaddr *address, socklen_t length, struct sockaddr_storage *ret)
{
	uintptr_t first = (uintptr_t)address;

	if (length > sizeof(*ret))
		return false;
	if (first / MEMORY_PAGE != (first + length - 1) / MEMORY_PAGE &&
		memory_readable(address, length) != length)
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, address, length);
	return true;
}

/* A text that is written from the front. Whoever uses it knows that it fits. */
struct text {
	char *end;
};

static void text_char(struct text *text, char c)
{
	*text->end++ = c;
}

static void text_number(struct text *text, unsigned number, unsigned base)
{
	char digits[12], *digit = digits;

	do {
		*digit++ = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	while (digit > digits)
		text_char(text, *--digit);
}

static void text_ipv4(struct text *text, const uint8_t bytes[4])
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			text_char(text, '.');
		text_number(text, bytes[i], 10);
	}
}

/* The first of the longest runs of zeros, which is written as :: (RFC 5952). Returns its length. */
static int longest_zeros(const uint16_t groups[8], int *ret)
{
	int longest = 0;

	for (int i = 0, run = 0; i < 8; i++) {
		run = groups[i] == 0 ? run + 1 : 0;
		if (run > longest) {
			longest = run;
			*ret = i + 1 - run;
		}
	}
	return longest;
}

static void text_ipv6(struct text *text, const struct in6_addr *address)
{
	uint16_t groups[8];
	int zeros = 8, length, last = IN6_IS_ADDR_V4MAPPED(address) ? 6 : 8;

	for (int i = 0; i < 8; i++)
		groups[i] = (uint16_t)(address->s6_addr[2 * i] << 8 | address->s6_addr[2 * i + 1]);
	length = longest_zeros(groups, &zeros);
	if (length < 2)
		zeros = 8;
	for (int i = 0; i < last; i++) {
		if (i == zeros) {
			text_char(text, ':');
			i += length - 1;
			if (i == 7)
				text_char(text, ':');
			continue;
		}
		if (i > 0)
			text_char(text, ':');
		text_number(text, groups[i], 16);
	}
	if (last == 6) {
		text_char(text, ':');
		text_ipv4(text, address->s6_addr + 12);
	}
}

const char *sockaddr_text(const struct sockaddr_storage *address, const char *interface,
	char buffer[SOCKADDR_TEXT_SIZE])
{
	struct text text = {.end = buffer};
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	memcpy(&in6, address, sizeof(in6));
	if (address->ss_family == AF_INET6) {
		text_char(&text, '[');
		text_ipv6(&text, &in6.sin6_addr);
		if (interface || in6.sin6_scope_id != 0)
			text_char(&text, '%');
		for (int i = 0; interface && interface[i] && i < IF_NAMESIZE - 1; i++)
			text_char(&text, interface[i]);
		if (!interface && in6.sin6_scope_id != 0)
			text_number(&text, in6.sin6_scope_id, 10);
		text_char(&text, ']');
	} else {
		text_ipv4(&text, (const uint8_t *)&in.sin_addr);
	}
	text_char(&text, ':');
	text_number(&text, ntohs(in.sin_port), 10);
	text_char(&text, '\0');
	return buffer;
}
