/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_LOCAL_H
#define XSOCKET_XREDIRECT_LOCAL_H

/*
 * XREDIRECT_LOCAL: addresses that stay in the caller's own namespace, separated by commas.
 *
 *   ADDR  ADDR6              one address, all its ports
 *   ADDR/LEN  ADDR6/LEN      all addresses that begin with the same LEN bits
 *   ADDR[/LEN]:PORTS  [ADDR6][/LEN]:PORTS    a port, or a range FIRST-LAST
 *
 * An IPv4 address is the same as the IPv6 address that it is mapped to (::ffff:10.0.0.1), and no
 * shorter IPv6 prefix has it: ::/0 is all of IPv6, 0.0.0.0/0 all of IPv4.
 *
 * What is not in the list is never local: that is what it is for. No system calls, no allocation.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LOCAL_MAX 64

/* An IPv4 address is kept, and looked for, as the IPv6 address that it is mapped to. */
struct local_entry {
	uint8_t address[16];
	uint8_t bits; /* of the address that count */
	uint16_t first, last;
};

struct local {
	unsigned count;
	struct local_entry entry[LOCAL_MAX];
};

struct local_error {
	const char *reason;	 /* what is wrong, or what to write */
	const char *entry;	 /* in the text, `length` bytes */
	size_t length, position; /* position of its first byte, from 1 */
};

/* text NULL or "" is an empty list. Returns 0, or -EINVAL and *ret_error is set. */
int local_parse(const char *text, struct local *ret, struct local_error *ret_error);

/* Whether an address is in the list; of another family, or too short, it never is. */
bool local_has(const struct local *local, const struct sockaddr_storage *address, socklen_t length);

#endif
