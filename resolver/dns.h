/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_DNS_H
#define XSOCKET_RESOLVER_DNS_H

/*
 * Questions to DNS: a name is tried as it is and in the domains of the search list, in the order
 * that glibc has. For the outcomes see found.h; that of OUTCOME_AGAIN and OUTCOME_SYSTEM is told in
 * lookup->why.
 */

#include "resolver/lookup.h"

/* One name, and up to CHANNEL_QUERIES types of records, which are asked for at once. */
struct dns_question {
	int class;
	int types[CHANNEL_QUERIES];
	unsigned n;
	bool impossible; /* no message could be made for the last name that was tried */
	/* the answers to the last name that was tried; dns_free() frees them */
	struct channel_query answers[CHANNEL_QUERIES];
};

/* OUTCOME_FOUND: at least one answer has records, whatever they are. */
enum outcome dns_query(struct lookup *lookup, const char *name, struct dns_question *question);
enum outcome dns_search(struct lookup *lookup, const char *name, struct dns_question *question);
void dns_free(struct dns_question *question);

/* Adds the addresses of a name: IPv4 and then IPv6, or those of a family. */
enum outcome dns_addresses(struct lookup *lookup, const char *name, int family, struct found *ret);

/* Adds the name of an address. */
enum outcome dns_names(struct lookup *lookup, int family, const void *bytes, struct found *ret);

#endif
