/* SPDX-License-Identifier: MIT */
#include "resolver/resolvconf.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* resolv.conf(5): greater ones are taken for these */
#define NDOTS_MAX    15
#define TIMEOUT_MAX  30
#define ATTEMPTS_MAX 5

void resolvconf_init(struct resolvconf *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ndots = 1;
	ret->timeout_s = 5;
	ret->attempts = 2;
}

/* A keyword begins its line, and a blank ends it. Returns what follows, or NULL. */
static const char *after(const char *line, const char *keyword)
{
	size_t length = strlen(keyword);

	if (strncmp(line, keyword, length) != 0 || !line[length] || !strchr(" \t", line[length]))
		return NULL;
	return line + length + strspn(line + length, BLANKS);
}

/* Copies the first word of a text. Returns false where it does not fit, or there is none. */
static bool word_copy(const char *text, char *ret, size_t size)
{
	size_t length = strcspn(text, BLANKS);

	if (length == 0 || length >= size)
		return false;
	memcpy(ret, text, length);
	ret[length] = '\0';
	return true;
}

static void add_server(struct resolvconf *conf, const char *text)
{
	struct resolvconf_server server = {0};
	char address[INET6_ADDRSTRLEN + IF_NAMESIZE], *scope;

	if (conf->n_servers == RESOLVCONF_SERVERS || !word_copy(text, address, sizeof(address)))
		return;
	scope = strchr(address, '%');
	if (inet_aton(address, &server.address.in) && !scope) {
		server.family = AF_INET;
	} else {
		if (scope) {
			*scope++ = '\0';
			if (!*scope || strlen(scope) >= sizeof(server.scope))
				return;
			strcpy(server.scope, scope);
		}
		if (inet_pton(AF_INET6, address, &server.address.in6) <= 0)
			return;
		server.family = AF_INET6;
	}
	conf->servers[conf->n_servers++] = server;
}

void resolvconf_search(struct resolvconf *conf, const char *text)
{
	char *rest = NULL;

	conf->has_search = true;
	conf->n_domains = 0;
	/* what does not fit is cut, and a domain that is cut is none */
	if (snprintf(conf->search, sizeof(conf->search), "%s", text) >= (int)sizeof(conf->search)) {
		size_t length = strlen(conf->search);

		while (length > 0 && !strchr(BLANKS, conf->search[length - 1]))
			length--;
		conf->search[length] = '\0';
	}
	for (char *word = strtok_r(conf->search, BLANKS, &rest);
		word && conf->n_domains < RESOLVCONF_DOMAINS; word = strtok_r(NULL, BLANKS, &rest))
		conf->domains[conf->n_domains++] = word;
}

/* "NAME:NUMBER" in a text of options; greater numbers count as max. */
static bool option_number(const char *option, const char *name, unsigned max, unsigned *ret)
{
	size_t length = strlen(name);
	unsigned number = 0;

	if (strncmp(option, name, length) != 0 || option[length] != ':')
		return false;
	for (const char *c = option + length + 1; *c >= '0' && *c <= '9'; c++) {
		number = number * 10 + (unsigned)(*c - '0');
		if (number > max)
			number = max;
	}
	*ret = number;
	return true;
}

static void take_option(struct resolvconf *conf, const char *option)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"rotate", &conf->rotate},
		{"use-vc", &conf->use_vc},
		{"edns0", &conf->edns0},
		{"trust-ad", &conf->trust_ad},
		{"no-tld-query", &conf->no_tld_query},
		{"no_tld_query", &conf->no_tld_query},
		{"single-request", &conf->single_request},
		{"single-request-reopen", &conf->single_request_reopen},
		{"no-reload", &conf->no_reload},
		{"no-aaaa", &conf->no_aaaa},
	};

	if (option_number(option, "ndots", NDOTS_MAX, &conf->ndots) ||
		option_number(option, "timeout", TIMEOUT_MAX, &conf->timeout_s) ||
		option_number(option, "attempts", ATTEMPTS_MAX, &conf->attempts))
		return;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(option, flags[i].name) == 0)
			*flags[i].flag = true;
	}
}

void resolvconf_options(struct resolvconf *conf, const char *text)
{
	char option[32];

	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		if (word_copy(text, option, sizeof(option)))
			take_option(conf, option);
		text += strcspn(text, BLANKS);
	}
}

void resolvconf_line(struct resolvconf *conf, const char *line)
{
	char domain[RESOLVCONF_DOMAIN];
	const char *rest;

	if ((rest = after(line, "nameserver")))
		add_server(conf, rest);
	else if ((rest = after(line, "search")))
		resolvconf_search(conf, rest);
	else if ((rest = after(line, "options")))
		resolvconf_options(conf, rest);
	else if ((rest = after(line, "domain")) && word_copy(rest, domain, sizeof(domain)))
		resolvconf_search(conf, domain);
}
