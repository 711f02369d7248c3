/* SPDX-License-Identifier: MIT */
/*
 * The decoders take any packet, and take a packet for right only if the encoder makes the very
 * same bytes of what was decoded: no byte has two meanings, none is ignored.
 */
#include "tests/fuzz/fuzz.h"

#include "common/wire.h"

static uint8_t encoded[WIRE_MESSAGE_MAX];

static void is_same(const uint8_t *data, size_t size, size_t expected)
{
	HOLDS(size == expected && memcmp(data, encoded, size) == 0);
}

static void try_plain(const uint8_t *data, size_t size)
{
	struct wire_plain_request request;
	uint32_t error;

	if (wire_plain_request_decode(data, size, &request) == WIRE_OK) {
		wire_plain_request_encode(encoded, &request);
		is_same(data, size, WIRE_PLAIN_REQUEST_SIZE);
	}
	if (wire_plain_reply_decode(data, size, &error) == WIRE_OK) {
		wire_plain_reply_encode(encoded, error);
		is_same(data, size, WIRE_PLAIN_REPLY_SIZE);
	}
}

static void try_extended(const uint8_t *data, size_t size)
{
	struct wire_header header;
	struct wire_resolver resolver;
	struct wire_verdict verdict;
	struct wire_socket request;
	uint32_t count;

	if (wire_header_decode(data, size, &header) != WIRE_OK)
		return;
	HOLDS(wire_magic(data, size) == WIRE_EXTENDED);
	HOLDS(header.version == WIRE_VERSION && header.length == size);
	switch (header.opcode) {
	case WIRE_OP_SOCKET:
		if (wire_socket_decode(data, size, &request) != WIRE_OK)
			return;
		wire_socket_encode(encoded, &request);
		is_same(data, size, WIRE_SOCKET_SIZE);
		break;
	case WIRE_OP_RESOLVER:
		if (wire_resolver_decode(data, size, &resolver) != WIRE_OK)
			return;
		wire_resolver_encode(encoded, &resolver);
		is_same(data, size, WIRE_RESOLVER_SIZE);
		break;
	case WIRE_OP_DESCRIPTORS:
		if (wire_descriptors_decode(data, size, &count) != WIRE_OK)
			return;
		wire_descriptors_encode(encoded, count);
		is_same(data, size, WIRE_DESCRIPTORS_SIZE);
		break;
	case WIRE_OP_VERDICT:
		if (wire_verdict_decode(data, size, &verdict) != WIRE_OK)
			return;
		wire_verdict_encode(encoded, &verdict);
		is_same(data, size, WIRE_VERDICT_SIZE);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_plain(data, size);
	try_extended(data, size);
	return 0;
}
