/* SPDX-License-Identifier: MIT */
#include "bridge/plan.h"

#include "bridge/host.h"
#include "bridge/netaddr.h"

#include "daemon/netns.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan plan_default(void)
{
	return (struct plan){
		.max_connections = 20000,
		.connect_timeout_s = 10,
		.idle_timeout_s = PLAN_NEVER,
		.udp_timeout_s = 300,
		.drain_timeout_s = 30,
	};
}

void plan_forward_free(struct plan_forward *forward)
{
	free(forward->name);
	endpoint_free(&forward->listen);
	endpoint_free(&forward->connect);
	*forward = (struct plan_forward){.listen.fd = -1, .connect.fd = -1};
}

void plan_free(struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_forwards; i++)
		plan_forward_free(&plan->forwards[i]);
	free(plan->forwards);
	plan->forwards = NULL;
	plan->n_forwards = 0;
}

int plan_add(struct plan *plan, const char *name, struct endpoint *listen, struct endpoint *connect)
{
	struct plan_forward forward = {.listen = *listen, .connect = *connect};
	struct plan_forward *grown;

	endpoint_init(listen, ENDPOINT_LISTEN);
	endpoint_init(connect, ENDPOINT_CONNECT);
	forward.name = strdup(name);
	grown = forward.name ? realloc(plan->forwards, (plan->n_forwards + 1) * sizeof(*grown))
			     : NULL;
	if (!grown) {
		plan_forward_free(&forward);
		return -ENOMEM;
	}
	grown[plan->n_forwards++] = forward;
	plan->forwards = grown;
	return 0;
}

/* ---- what cannot be in one plan ---- */

struct check {
	const struct plan *plan;
	const struct plan_forward *forward;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct check *check, const char *format, ...)
{
	va_list args;
	int n = snprintf(check->error, check->error_size, "forward %s: ", check->forward->name);

	if (n < 0 || (size_t)n >= check->error_size)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(check->error + n, check->error_size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

static int check_kinds(struct check *check)
{
	const struct endpoint *listen = &check->forward->listen;
	const struct endpoint *connect = &check->forward->connect;

	if (listen->kind == ENDPOINT_UDP && connect->kind != ENDPOINT_UDP)
		return fail(check,
			"datagrams cannot go to a %s: endpoint: connect to udp:ADDRESS:PORT, "
			"or listen at tcp:",
			endpoint_kind_text(connect->kind));
	if (connect->kind == ENDPOINT_UDP && listen->kind != ENDPOINT_UDP &&
		(listen->kind != ENDPOINT_FD || listen->accepted))
		return fail(check,
			"a stream cannot go to udp: endpoints: connect to tcp:ADDRESS:PORT, or "
			"listen at udp:");
	if (connect->transparent && listen->kind == ENDPOINT_UNIX && !listen->proxy)
		return fail(check,
			"clients of a Unix socket have no address that transparent could take "
			"over: leave it out, or have the address told by proxy=any at the "
			"listening endpoint");
	return 0;
}

/* ip-netns(8) keeps NAME at a path, which may be given as well. */
static bool same_netns(const char *a, const char *b)
{
	static const char directory[] = NETNS_DIRECTORY "/";
	size_t length = strlen(directory);

	if (strncmp(a, directory, length) == 0 && !strchr(a + length, '/'))
		a += length;
	if (strncmp(b, directory, length) == 0 && !strchr(b + length, '/'))
		b += length;
	return strcmp(a, b) == 0;
}

static bool same_place(const struct endpoint *a, const struct endpoint *b)
{
	if (a->place != b->place)
		return false;
	switch (a->place) {
	case ENDPOINT_HERE:
		return true;
	case ENDPOINT_NETNS_FD:
		return a->place_fd == b->place_fd;
	case ENDPOINT_NETNS:
		return same_netns(a->place_name, b->place_name);
	case ENDPOINT_BROKER:
		return strcmp(a->place_name, b->place_name) == 0;
	}
	return false;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Written in one way or another: what the second one could not bind. */
static bool same_listener(const struct endpoint *a, const struct endpoint *b)
{
	struct netaddr one, other;

	if (a->kind != b->kind || a->kind == ENDPOINT_FD || !same_place(a, b))
		return false;
	if (a->kind == ENDPOINT_UNIX)
		return strcmp(a->path, b->path) == 0;
	if (a->port != b->port || !same_text(a->interface, b->interface))
		return false;
	if (strcmp(a->host, b->host) == 0)
		return true;
	/* fe80::1%a is not fe80::1%b */
	return !strchr(a->host, '%') && !strchr(b->host, '%') && host_address(a->host, &one) == 0 &&
	       host_address(b->host, &other) == 0 && netaddr_equal(&one, &other);
}

/* Descriptors are named by endpoints, and by netns=fd:N, which may be used more than once. */
static int check_descriptor(
	struct check *check, const struct endpoint *used, const struct endpoint *other)
{
	if (used->kind == ENDPOINT_FD && other->kind == ENDPOINT_FD && used->fd == other->fd)
		return fail(
			check, "descriptor %d is used twice: each endpoint has its own", used->fd);
	if ((used->kind == ENDPOINT_FD && other->place == ENDPOINT_NETNS_FD &&
		    used->fd == other->place_fd) ||
		(other->kind == ENDPOINT_FD && used->place == ENDPOINT_NETNS_FD &&
			other->fd == used->place_fd))
		return fail(check, "descriptor %d cannot be both a socket and a network namespace",
			used->kind == ENDPOINT_FD ? used->fd : used->place_fd);
	return 0;
}

static int check_forwards(struct check *check, const struct plan_forward *other)
{
	const struct plan_forward *forward = check->forward;
	int r;

	if (same_listener(&forward->listen, &other->listen))
		return fail(
			check, "forward %s listens at %s already", other->name, other->listen.text);
	r = check_descriptor(check, &forward->listen, &other->listen);
	if (r == 0)
		r = check_descriptor(check, &forward->listen, &other->connect);
	if (r == 0)
		r = check_descriptor(check, &forward->connect, &other->listen);
	if (r == 0)
		r = check_descriptor(check, &forward->connect, &other->connect);
	return r;
}

int plan_check(const struct plan *plan, char *error, size_t error_size)
{
	struct check check = {.plan = plan, .error = error, .error_size = error_size};
	int r = 0;

	error[0] = '\0';
	for (unsigned i = 0; r == 0 && i < plan->n_forwards; i++) {
		check.forward = &plan->forwards[i];
		r = check_kinds(&check);
		if (r == 0)
			r = check_descriptor(
				&check, &check.forward->listen, &check.forward->connect);
		for (unsigned other = 0; r == 0 && other < i; other++)
			r = check_forwards(&check, &plan->forwards[other]);
	}
	return r;
}

/* ---- who a client looks like ---- */

/* Whether the target is told who the client is, or it was asked for that it is not. */
static bool is_asked(const struct endpoint *connect)
{
	struct netaddr source;

	if (connect->as_local || connect->proxy || connect->transparent)
		return true;
	return connect->bind && host_source(connect->bind, &source) == 0 &&
	       !netaddr_is_local(&source);
}

bool plan_presents_local(const struct plan_forward *forward, const struct netaddr *client,
	const struct netaddr *server, const struct netaddr *target)
{
	if (target->length == 0 || target->sa.sa_family == AF_UNIX || !netaddr_is_local(target))
		return false;
	if (client->length == 0 || netaddr_is_local(client))
		return false;
	/* From one address of a machine to the same one: it has not left it. */
	if (server && netaddr_equal_host(client, server))
		return false;
	return !is_asked(&forward->connect);
}

bool plan_warning(const struct plan_forward *forward, char *text, size_t size)
{
	const struct endpoint *listen = &forward->listen, *connect = &forward->connect;
	struct netaddr address;

	if ((listen->kind != ENDPOINT_TCP && listen->kind != ENDPOINT_UDP) ||
		(connect->kind != ENDPOINT_TCP && connect->kind != ENDPOINT_UDP))
		return false;
	if (host_address(connect->host, &address) < 0 || !netaddr_is_local(&address))
		return false;
	if (host_address(listen->host, &address) == 0 && netaddr_is_local(&address) &&
		!netaddr_is_unspecified(&address))
		return false;
	if (is_asked(connect))
		return false;
	snprintf(text, size,
		"forward %s: clients from elsewhere will be refused, as %s would take them for "
		"local ones: add proxy=%s, transparent, or as-local to allow that",
		forward->name, connect->text, connect->kind == ENDPOINT_UDP ? "v2" : "v1 or v2");
	return true;
}
