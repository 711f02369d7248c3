/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_MESSAGE_H
#define XSOCKET_RESOLVER_MESSAGE_H

/* Messages of DNS (RFC 1035), made and read by c-ares. */

#include "resolver/found.h"

#include <stdbool.h>

/* Numbers of RFC 1035 and 3596. */
enum {
	MESSAGE_IN = 1,
	MESSAGE_A = 1,
	MESSAGE_CNAME = 5,
	MESSAGE_PTR = 12,
	MESSAGE_AAAA = 28,
	MESSAGE_HEADER = 12, /* bytes */
};

struct message_options {
	bool edns;     /* says that answers by UDP may be longer */
	bool trust_ad; /* asks to be told whether an answer is authentic */
};

/*
 * Makes a query for recursion, which message_free() frees. Returns its length, -EINVAL: this is no
 * name that could be asked for, or -ENOMEM.
 */
int message_make(const char *name, int class, int type, const struct message_options *options,
	unsigned char **ret);
void message_free(unsigned char *message);

/* What the header of an answer says, as res_query(3) takes it. */
enum outcome message_outcome(const unsigned char *answer, int length);

/*
 * Adds the addresses in an answer to *ret, and if it has no name yet the one that they belong to,
 * and as aliases those that led to it. OUTCOME_DEAD_END: there are none in it; OUTCOME_SYSTEM: out
 * of memory.
 */
enum outcome message_addresses(
	const unsigned char *answer, int length, int family, struct found *ret);

/* The same for the name of an address, with the address. */
enum outcome message_names(
	const unsigned char *answer, int length, int family, const void *bytes, struct found *ret);

#endif
