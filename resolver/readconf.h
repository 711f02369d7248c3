/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_READCONF_H
#define XSOCKET_RESOLVER_READCONF_H

/* The resolv.conf of a source's namespace, with what the environment says instead. */

#include "resolver/resolvconf.h"
#include "resolver/resolver.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads it into *conf, where what is said nowhere stays as it is. *ret_is_ours: the namespace has
 * none of its own, and this machine's counts. Returns 0 or a negative errno; a namespace without
 * the file is no failure.
 */
int readconf(const struct resolver_source *source, struct resolvconf *conf, bool *ret_is_ours);

/* The numbers of the links that servers are on. 0: none, or there is no such link. */
void readconf_scopes(const struct resolver_source *source, const struct resolvconf *conf,
	uint32_t ret[RESOLVCONF_SERVERS]);

/*
 * All of that for who asks the servers himself. *conf has been initialised by resolvconf_init(),
 * and may have been changed since. why: as for the functions of resolver.h. Returns 0 or a negative
 * errno. No cancellation point; errno is left alone.
 */
int readconf_all(const struct resolver_source *source, struct resolvconf *conf,
	uint32_t ret_scopes[RESOLVCONF_SERVERS], char why[RESOLVER_WHY]);

#endif
