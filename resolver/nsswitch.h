/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_NSSWITCH_H
#define XSOCKET_RESOLVER_NSSWITCH_H

/*
 * In which order sources are asked for names of hosts: "hosts:" of nsswitch.conf(5). Nothing here
 * makes system calls.
 *
 * Only files and dns are asked. All others (mdns4, resolve, myhostname, nis, ...) would look from
 * this process's namespace, or ask a daemon that does. They count as sources that are not
 * available.
 */

#include "resolver/found.h"

#include <stdbool.h>

enum nsswitch_kind {
	NSSWITCH_FILES,
	NSSWITCH_DNS,
	NSSWITCH_OTHER,
};

struct nsswitch_source {
	enum nsswitch_kind kind;
	/* what NOTFOUND and UNAVAIL of nsswitch.conf(5) do; SUCCESS always ends the search */
	bool not_found_ends, unavailable_ends;
};

#define NSSWITCH_SOURCES 16

struct nsswitch {
	struct nsswitch_source sources[NSSWITCH_SOURCES];
	unsigned n;
};

/* "files dns", as glibc has it where the file says nothing. */
void nsswitch_init(struct nsswitch *ret);

/*
 * Takes in one line of the file. Lines about something else are passed over. One about hosts that
 * is empty, or cannot be understood, leaves nobody to be asked.
 */
void nsswitch_line(struct nsswitch *order, const char *line);

/* Whether nothing is asked behind a source that came to this outcome. */
bool nsswitch_ends(const struct nsswitch_source *source, enum outcome outcome);

#endif
