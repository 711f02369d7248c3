/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_FOUND_H
#define XSOCKET_RESOLVER_FOUND_H

/* What was found about a name or an address. Nothing here makes system calls. */

#include <netinet/in.h>
#include <stdint.h>

/* How a look-up ends; in brackets, what <netdb.h> calls it. */
enum outcome {
	OUTCOME_FOUND,
	OUTCOME_NO_NAME,  /* it is certain that there is none (HOST_NOT_FOUND) */
	OUTCOME_NO_DATA,  /* there is one, without an address of the kind (NO_DATA) */
	OUTCOME_DEAD_END, /* it stands for a name that has none (NO_RECOVERY, for glibc) */
	OUTCOME_AGAIN,	  /* nobody could tell (TRY_AGAIN) */
	OUTCOME_FAIL,	  /* it cannot be asked for, or the answer made no sense (NO_RECOVERY) */
	OUTCOME_SYSTEM,	  /* something of this machine failed: an errno tells (NETDB_INTERNAL) */
};

union address_bytes {
	struct in_addr in;
	struct in6_addr in6;
};

struct found_address {
	int family;
	union address_bytes bytes;
	uint32_t scope; /* of IPv6: the number of an interface */
};

#define FOUND_UNTIMED UINT32_MAX

/* All is owned. A zeroed one has nothing found. */
struct found {
	struct found_address *addresses;
	unsigned n;
	char *name; /* the canonical one */
	char **aliases;
	unsigned n_aliases;
	uint32_t ttl_s; /* of the shortest-lived record; FOUND_UNTIMED: of a file */
};

/* Frees what is in it, and leaves it zeroed. */
void found_clear(struct found *found);

/* Each copies what is given. They return 0 or -ENOMEM. */
int found_add_address(struct found *found, int family, const void *bytes);
int found_add_alias(struct found *found, const char *alias);
int found_set_name(struct found *found, const char *name);

/* How many bytes an address has: 4 or 16. */
static inline unsigned address_length(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

#endif
