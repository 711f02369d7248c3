/* SPDX-License-Identifier: MIT */
#include "resolver/why.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is appended to, and cut where it is full. */
static void __attribute__((format(printf, 2, 3)))
add(struct lookup *lookup, const char *format, ...)
{
	size_t used = strlen(lookup->why);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(lookup->why + used, RESOLVER_WHY - used, format, arguments);
	va_end(arguments);
}

static void begin(struct lookup *lookup)
{
	lookup->why[0] = '\0';
	add(lookup, "%s: ", lookup->source->name ? lookup->source->name : "default");
}

static const char *server_text(const struct resolvconf_server *server, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(server->family, &server->address, text, INET6_ADDRSTRLEN);
}

static void add_servers(struct lookup *lookup)
{
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < lookup->conf->n_servers; i++)
		add(lookup, "%s%s", i ? ", " : "", server_text(&lookup->conf->servers[i], text));
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

static bool all_servers(const struct resolvconf *conf, bool (*is)(const struct resolvconf_server *))
{
	for (unsigned i = 0; i < conf->n_servers; i++) {
		if (!is(&conf->servers[i]))
			return false;
	}
	return conf->n_servers > 0;
}

/* Namespaces are mostly called as their brokers are. */
static void add_advice(struct lookup *lookup)
{
	const char *name = lookup->source->name;

	if (!name || strchr(name, '/') || name[0] == '@')
		name = "NAME";
	add(lookup, ": write /etc/netns/%s/resolv.conf", name);
}

void why_servers(struct lookup *lookup)
{
	const struct resolvconf *conf = lookup->conf;

	begin(lookup);
	if (lookup->status == CHANNEL_MISSING) {
		add(lookup, "names cannot be asked for: there is no libcares.so.2 for this "
			    "program: install c-ares (Debian: libc-ares2)");
		return;
	}
	/* They are there, and it is theirs to tell. */
	if (lookup->status == CHANNEL_FAILED) {
		lookup->why[0] = '\0';
		return;
	}
	add(lookup, "no DNS server answers: ");
	if (conf->n_servers == 0) {
		add(lookup, "its resolv.conf names none, and there is none at 127.0.0.1");
		add_advice(lookup);
		return;
	}
	add(lookup, "its resolv.conf %s ",
		lookup->conf_is_ours ? "is this machine's own and names" : "names");
	add_servers(lookup);
	if (!all_servers(conf, is_loopback))
		return;
	if (all_servers(conf, is_stub))
		add(lookup, ", the stub of this machine's systemd-resolved, which is not there");
	else
		add(lookup, ", where none is in that namespace");
	add_advice(lookup);
}

void why_system(struct lookup *lookup, int error, const char *what)
{
	char text[128];

	begin(lookup);
	if (error == -EOPNOTSUPP) {
		add(lookup, "the broker is too old to tell where names are looked up: update it");
		return;
	}
	snprintf(text, sizeof(text), "%s", strerror(-error));
	add(lookup, "%s: %s", what ? what : "looking up a name", text);
}
