/* SPDX-License-Identifier: MIT */
/*
 * res_init(3) and res_ninit(3): programs with a resolver of their own read name servers from the
 * state that these fill. libc does so from this machine's resolv.conf, which it opens by inner
 * calls. So libc makes the state, and what is public of it is filled once more, as libc would over
 * there.
 *
 * In between libc closes it (res_nclose(3)). That frees what it had allocated, and it does not know
 * the state as one of its own making any more, which it would fill anew when this machine's file
 * changes. What is left is closed like any other: the addresses of IPv6 servers are of malloc(3).
 */
#include "xredirect/names.h"

#include "resolver/readconf.h"
#include "xredirect/names-next.h"
#include "xredirect/names-source.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__

#define PORT 53

/* Of older versions. */
#ifndef RES_TRUSTAD
#define RES_TRUSTAD 0x04000000
#endif
#ifndef RES_NOAAAA
#define RES_NOAAAA 0x08000000
#endif

/* Whether the thread's own state has been filled from over there. */
static _Thread_local bool is_of_there __attribute__((tls_model("initial-exec")));

/* What holds where resolv.conf says nothing. */
struct base {
	int retrans, retry;
	unsigned long options;
};

static const struct base fresh = {RES_TIMEOUT, RES_DFLRETRY, RES_DEFAULT};

/* res_init(3) leaves alone what the program has set. */
static struct base base_of(const struct __res_state *state)
{
	struct base base = fresh;

	if (state->retrans)
		base.retrans = state->retrans;
	if (state->retry)
		base.retry = state->retry;
	if (state->options & RES_INIT)
		base.options = state->options;
	return base;
}

/* A state that libc has made becomes one that is not made yet, and names nobody. */
static void empty(res_state state, const struct base *base)
{
	res_nclose(state);
	state->nscount = 0;
	memset(state->nsaddr_list, 0, sizeof(state->nsaddr_list));
	state->dnsrch[0] = NULL;
	state->defdname[0] = '\0';
	state->ndots = 1;
	state->nsort = 0;
	state->retrans = base->retrans;
	state->retry = base->retry;
	state->options = base->options & ~(unsigned long)RES_INIT;
}

static void set_options(res_state state, const struct resolvconf *conf)
{
	const struct {
		bool set;
		unsigned long option;
	} options[] = {
		{true, RES_INIT},
		{conf->rotate, RES_ROTATE},
		{conf->use_vc, RES_USEVC},
		{conf->edns0, RES_USE_EDNS0},
		{conf->trust_ad, RES_TRUSTAD},
		{conf->no_tld_query, RES_NOTLDQUERY},
		{conf->single_request, RES_SNGLKUP},
		{conf->single_request_reopen, RES_SNGLKUPREOP},
		{conf->no_reload, RES_NORELOAD},
		{conf->no_aaaa, RES_NOAAAA},
	};

	state->retrans = (int)conf->timeout_s;
	state->retry = (int)conf->attempts;
	state->ndots = conf->ndots & 15;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		state->options |= options[i].set ? options[i].option : 0;
}

/* As many as there is room for. */
static void set_search(res_state state, const struct resolvconf *conf)
{
	size_t used = 0, size;
	unsigned n = 0;

	for (; n < conf->n_domains && n < MAXDNSRCH; n++) {
		size = strlen(conf->domains[n]) + 1;
		if (size > sizeof(state->defdname) - used)
			break;
		state->dnsrch[n] = state->defdname + used;
		memcpy(state->dnsrch[n], conf->domains[n], size);
		used += size;
	}
	state->dnsrch[n] = NULL;
}

static int add_server(res_state state, const struct resolvconf_server *server, uint32_t scope)
{
	int i = state->nscount;
	struct sockaddr_in6 *in6 = NULL;

	if (server->family == AF_INET) {
		state->nsaddr_list[i] = (struct sockaddr_in){.sin_family = AF_INET,
			.sin_port = htons(PORT),
			.sin_addr = server->address.in};
	} else {
		in6 = malloc(sizeof(*in6));
		if (!in6)
			return -ENOMEM;
		*in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
			.sin6_port = htons(PORT),
			.sin6_addr = server->address.in6,
			.sin6_scope_id = scope};
	}
	state->_u._ext.nsaddrs[i] = in6;
	state->_u._ext.nssocks[i] = -1;
	state->nscount++;
	return 0;
}

static int set_servers(res_state state, const struct resolvconf *conf, const uint32_t *scopes)
{
	const struct resolvconf_server own = {
		.family = AF_INET, .address.in.s_addr = htonl(INADDR_LOOPBACK)};
	int r = 0;

	if (conf->n_servers == 0)
		return add_server(state, &own, 0);
	for (unsigned i = 0; r == 0 && i < conf->n_servers; i++)
		r = add_server(state, &conf->servers[i], scopes[i]);
	return r;
}

static int fill(res_state state, const struct base *base, struct names *names)
{
	uint32_t scopes[RESOLVCONF_SERVERS];
	struct resolvconf conf;
	int r;

	if (names->route.broken)
		return -EINVAL;
	resolvconf_init(&conf);
	conf.timeout_s = (unsigned)base->retrans;
	conf.attempts = (unsigned)base->retry;
	r = readconf_all(&names->source, &conf, scopes, names->why);
	if (r < 0)
		return r;
	r = set_servers(state, &conf, scopes);
	if (r < 0) {
		empty(state, base);
		return r;
	}
	set_search(state, &conf);
	set_options(state, &conf);
	return 0;
}

/* What libc has made of a state is replaced, or the state is one of nobody. */
static int replace(res_state state, const struct base *base, struct names *names)
{
	int saved_errno = errno, r;

	empty(state, base);
	r = fill(state, base, names);
	names_end(names);
	errno = r < 0 ? names_errno(-r) : saved_errno;
	return r < 0 ? -1 : 0;
}

int names_init(void)
{
	struct names names;
	bool elsewhere = names_begin(&names);
	struct base base = base_of(&_res);
	int r = next___res_init();

	if (!elsewhere || r < 0)
		return r;
	is_of_there = true;
	return replace(&_res, &base, &names);
}

int names_ninit(res_state state)
{
	struct names names;
	bool elsewhere = names_begin(&names);
	int r = next___res_ninit(state);

	if (!elsewhere || r < 0)
		return r;
	if (state == &_res)
		is_of_there = true;
	return replace(state, &fresh, &names);
}

void names_state_home(void)
{
	if (!is_of_there)
		return;
	is_of_there = false;
	empty(&_res, &(struct base){0});
}

#endif
