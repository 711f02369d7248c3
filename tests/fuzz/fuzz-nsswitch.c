/* SPDX-License-Identifier: MIT */
/*
 * Whatever the lines of nsswitch.conf and resolv.conf are, what was read makes sense, and reading
 * the same again comes to the same.
 */
#include "tests/fuzz/fuzz.h"

#include "resolver/nsswitch.h"
#include "resolver/resolvconf.h"

#include <arpa/inet.h>

static void check_order(const struct nsswitch *order)
{
	HOLDS(order->n <= NSSWITCH_SOURCES);
	for (unsigned i = 0; i < order->n; i++) {
		HOLDS(order->sources[i].kind <= NSSWITCH_OTHER);
		HOLDS(nsswitch_ends(&order->sources[i], OUTCOME_FOUND));
		HOLDS(nsswitch_ends(&order->sources[i], OUTCOME_NO_NAME) ==
			order->sources[i].not_found_ends);
	}
}

static void check_conf(const struct resolvconf *conf)
{
	HOLDS(conf->n_servers <= RESOLVCONF_SERVERS && conf->n_domains <= RESOLVCONF_DOMAINS);
	for (unsigned i = 0; i < conf->n_servers; i++) {
		HOLDS(conf->servers[i].family == AF_INET || conf->servers[i].family == AF_INET6);
		HOLDS(memchr(conf->servers[i].scope, '\0', sizeof(conf->servers[i].scope)));
	}
	for (unsigned i = 0; i < conf->n_domains; i++) {
		HOLDS(conf->domains[i] >= conf->search &&
			conf->domains[i] < conf->search + sizeof(conf->search));
		HOLDS(conf->domains[i][0] && !strpbrk(conf->domains[i], " \t\r\n"));
	}
	HOLDS(conf->ndots <= 15 && conf->timeout_s <= 30 && conf->attempts <= 5);
	HOLDS(conf->n_domains == 0 || conf->has_search);
}

static void read_lines(const char *text, struct nsswitch *order, struct resolvconf *conf)
{
	char *copy = strdup(text), *rest = copy;

	HOLDS(copy);
	nsswitch_init(order);
	resolvconf_init(conf);
	for (char *line; (line = strsep(&rest, "\n"));) {
		nsswitch_line(order, line);
		check_order(order);
		resolvconf_line(conf, line);
		check_conf(conf);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nsswitch order, again;
	struct resolvconf conf, other;
	char *text = malloc(size + 1);

	HOLDS(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	read_lines(text, &order, &conf);
	read_lines(text, &again, &other);
	HOLDS(order.n == again.n && conf.n_servers == other.n_servers);
	HOLDS(memcmp(order.sources, again.sources, order.n * sizeof(order.sources[0])) == 0);
	resolvconf_options(&conf, text);
	check_conf(&conf);
	resolvconf_search(&conf, text);
	check_conf(&conf);
	free(text);
	return 0;
}
