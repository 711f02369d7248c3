/* SPDX-License-Identifier: MIT */
/*
 * Each message is exactly the bytes that docs/PROTOCOL.md gives, both ways, and every packet that
 * is not is refused: too short, too long, of another version, length, or magic. A refused packet
 * leaves the result alone. Packets are decoded out of memory of exactly their size, so that a
 * sanitizer sees a byte read too many.
 */
#include "tests/unit/unit.h"

#include "common/wire.h"

#include <stdlib.h>
#include <string.h>

/* Words as they are on the wire. */
#define W(word) (word) >> 24 & 0xff, (word) >> 16 & 0xff, (word) >> 8 & 0xff, (word)&0xff

static const uint8_t plain_request[] = {'X', 'S', '0', '1', 0, 0, 0, 2, 0, 8, 8, 1, 0, 0, 0, 6};
static const uint8_t plain_reply[] = {'X', 'S', '0', '2', 0, 0, 0, 13};
static const uint8_t socket_request[] = {
	'X', 'S', '0', '3', /* magic */
	0, 0, 0, 1,	    /* version */
	0, 0, 0, 1,	    /* opcode */
	0, 0, 0, 40,	    /* length */
	0, 0, 0, 10,	    /* domain */
	0, 8, 8, 2,	    /* type */
	0, 0, 0, 17,	    /* protocol */
	0, 0, 0, 253,	    /* count */
	0, 0, 0, 1,	    /* flags */
	1, 2, 3, 4,	    /* cpu */
};
static const uint8_t resolver_request[] = {'X', 'S', '0', '3', 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 28,
	0, 0, 0, 3,  /* file */
	0, 0, 0, 1,  /* flags */
	1, 2, 3, 4}; /* cpu */
static const uint8_t descriptors[] = {
	'X', 'S', '0', '3', 0, 0, 0, 1, 0x80, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 253};
static const uint8_t verdict[] = {'X', 'S', '0', '3', 0, 0, 0, 1, 0x80, 0, 0, 2, 0, 0, 0, 28,
	0xff, 0xfe, 0xfd, 0xfc, 0, 0, 1, 0, 0, 0, 0, 1};

static enum wire_result decode_plain_request(const void *packet, size_t size)
{
	struct wire_plain_request before = {11, 12, 13}, got = before;
	enum wire_result result = wire_plain_request_decode(packet, size, &got);

	if (result == WIRE_OK)
		before = (struct wire_plain_request){2, 0x80801, 6};
	assert_memory_equal(&got, &before, sizeof(got));
	return result;
}

static enum wire_result decode_plain_reply(const void *packet, size_t size)
{
	uint32_t error = 99;
	enum wire_result result = wire_plain_reply_decode(packet, size, &error);

	assert_int_equal(error, result == WIRE_OK ? 13 : 99);
	return result;
}

static enum wire_result decode_socket(const void *packet, size_t size)
{
	struct wire_socket before = {11, 12, 13, 14, 15, 16}, got = before;
	enum wire_result result = wire_socket_decode(packet, size, &got);

	if (result == WIRE_OK)
		before = (struct wire_socket){10, 0x80802, 17, 253, WIRE_LAST, 0x01020304};
	assert_memory_equal(&got, &before, sizeof(got));
	return result;
}

static enum wire_result decode_resolver(const void *packet, size_t size)
{
	struct wire_resolver before = {11, 12, 13}, got = before;
	enum wire_result result = wire_resolver_decode(packet, size, &got);

	if (result == WIRE_OK)
		before = (struct wire_resolver){WIRE_NSSWITCH, WIRE_LAST, 0x01020304};
	assert_memory_equal(&got, &before, sizeof(got));
	return result;
}

static enum wire_result decode_descriptors(const void *packet, size_t size)
{
	uint32_t count = 99;
	enum wire_result result = wire_descriptors_decode(packet, size, &count);

	assert_int_equal(count, result == WIRE_OK ? 253 : 99);
	return result;
}

static enum wire_result decode_verdict(const void *packet, size_t size)
{
	struct wire_verdict before = {11, 12, 13}, got = before;
	enum wire_result result = wire_verdict_decode(packet, size, &got);

	if (result == WIRE_OK)
		before = (struct wire_verdict){0xfffefdfc, 256, 1};
	assert_memory_equal(&got, &before, sizeof(got));
	return result;
}

static enum wire_result decode_header(const void *packet, size_t size)
{
	struct wire_header before = {11, 12, 13}, got = before;
	enum wire_result result = wire_header_decode(packet, size, &got);

	if (result != WIRE_OK) {
		assert_memory_equal(&got, &before, sizeof(got));
	} else {
		assert_int_equal(got.version, WIRE_VERSION);
		assert_int_equal(got.length, size);
	}
	return result;
}

static const struct message {
	const uint8_t *bytes;
	size_t size;
	enum wire_result (*decode)(const void *, size_t);
	bool extended;
} messages[] = {
	{plain_request, sizeof(plain_request), decode_plain_request, false},
	{plain_reply, sizeof(plain_reply), decode_plain_reply, false},
	{socket_request, sizeof(socket_request), decode_socket, true},
	{resolver_request, sizeof(resolver_request), decode_resolver, true},
	{descriptors, sizeof(descriptors), decode_descriptors, true},
	{verdict, sizeof(verdict), decode_verdict, true},
};

/* Decodes a message cut or grown (by zeros) to a size, in memory of exactly that size. */
static enum wire_result decode_as(const struct message *message, size_t size, bool header)
{
	uint8_t *packet = calloc(1, size ? size : 1);
	enum wire_result result;

	must(packet != NULL);
	memcpy(packet, message->bytes, size < message->size ? size : message->size);
	result = header ? decode_header(packet, size) : message->decode(packet, size);
	free(packet);
	return result;
}

static void sizes_are_those_of_the_protocol(void **state)
{
	assert_int_equal(WIRE_PLAIN_REQUEST_SIZE, 16);
	assert_int_equal(WIRE_PLAIN_REPLY_SIZE, 8);
	assert_int_equal(WIRE_SOCKET_SIZE, 40);
	assert_int_equal(WIRE_RESOLVER_SIZE, 28);
	assert_int_equal(WIRE_DESCRIPTORS_SIZE, 20);
	assert_int_equal(WIRE_VERDICT_SIZE, 28);
	assert_int_equal(WIRE_MESSAGE_MAX, 40);
	assert_int_equal(WIRE_BATCH_MAX, 253);
}

static void encoders_write_the_bytes_of_the_protocol(void **state)
{
	uint8_t packet[WIRE_MESSAGE_MAX + 1];

	memset(packet, 0xa5, sizeof(packet));
	wire_plain_request_encode(packet, &(struct wire_plain_request){2, 0x80801, 6});
	assert_memory_equal(packet, plain_request, sizeof(plain_request));
	assert_int_equal(packet[sizeof(plain_request)], 0xa5);

	memset(packet, 0xa5, sizeof(packet));
	wire_plain_reply_encode(packet, 13);
	assert_memory_equal(packet, plain_reply, sizeof(plain_reply));
	assert_int_equal(packet[sizeof(plain_reply)], 0xa5);

	memset(packet, 0xa5, sizeof(packet));
	wire_socket_encode(packet,
		&(struct wire_socket){10, 0x80802, 17, 253, WIRE_LAST, 0x01020304});
	assert_memory_equal(packet, socket_request, sizeof(socket_request));
	assert_int_equal(packet[sizeof(socket_request)], 0xa5);

	memset(packet, 0xa5, sizeof(packet));
	wire_resolver_encode(packet,
		&(struct wire_resolver){WIRE_NSSWITCH, WIRE_LAST, 0x01020304});
	assert_memory_equal(packet, resolver_request, sizeof(resolver_request));
	assert_int_equal(packet[sizeof(resolver_request)], 0xa5);

	memset(packet, 0xa5, sizeof(packet));
	wire_descriptors_encode(packet, 253);
	assert_memory_equal(packet, descriptors, sizeof(descriptors));
	assert_int_equal(packet[sizeof(descriptors)], 0xa5);

	memset(packet, 0xa5, sizeof(packet));
	wire_verdict_encode(packet, &(struct wire_verdict){0xfffefdfc, 256, 1});
	assert_memory_equal(packet, verdict, sizeof(verdict));
	assert_int_equal(packet[sizeof(verdict)], 0xa5);
}

static void decoders_take_the_bytes_of_the_protocol(void **state)
{
	for (size_t i = 0; i < ELEMENTS(messages); i++)
		assert_int_equal(decode_as(&messages[i], messages[i].size, false), WIRE_OK);
}

static void decoders_refuse_every_other_size(void **state)
{
	for (size_t i = 0; i < ELEMENTS(messages); i++) {
		for (size_t size = 0; size < 100; size++) {
			enum wire_result expected = WIRE_BAD_LENGTH;

			if (size == messages[i].size)
				expected = WIRE_OK;
			else if (size < 4 && !messages[i].extended)
				expected = WIRE_BAD_MAGIC;
			assert_int_equal(decode_as(&messages[i], size, false), expected);
		}
	}
}

static void headers_of_every_other_size_are_refused(void **state)
{
	for (size_t i = 0; i < ELEMENTS(messages); i++) {
		for (size_t size = 0; size < 100; size++) {
			enum wire_result expected = WIRE_BAD_LENGTH;

			if (size < 4 || !messages[i].extended)
				expected = WIRE_BAD_MAGIC;
			else if (size == messages[i].size)
				expected = WIRE_OK;
			assert_int_equal(decode_as(&messages[i], size, true), expected);
		}
	}
}

static void plain_messages_need_their_magic(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		for (unsigned bit = 0; bit < 32; bit++) {
			uint8_t packet[WIRE_MESSAGE_MAX];

			memcpy(packet, messages[i].bytes, messages[i].size);
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(
				messages[i].decode(packet, messages[i].size), WIRE_BAD_MAGIC);
		}
	}
	assert_int_equal(decode_plain_request(plain_reply, sizeof(plain_reply)), WIRE_BAD_MAGIC);
	assert_int_equal(decode_plain_reply(plain_request, sizeof(plain_request)), WIRE_BAD_MAGIC);
}

/* { packet, size, what its header is } */
static void headers_are_told_apart(void **state)
{
	static const struct {
		uint8_t packet[24];
		size_t size;
		enum wire_result expected;
	} cases[] = {
		{{W(WIRE_EXTENDED), W(1u), W(7u), W(16u)}, 16, WIRE_OK},
		{{W(WIRE_EXTENDED), W(1u), W(0xffffffffu), W(24u)}, 24, WIRE_OK},
		{{W(WIRE_EXTENDED), W(0u), W(1u), W(16u)}, 16, WIRE_BAD_VERSION},
		{{W(WIRE_EXTENDED), W(2u), W(1u), W(16u)}, 16, WIRE_BAD_VERSION},
		{{W(WIRE_EXTENDED), W(0x01000000u), W(1u), W(16u)}, 16, WIRE_BAD_VERSION},
		/* the version counts more than the length, whatever follows it */
		{{W(WIRE_EXTENDED), W(2u)}, 8, WIRE_BAD_VERSION},
		{{W(WIRE_EXTENDED), W(2u), W(1u), W(99u)}, 16, WIRE_BAD_VERSION},
		{{W(WIRE_EXTENDED), 0, 0, 0}, 7, WIRE_BAD_LENGTH},
		{{W(WIRE_EXTENDED), W(1u), W(1u), W(15u)}, 16, WIRE_BAD_LENGTH},
		{{W(WIRE_EXTENDED), W(1u), W(1u), W(17u)}, 16, WIRE_BAD_LENGTH},
		{{W(WIRE_EXTENDED), W(1u), W(1u), W(0u)}, 16, WIRE_BAD_LENGTH},
		{{W(WIRE_EXTENDED), W(1u), W(1u), W(0x10000010u)}, 16, WIRE_BAD_LENGTH},
		{{W(WIRE_EXTENDED), W(1u), W(1u), W(0xffffffffu)}, 16, WIRE_BAD_LENGTH},
		{{W(WIRE_PLAIN_REQUEST), W(1u), W(1u), W(16u)}, 16, WIRE_BAD_MAGIC},
		{{W(WIRE_PLAIN_REPLY), W(1u), W(1u), W(16u)}, 16, WIRE_BAD_MAGIC},
		{{W(0u), W(1u), W(1u), W(16u)}, 16, WIRE_BAD_MAGIC},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++)
		assert_int_equal(decode_header(cases[i].packet, cases[i].size), cases[i].expected);
}

static void the_header_carries_the_opcode(void **state)
{
	static const uint32_t opcodes[] = {
		WIRE_OP_SOCKET, WIRE_OP_RESOLVER, WIRE_OP_DESCRIPTORS, WIRE_OP_VERDICT};
	struct wire_header header;

	for (size_t i = 0; i < ELEMENTS(opcodes); i++) {
		const struct message *message = &messages[2 + i];

		assert_int_equal(
			wire_header_decode(message->bytes, message->size, &header), WIRE_OK);
		assert_int_equal(header.opcode, opcodes[i]);
	}
}

static void the_magic_needs_four_bytes(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5};

	assert_int_equal(wire_magic(bytes, 0), 0);
	assert_int_equal(wire_magic(bytes, 3), 0);
	assert_int_equal(wire_magic(bytes, 4), 0x01020304);
	assert_int_equal(wire_magic(bytes, 5), 0x01020304);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_those_of_the_protocol),
		cmocka_unit_test(encoders_write_the_bytes_of_the_protocol),
		cmocka_unit_test(decoders_take_the_bytes_of_the_protocol),
		cmocka_unit_test(decoders_refuse_every_other_size),
		cmocka_unit_test(headers_of_every_other_size_are_refused),
		cmocka_unit_test(plain_messages_need_their_magic),
		cmocka_unit_test(headers_are_told_apart),
		cmocka_unit_test(the_header_carries_the_opcode),
		cmocka_unit_test(the_magic_needs_four_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
