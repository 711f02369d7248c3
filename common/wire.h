/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_WIRE_H
#define XSOCKET_COMMON_WIRE_H

/*
 * The messages between a client and the broker, and nothing else: no system calls, no state.
 * docs/PROTOCOL.md tells the same in prose, byte by byte, with the order of packets.
 *
 * Everything is 32-bit words in network byte order, one message per SEQPACKET packet. Two forms
 * share the socket:
 *
 *   plain     what xsocket 1.2 speaks: request {0x58533031, domain, type, protocol},
 *             reply {0x58533032, errno} carrying one descriptor when errno is 0
 *   extended  {magic, version, opcode, length in bytes} and a body that the opcode defines
 */

#include <stddef.h>
#include <stdint.h>

#define WIRE_PLAIN_REQUEST 0x58533031u
#define WIRE_PLAIN_REPLY   0x58533032u
#define WIRE_EXTENDED	   0x58533033u

/* The version of the extended form spoken here, and the highest one. */
#define WIRE_VERSION 1u

/* Requests have small opcodes, what the broker sends has the high bit. */
#define WIRE_OP_SOCKET	    1u
#define WIRE_OP_RESOLVER    2u
#define WIRE_OP_DESCRIPTORS 0x80000001u
#define WIRE_OP_VERDICT	    0x80000002u

#define WIRE_PLAIN_REQUEST_SIZE 16u
#define WIRE_PLAIN_REPLY_SIZE	8u
#define WIRE_HEADER_SIZE	16u
#define WIRE_SOCKET_SIZE	(WIRE_HEADER_SIZE + 24u)
#define WIRE_RESOLVER_SIZE	(WIRE_HEADER_SIZE + 12u)
#define WIRE_DESCRIPTORS_SIZE	(WIRE_HEADER_SIZE + 4u)
#define WIRE_VERDICT_SIZE	(WIRE_HEADER_SIZE + 12u)

/* No message of this version is longer. */
#define WIRE_MESSAGE_MAX WIRE_SOCKET_SIZE

/* Sockets that one request can ask for: SCM_MAX_FD of the kernel (unix(7)), one packet's worth. */
#define WIRE_BATCH_MAX 253u

/* The flags of a request: none follows, the broker may close after its verdict. */
#define WIRE_LAST 1u

/* The cpu of a request: the client does not say where it runs. */
#define WIRE_CPU_UNKNOWN 0xffffffffu

/* What a packet turned out to be. Everything but WIRE_OK ends the connection. */
enum wire_result {
	WIRE_OK,
	WIRE_BAD_MAGIC,	  /* neither form */
	WIRE_BAD_VERSION, /* extended, of a version not spoken here */
	WIRE_BAD_LENGTH,  /* shorter or longer than it says, or than its kind is */
};

struct wire_plain_request {
	uint32_t domain, type, protocol;
};

struct wire_header {
	uint32_t version, opcode, length;
};

struct wire_socket {
	uint32_t domain, type, protocol;
	uint32_t count; /* 1 to WIRE_BATCH_MAX */
	uint32_t flags; /* WIRE_LAST; unknown ones are refused */
	uint32_t cpu;	/* where the client runs, a hint; or WIRE_CPU_UNKNOWN */
};

/* Files that tell a resolver what it needs to know, of the broker's namespace. */
enum wire_file {
	WIRE_RESOLV_CONF = 1,
	WIRE_HOSTS = 2,
	WIRE_NSSWITCH = 3,
};

struct wire_resolver {
	uint32_t file;	     /* enum wire_file; others are refused */
	uint32_t flags, cpu; /* as in wire_socket */
};

struct wire_verdict {
	uint32_t error;	  /* errno, 0 when descriptors were sent */
	uint32_t count;	  /* descriptors sent before this */
	uint32_t version; /* the highest version spoken */
};

/* The first word of a packet, or 0 when it is too short to have one. */
uint32_t wire_magic(const void *packet, size_t size);

/* Decoders take exactly what was received and write *ret only for WIRE_OK. */
enum wire_result wire_plain_request_decode(
	const void *packet, size_t size, struct wire_plain_request *ret);
enum wire_result wire_plain_reply_decode(const void *packet, size_t size, uint32_t *ret_error);
enum wire_result wire_header_decode(const void *packet, size_t size, struct wire_header *ret);

/* For a packet whose header was decoded and has the opcode of the name. */
enum wire_result wire_socket_decode(const void *packet, size_t size, struct wire_socket *ret);
enum wire_result wire_resolver_decode(const void *packet, size_t size, struct wire_resolver *ret);
enum wire_result wire_descriptors_decode(const void *packet, size_t size, uint32_t *ret_count);
enum wire_result wire_verdict_decode(const void *packet, size_t size, struct wire_verdict *ret);

/* Encoders fill exactly the size in the name. */
void wire_plain_request_encode(
	uint8_t packet[WIRE_PLAIN_REQUEST_SIZE], const struct wire_plain_request *request);
void wire_plain_reply_encode(uint8_t packet[WIRE_PLAIN_REPLY_SIZE], uint32_t error);
void wire_socket_encode(uint8_t packet[WIRE_SOCKET_SIZE], const struct wire_socket *request);
void wire_resolver_encode(uint8_t packet[WIRE_RESOLVER_SIZE], const struct wire_resolver *request);
void wire_descriptors_encode(uint8_t packet[WIRE_DESCRIPTORS_SIZE], uint32_t count);
void wire_verdict_encode(uint8_t packet[WIRE_VERDICT_SIZE], const struct wire_verdict *verdict);

#endif
