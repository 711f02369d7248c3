/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_LOOKUP_H
#define XSOCKET_RESOLVER_LOOKUP_H

/*
 * One look-up: the files of the namespace are read when they are needed first, and the sources that
 * nsswitch.conf names are asked in its order. All look-ups of this library, and of the bridge, go
 * through here.
 */

#include "resolver/channel.h"
#include "resolver/found.h"
#include "resolver/nsswitch.h"
#include "resolver/resolvconf.h"
#include "resolver/resolver.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LOOKUP_DEADLINE_MS 30000

struct lookup {
	const struct resolver_source *source;
	uint64_t deadline;	    /* CLOCK_MONOTONIC in ms */
	int cancel;		    /* descriptor: when it can be read the look-up ends; -1: none */
	unsigned timeout_ms, tries; /* for each server; 0: as resolv.conf has it */

	struct resolvconf *conf;    /* NULL: not read yet */
	bool conf_is_ours;	    /* it is this machine's own file */
	struct channel *channel;    /* NULL: nobody was asked yet */
	enum channel_status status; /* of the last one that had no answer */
	int error;		    /* a negative errno: why OUTCOME_SYSTEM */
	char *why;		    /* RESOLVER_WHY bytes */
	char spare[RESOLVER_WHY];   /* where nobody wants to know */
};

/* Which addresses. */
struct lookup_wanted {
	int family;	 /* AF_INET, AF_INET6, or AF_UNSPEC: both */
	bool or_mapped;	 /* of AF_INET6: IPv4 where there is no IPv6 */
	bool and_mapped; /* of AF_INET6: and IPv4 */
};

/* why may be NULL; it is emptied. */
void lookup_begin(struct lookup *lookup, const struct resolver_source *source, char *why);
void lookup_end(struct lookup *lookup);

/*
 * Adds the addresses of a name, or the names of an address, to *ret, which has nothing in it. What
 * is found by DNS is in the order of the answer.
 */
enum outcome lookup_name(struct lookup *lookup, const char *name,
	const struct lookup_wanted *wanted, struct found *ret);
enum outcome lookup_address(
	struct lookup *lookup, int family, const void *bytes, struct found *ret);

/*
 * Adds the first entry of the hosts file at or behind *position that has an address of a family,
 * and moves *position behind it. OUTCOME_NO_NAME: there is none, or nsswitch.conf does not name
 * files.
 */
enum outcome lookup_entry(struct lookup *lookup, off_t *position, int family, struct found *ret);

/*
 * Reads resolv.conf, if that has not been done, and makes the channel. Returns OUTCOME_FOUND, or
 * OUTCOME_AGAIN or OUTCOME_SYSTEM with the reason in lookup->why.
 */
enum outcome lookup_open(struct lookup *lookup);

/* OUTCOME_SYSTEM, with its reason: as for why_text(). */
enum outcome lookup_fail(struct lookup *lookup, int error, const char *what);

#endif
