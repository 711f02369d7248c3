/* SPDX-License-Identifier: MIT */
/*
 * What res_init(3) and res_ninit(3) leave in a state, as programs with a resolver of their own read
 * it. Each argument is a step; SERVER and OTHER_SERVER name two brokers.
 */
#include "tests/redirect/program.h"

#include "lib/xsocket.h"

#include <malloc.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>

#define ROUNDS 50

static struct __res_state own;

static void tell_server(const struct __res_state *state, int i)
{
	const struct sockaddr_in *in = &state->nsaddr_list[i];
	const struct sockaddr_in6 *in6 = state->_u._ext.nsaddrs[i];
	char text[INET6_ADDRSTRLEN];

	printf("  %d: family %d", i, in->sin_family);
	if (in->sin_family)
		printf(" %s %d", inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)),
			ntohs(in->sin_port));
	if (i < state->nscount && in6)
		printf(" [%s] family %d port %d flow %u scope %u",
			inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)), in6->sin6_family,
			ntohs(in6->sin6_port), in6->sin6_flowinfo, in6->sin6_scope_id);
	if (i < state->nscount)
		printf(" fd %d", state->_u._ext.nssocks[i]);
	printf("\n");
}

static void tell_state(const struct __res_state *state)
{
	printf("  servers %d, of IPv6 %d %d\n", state->nscount, state->_u._ext.nscount,
		state->_u._ext.nscount6);
	for (int i = 0; i < MAXNS; i++)
		tell_server(state, i);
	printf("  domain '%s', search", state->defdname);
	for (int i = 0; i < MAXDNSRCH && state->dnsrch[i]; i++)
		printf(" '%s'", state->dnsrch[i]);
	printf(", %s\n", state->dnsrch[0] == state->defdname ? "in it" : "none");
	printf("  ndots %u timeout %d attempts %d options %lx\n", state->ndots, state->retrans,
		state->retry, state->options);
	printf("  sorted %u, flags %lx %x, fd %d, without IPv6 %u\n", state->nsort, state->pfcode,
		state->_flags, state->_vcsock, state->ipv6_unavail);
}

static void init_own(void)
{
	SAY(res_ninit(&own));
	tell_state(&own);
}

static void init_thread(void)
{
	SAY(res_init());
	tell_state(&_res);
}

/* How a program wants it, before res_init(3). */
static void prefer(void)
{
	_res.retrans = 7;
	_res.retry = 3;
	_res.options |= RES_USE_EDNS0;
	init_thread();
}

static void *in_thread(void *data)
{
	SAY(xsocket_push(data));
	init_thread();
	SAY(xsocket_pop());
	init_thread();
	res_nclose(&_res);
	return NULL;
}

static void push_in_thread(void)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, in_thread, getenv("SERVER")) == 0);
	MUST(pthread_join(thread, NULL) == 0);
}

static void many_times(void)
{
	size_t before = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct __res_state state = {0};

		/* what is kept from the first ones does not count */
		if (i == ROUNDS / 2)
			before = mallinfo2().uordblks;
		MUST(res_ninit(&state) == 0 && res_init() == 0);
		res_nclose(&state);
	}
	printf("more memory: %d\n", mallinfo2().uordblks > before);
}

/* A look-up, for which nobody has to be asked. */
static void look_up(void)
{
	MUST(gethostbyname("127.0.0.1"));
	tell_state(&_res);
}

/* What libc does on its own with the state of a thread. */
static void make(void)
{
	unsigned char question[512];

	SAY(res_mkquery(0, "web.example", 1, 1, NULL, 0, NULL, question, sizeof(question)));
	tell_state(&_res);
}

static void write_file(void)
{
	FILE *file = fopen("/etc/resolv.conf.new", "we");

	MUST(file && fputs("nameserver 192.0.2.77\nsearch changed\n", file) >= 0);
	MUST(fclose(file) == 0 && rename("/etc/resolv.conf.new", "/etc/resolv.conf") == 0);
}

static void push(void)
{
	SAY(xsocket_push(getenv("SERVER")));
}

static void push_other(void)
{
	SAY(xsocket_push(getenv("OTHER_SERVER")));
}

static void pop(void)
{
	SAY(xsocket_pop());
}

static void close_own(void)
{
	res_nclose(&own);
}

static const struct {
	const char *name;
	void (*run)(void);
} steps[] = {{"ninit", init_own}, {"nclose", close_own}, {"init", init_thread}, {"prefer", prefer},
	{"thread", push_in_thread}, {"many", many_times}, {"look", look_up}, {"make", make},
	{"write", write_file}, {"push", push}, {"other", push_other}, {"pop", pop}};

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		printf("-- %s\n", argv[i]);
		for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			if (strcmp(argv[i], steps[j].name) == 0)
				steps[j].run();
		}
	}
	return 0;
}
