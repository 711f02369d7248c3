/* SPDX-License-Identifier: MIT */
#include "resolver/why.h"

#include "common/address.h"

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
	/* This machine's own network. */
	if (!server || strcmp(server, ADDRESS_DEFAULT) == 0) {
		add(why, ": correct /etc/resolv.conf");
		return;
	}
	if (strchr(server, '/') || server[0] == '@')
		server = "NAME";
	add(why, ": write /etc/netns/%s/resolv.conf", server);
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

/* ---- brokers ---- */

static const struct {
	int error;
	const char *advice;
	bool start; /* and how to start one */
} advices[] = {
	{ENOENT, "there is none", true},
	{ENOTDIR, "there is none", true},
	{ECONNREFUSED, "nobody listens at its socket", true},
	{ENETDOWN, "it hung up, does its namespace exist?", false},
	{ETIMEDOUT, "it does not answer", false},
	{EACCES,
		"this user may not ask the broker, or it does not hand that out "
		"(AllowSockets=, AllowResolver=)",
		false},
	{EOPNOTSUPP, "the broker is too old to tell how names are looked up there, update it",
		false},
	{EIO, "the broker cannot read it, see its log", false},
	{EMFILE, "no descriptor is left", false},
};

/* The units of a broker are called as it is. */
static void add_start(char *why, const char *server)
{
	if (!server || strcmp(server, "default") == 0)
		add(why, ", systemctl enable --now xsocket.socket");
	else if (!strchr(server, '/') && server[0] != '@')
		add(why, ", systemctl enable --now xsocket@%s.socket", server);
	else
		add(why, ", start xsocket-server");
}

void why_text(char why[RESOLVER_WHY], const char *server, int error, const char *what)
{
	begin(why, server);
	add(why, "%s: ", what ? what : "a name cannot be looked up");
	for (size_t i = 0; what && i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (advices[i].error != -error)
			continue;
		add(why, "%s", advices[i].advice);
		if (advices[i].start)
			add_start(why, server);
		return;
	}
	add(why, "%s", strerror(-error));
}
