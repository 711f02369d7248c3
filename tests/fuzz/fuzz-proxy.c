/* SPDX-License-Identifier: MIT */
/*
 * Any bytes are a header of the PROXY protocol, or the beginning of one, or none. It is the same
 * whatever comes behind it; its every beginning is one that is waited for; and what is written
 * about the addresses that were read is read as the same ones.
 */
#include "tests/fuzz/fuzz.h"

#include "bridge/proxy.h"

#include <errno.h>

static void check_address(const struct netaddr *address)
{
	char text[NETADDR_TEXT_SIZE];

	HOLDS(address->length <= sizeof(address->un));
	HOLDS(strlen(netaddr_text(address, text)) < sizeof(text));
	HOLDS(netaddr_equal(address, address));
}

static void is_same(const struct proxy *a, const struct proxy *b)
{
	HOLDS(netaddr_equal(&a->source, &b->source));
	HOLDS(netaddr_equal(&a->destination, &b->destination));
}

static void write_and_read(const struct proxy *proxy, unsigned version, bool datagram)
{
	unsigned char buffer[PROXY_SEND_MAX];
	size_t length = proxy_write(version, datagram, proxy, buffer);
	struct proxy found;

	HOLDS(length > 0 && length <= sizeof(buffer));
	HOLDS(proxy_read(version, buffer, length, &found) == (int)length);
	if (version == 2 || proxy->source.sa.sa_family != AF_UNIX)
		is_same(proxy, &found);
}

/* The same bytes in memory of exactly their size. */
static int read_exactly(unsigned versions, const uint8_t *data, size_t size, struct proxy *ret)
{
	uint8_t *copy = malloc(size ? size : 1);
	int r;

	HOLDS(copy);
	if (size > 0)
		memcpy(copy, data, size);
	r = proxy_read(versions, copy, size, ret);
	free(copy);
	return r;
}

static void check_header(
	const uint8_t *data, int length, unsigned version, const struct proxy *proxy)
{
	struct proxy found;

	HOLDS(length <= PROXY_RECEIVE_MAX);
	check_address(&proxy->source);
	check_address(&proxy->destination);
	HOLDS(!proxy->source.length == !proxy->destination.length);
	for (int i = 0; i < length; i++)
		HOLDS(read_exactly(version, data, (size_t)i, &found) == 0);
	HOLDS(read_exactly(version, data, (size_t)length, &found) == length);
	is_same(proxy, &found);
	HOLDS(read_exactly(3 - version, data, (size_t)length, &found) == -EPROTO);
	write_and_read(proxy, 1, false);
	write_and_read(proxy, 2, false);
	write_and_read(proxy, 2, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned versions = 1; versions <= 3; versions++) {
		struct proxy proxy;
		int r;

		memset(&proxy, 0x5a, sizeof(proxy));
		r = read_exactly(versions, data, size, &proxy);
		HOLDS(r == -EPROTO || (r >= 0 && (size_t)r <= size));
		HOLDS(r != 0 || size < PROXY_RECEIVE_MAX);
		if (r > 0)
			check_header(data, r, data[0] == 'P' ? 1 : 2, &proxy);
	}
	return 0;
}
