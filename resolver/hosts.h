/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_HOSTS_H
#define XSOCKET_RESOLVER_HOSTS_H

/* The hosts file (hosts(5)), as glibc's "files" reads it with "multi on" in host.conf(5). */

#include "resolver/found.h"

#include <stdbool.h>
#include <sys/types.h>

/* One line: an address, and names, which are pieces of the line. */
struct hosts_entry {
	int family;
	union address_bytes bytes;
	char *names; /* words, separated by blanks, at least one */
};

/* Changes the line. Returns false for one that has no address or no name. No system calls. */
bool hosts_parse(char *line, struct hosts_entry *ret);

/*
 * Whether an entry has addresses of a family, AF_UNSPEC for either. An IPv6 address that is an IPv4
 * one in disguise (mapped, or ::1 for 127.0.0.1) counts as such where IPv4 is asked for, and then
 * the entry becomes one of IPv4.
 */
bool hosts_fits(struct hosts_entry *entry, int family);

/*
 * Adds all that a file says about a name to *ret: addresses of a family, AF_UNSPEC for both. The
 * first line that has the name tells the canonical one. The file is the caller's, and is read from
 * where it is. Returns 0, also when there is nothing, -ENOMEM, or another negative errno.
 */
int hosts_find_name(int file, const char *name, int family, struct found *ret);

/* The same for the names of an address. */
int hosts_find_address(int file, int family, const void *bytes, struct found *ret);

/*
 * Adds the first entry at or behind *position that has an address of a family, and moves *position
 * behind it. Returns as above.
 */
int hosts_next(int file, off_t *position, int family, struct found *ret);

#endif
