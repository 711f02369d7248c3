/* SPDX-License-Identifier: MIT */
#include "resolver/why.h"

#include "common/address.h"
#include "common/remedy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends; what is too long is cut. */
static void __attribute__((format(printf, 2, 3))) add(char *why, const char *format, ...)
{
	size_t used = strlen(why);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why + used, RESOLVER_WHY - used, format, arguments);
	va_end(arguments);
}

static void begin(char *why, const char *server)
{
	why[0] = '\0';
	add(why, "%s: ", server ? server : "default");
}

/* ---- servers ---- */

static void add_servers(char *why, const struct resolvconf *conf)
{
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < conf->n_servers; i++) {
		const struct resolvconf_server *server = &conf->servers[i];

		inet_ntop(server->family, &server->address, text, sizeof(text));
		add(why, "%s%s%s%s", i ? ", " : "", text, server->scope[0] ? "%" : "",
			server->scope);
	}
}

static bool is_loopback(const struct resolvconf_server *server)
{
	if (server->family == AF_INET)
		return (ntohl(server->address.in.s_addr) >> 24) == 127;
	return IN6_IS_ADDR_LOOPBACK(&server->address.in6);
}

/* systemd-resolved(8) listens at these. */
static bool is_stub(const struct resolvconf_server *server)
{
	in_addr_t address = server->family == AF_INET ? ntohl(server->address.in.s_addr) : 0;

	return address == 0x7f000035 || address == 0x7f000036;
}

static bool all_servers(
	const struct resolvconf *conf, bool (*is_one)(const struct resolvconf_server *))
{
	for (unsigned i = 0; i < conf->n_servers; i++) {
		if (!is_one(&conf->servers[i]))
			return false;
	}
	return conf->n_servers > 0;
}

/* Which file a namespace has for itself; it mostly is called as its broker is. */
static void add_advice(char *why, const char *server)
{
	const char *instance = address_instance(server ? server : ADDRESS_DEFAULT);

	/* This machine's own network. */
	if (instance && strcmp(instance, ADDRESS_DEFAULT) == 0)
		add(why, ": correct /etc/resolv.conf");
	else
		add(why, ": write /etc/netns/%s/resolv.conf", instance ? instance : "NAME");
}

/* Nobody answered. A loopback address may be right: somebody may listen there in the namespace. */
static void add_unanswered(struct lookup *lookup)
{
	const struct resolvconf *conf = lookup->conf;
	char *why = lookup->why;

	add(why, "no DNS server answers: its resolv.conf ");
	if (conf->n_servers == 0) {
		add(why, "names none, and there is none at its 127.0.0.1");
		add_advice(why, lookup->source->name);
		return;
	}
	if (lookup->conf_is_ours)
		add(why, "is this machine's own and ");
	add(why, "names ");
	add_servers(why, conf);
	if (all_servers(conf, is_stub))
		add(why, ", the stub of this machine's systemd-resolved, which is not there");
	else if (all_servers(conf, is_loopback))
		add(why, ", where none is in that namespace");
	if (lookup->conf_is_ours || all_servers(conf, is_loopback))
		add_advice(why, lookup->source->name);
}

void why_servers(struct lookup *lookup)
{
	begin(lookup->why, lookup->source->name);
	if (lookup->status == CHANNEL_MISSING) {
		add(lookup->why, "names cannot be asked for: this program can load no "
				 "libcares.so.2: install c-ares (Debian: libc-ares2)");
	} else if (lookup->status == CHANNEL_FAILED) {
		add(lookup->why, RESOLVER_WHY_SERVERS ": its servers failed or refused (");
		add_servers(lookup->why, lookup->conf);
		add(lookup->why, ")");
	} else {
		add_unanswered(lookup);
	}
}

void why_idn(struct lookup *lookup)
{
	begin(lookup->why, lookup->source->name);
	add(lookup->why, "a name that is not ASCII cannot be converted: this program can load no "
			 "libidn2.so.0: install it (Debian: libidn2-0)");
}

/* ---- brokers ---- */

/* What means something else about a file than about a socket. */
static const char *of_a_file(int error)
{
	switch (error) {
	case EOPNOTSUPP:
		return "the broker is too old to tell how names are looked up there, update it";
	case EIO:
		return "the broker cannot read it, see its log";
	default:
		return NULL;
	}
}

void why_text(char why[RESOLVER_WHY], const char *server, int error, const char *what)
{
	const char *text = of_a_file(-error);
	char remedy[REMEDY_TEXT];

	if (!what || (!text && !remedy_is_known(-error)))
		text = strerror(-error);
	begin(why, server);
	add(why, "%s: %s", what ? what : "a name cannot be looked up",
		text ? text : remedy_text(server, -error, remedy));
}
