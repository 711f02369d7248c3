/* SPDX-License-Identifier: MIT */
#include "common/wire.h"

static uint32_t word_get(const void *packet, size_t index)
{
	const uint8_t *p = (const uint8_t *)packet + 4 * index;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void word_put(uint8_t *packet, size_t index, uint32_t word)
{
	uint8_t *p = packet + 4 * index;

	p[0] = (uint8_t)(word >> 24);
	p[1] = (uint8_t)(word >> 16);
	p[2] = (uint8_t)(word >> 8);
	p[3] = (uint8_t)word;
}

static void header_put(uint8_t *packet, uint32_t opcode, uint32_t length)
{
	word_put(packet, 0, WIRE_EXTENDED);
	word_put(packet, 1, WIRE_VERSION);
	word_put(packet, 2, opcode);
	word_put(packet, 3, length);
}

uint32_t wire_magic(const void *packet, size_t size)
{
	return size < 4 ? 0 : word_get(packet, 0);
}

enum wire_result wire_plain_request_decode(
	const void *packet, size_t size, struct wire_plain_request *ret)
{
	if (wire_magic(packet, size) != WIRE_PLAIN_REQUEST)
		return WIRE_BAD_MAGIC;
	if (size != WIRE_PLAIN_REQUEST_SIZE)
		return WIRE_BAD_LENGTH;
	*ret = (struct wire_plain_request){
		.domain = word_get(packet, 1),
		.type = word_get(packet, 2),
		.protocol = word_get(packet, 3),
	};
	return WIRE_OK;
}

enum wire_result wire_plain_reply_decode(const void *packet, size_t size, uint32_t *ret_error)
{
	if (wire_magic(packet, size) != WIRE_PLAIN_REPLY)
		return WIRE_BAD_MAGIC;
	if (size != WIRE_PLAIN_REPLY_SIZE)
		return WIRE_BAD_LENGTH;
	*ret_error = word_get(packet, 1);
	return WIRE_OK;
}

enum wire_result wire_header_decode(const void *packet, size_t size, struct wire_header *ret)
{
	if (wire_magic(packet, size) != WIRE_EXTENDED)
		return WIRE_BAD_MAGIC;
	/* A later version may well have another header, but its second word is the version. */
	if (size >= 8 && word_get(packet, 1) != WIRE_VERSION)
		return WIRE_BAD_VERSION;
	if (size < WIRE_HEADER_SIZE || word_get(packet, 3) != size)
		return WIRE_BAD_LENGTH;
	*ret = (struct wire_header){
		.version = word_get(packet, 1),
		.opcode = word_get(packet, 2),
		.length = word_get(packet, 3),
	};
	return WIRE_OK;
}

enum wire_result wire_socket_decode(const void *packet, size_t size, struct wire_socket *ret)
{
	if (size != WIRE_SOCKET_SIZE)
		return WIRE_BAD_LENGTH;
	*ret = (struct wire_socket){
		.domain = word_get(packet, 4),
		.type = word_get(packet, 5),
		.protocol = word_get(packet, 6),
		.count = word_get(packet, 7),
		.flags = word_get(packet, 8),
		.cpu = word_get(packet, 9),
	};
	return WIRE_OK;
}

enum wire_result wire_resolver_decode(const void *packet, size_t size, struct wire_resolver *ret)
{
	if (size != WIRE_RESOLVER_SIZE)
		return WIRE_BAD_LENGTH;
	*ret = (struct wire_resolver){
		.file = word_get(packet, 4),
		.flags = word_get(packet, 5),
		.cpu = word_get(packet, 6),
	};
	return WIRE_OK;
}

enum wire_result wire_descriptors_decode(const void *packet, size_t size, uint32_t *ret_count)
{
	if (size != WIRE_DESCRIPTORS_SIZE)
		return WIRE_BAD_LENGTH;
	*ret_count = word_get(packet, 4);
	return WIRE_OK;
}

enum wire_result wire_verdict_decode(const void *packet, size_t size, struct wire_verdict *ret)
{
	if (size != WIRE_VERDICT_SIZE)
		return WIRE_BAD_LENGTH;
	*ret = (struct wire_verdict){
		.error = word_get(packet, 4),
		.count = word_get(packet, 5),
		.version = word_get(packet, 6),
	};
	return WIRE_OK;
}

void wire_plain_request_encode(
	uint8_t packet[WIRE_PLAIN_REQUEST_SIZE], const struct wire_plain_request *request)
{
	word_put(packet, 0, WIRE_PLAIN_REQUEST);
	word_put(packet, 1, request->domain);
	word_put(packet, 2, request->type);
	word_put(packet, 3, request->protocol);
}

void wire_plain_reply_encode(uint8_t packet[WIRE_PLAIN_REPLY_SIZE], uint32_t error)
{
	word_put(packet, 0, WIRE_PLAIN_REPLY);
	word_put(packet, 1, error);
}

void wire_socket_encode(uint8_t packet[WIRE_SOCKET_SIZE], const struct wire_socket *request)
{
	header_put(packet, WIRE_OP_SOCKET, WIRE_SOCKET_SIZE);
	word_put(packet, 4, request->domain);
	word_put(packet, 5, request->type);
	word_put(packet, 6, request->protocol);
	word_put(packet, 7, request->count);
	word_put(packet, 8, request->flags);
	word_put(packet, 9, request->cpu);
}

void wire_resolver_encode(uint8_t packet[WIRE_RESOLVER_SIZE], const struct wire_resolver *request)
{
	header_put(packet, WIRE_OP_RESOLVER, WIRE_RESOLVER_SIZE);
	word_put(packet, 4, request->file);
	word_put(packet, 5, request->flags);
	word_put(packet, 6, request->cpu);
}

void wire_descriptors_encode(uint8_t packet[WIRE_DESCRIPTORS_SIZE], uint32_t count)
{
	header_put(packet, WIRE_OP_DESCRIPTORS, WIRE_DESCRIPTORS_SIZE);
	word_put(packet, 4, count);
}

void wire_verdict_encode(uint8_t packet[WIRE_VERDICT_SIZE], const struct wire_verdict *verdict)
{
	header_put(packet, WIRE_OP_VERDICT, WIRE_VERDICT_SIZE);
	word_put(packet, 4, verdict->error);
	word_put(packet, 5, verdict->count);
	word_put(packet, 6, verdict->version);
}
