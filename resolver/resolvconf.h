/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_RESOLVCONF_H
#define XSOCKET_RESOLVER_RESOLVCONF_H

/* What resolv.conf(5) says, as glibc reads it. Nothing here makes system calls. */

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define RESOLVCONF_SERVERS 3	/* MAXNS */
#define RESOLVCONF_DOMAINS 32	/* further ones are not searched */
#define RESOLVCONF_SEARCH  2048 /* bytes for all of them */
#define RESOLVCONF_DOMAIN  256

struct resolvconf_server {
	int family;
	union {
		struct in_addr in;
		struct in6_addr in6;
	} address;
	char scope[IF_NAMESIZE]; /* behind '%': a name or a number, of the namespace; "": none */
};

struct resolvconf {
	struct resolvconf_server servers[RESOLVCONF_SERVERS];
	unsigned n_servers;
	bool has_search;			 /* search or domain */
	const char *domains[RESOLVCONF_DOMAINS]; /* in search */
	unsigned n_domains;
	char search[RESOLVCONF_SEARCH];
	unsigned ndots, timeout_s, attempts;
	bool rotate, use_vc, edns0, trust_ad, no_tld_query, single_request, no_aaaa;
	bool single_request_reopen, no_reload;
};

/* What holds where the file says nothing. */
void resolvconf_init(struct resolvconf *ret);

/* Takes one line of the file in. Lines that are not understood are passed over. */
void resolvconf_line(struct resolvconf *conf, const char *line);

/* Takes in options as the environment has them, RES_OPTIONS: those of the file without "options".
 */
void resolvconf_options(struct resolvconf *conf, const char *text);

/* Replaces the search list: domains, separated by blanks. */
void resolvconf_search(struct resolvconf *conf, const char *text);

#endif
