/* SPDX-License-Identifier: MIT */
#include "bridge/config.h"

#include "daemon/inifile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE_MAX 32 /* inih cuts sections of 50 bytes and more */

/* infinity is 0 to inifile.c, and a number of its own here. */
static bool parse_idle(struct inifile *file, const char *key, const char *value, unsigned *ret)
{
	if (!inifile_seconds(file, key, value, true, ret))
		return false;
	if (*ret == 0)
		*ret = PLAN_NEVER;
	return true;
}

static bool handle_bridge(
	struct inifile *file, struct plan *plan, const char *key, const char *value)
{
	if (strcmp(key, "MaxConnections") == 0)
		return inifile_count(
			file, key, value, 1, PLAN_MAX_CONNECTIONS_MAX, &plan->max_connections);
	if (strcmp(key, "Workers") == 0)
		return inifile_count(file, key, value, 1, PLAN_WORKERS_MAX, &plan->workers);
	if (strcmp(key, "ConnectTimeoutSec") == 0)
		return inifile_seconds(file, key, value, false, &plan->connect_timeout_s);
	if (strcmp(key, "IdleTimeoutSec") == 0)
		return parse_idle(file, key, value, &plan->idle_timeout_s);
	if (strcmp(key, "UdpTimeoutSec") == 0)
		return inifile_seconds(file, key, value, false, &plan->udp_timeout_s);
	if (strcmp(key, "DrainTimeoutSec") == 0) {
		plan->drain_timeout_s = 0;
		return strcmp(value, "0") == 0 ||
		       inifile_seconds(file, key, value, false, &plan->drain_timeout_s);
	}
	return inifile_fail(file,
		"there is no setting %s= in [Bridge], only MaxConnections=, ConnectTimeoutSec=, "
		"IdleTimeoutSec=, UdpTimeoutSec=, DrainTimeoutSec= and Workers=",
		key);
}

static bool parse_endpoint(struct inifile *file, const char *key, const char *value,
	enum endpoint_side side, struct endpoint *ret)
{
	char error[1024];

	if (ret->text)
		return inifile_fail(file,
			"%s= is there twice in this forward: each forward has a section of its own",
			key);
	if (endpoint_parse(value, side, ret, error, sizeof(error)) == 0)
		return true;
	return inifile_fail(file, "%s=%s", key, error);
}

static bool handle_forward(
	struct inifile *file, struct plan_forward *forward, const char *key, const char *value)
{
	if (strcmp(key, "Listen") == 0)
		return parse_endpoint(file, key, value, ENDPOINT_LISTEN, &forward->listen);
	if (strcmp(key, "Connect") == 0)
		return parse_endpoint(file, key, value, ENDPOINT_CONNECT, &forward->connect);
	if (strcmp(key, "MaxConnections") == 0)
		return inifile_count(
			file, key, value, 1, PLAN_MAX_CONNECTIONS_MAX, &forward->max_connections);
	if (strcmp(key, "ConnectTimeoutSec") == 0)
		return inifile_seconds(file, key, value, false, &forward->connect_timeout_s);
	if (strcmp(key, "IdleTimeoutSec") == 0)
		return parse_idle(file, key, value, &forward->idle_timeout_s);
	return inifile_fail(file,
		"there is no setting %s= in [Forward NAME], only Listen=, Connect=, "
		"MaxConnections=, ConnectTimeoutSec= and IdleTimeoutSec=",
		key);
}

/* The forward of this name, which may be a new one; NULL after a mistake. */
static struct plan_forward *find(struct inifile *file, struct plan *plan, const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.@";
	struct endpoint listen, connect;

	if (!name[0] || strlen(name) > NAME_SIZE_MAX || name[strspn(name, letters)]) {
		inifile_fail(file,
			"[Forward NAME] takes a name of up to %d letters, digits and -_.@, not "
			"\"%s\"",
			NAME_SIZE_MAX, name);
		return NULL;
	}
	for (unsigned i = 0; i < plan->n_forwards; i++)
		if (strcmp(plan->forwards[i].name, name) == 0)
			return &plan->forwards[i];
	endpoint_init(&listen, ENDPOINT_LISTEN);
	endpoint_init(&connect, ENDPOINT_CONNECT);
	if (plan_add(plan, name, &listen, &connect) < 0) {
		inifile_fail(file, "%s", strerror(ENOMEM));
		return NULL;
	}
	return &plan->forwards[plan->n_forwards - 1];
}

static bool handle(
	struct inifile *file, const char *section, const char *key, const char *value, void *data)
{
	static const char prefix[] = "Forward ";
	struct plan *plan = data;
	struct plan_forward *forward;

	if (strcmp(section, "Bridge") == 0)
		return handle_bridge(file, plan, key, value);
	if (strncmp(section, prefix, strlen(prefix)) == 0) {
		forward = find(file, plan, section + strlen(prefix));
		return forward && handle_forward(file, forward, key, value);
	}
	if (strcmp(section, "Forward") == 0)
		return inifile_fail(file, "each forward has a name: write [Forward NAME]");
	return inifile_fail(file,
		section[0] ? "there is no section [%s], only [Bridge] and [Forward NAME]"
			   : "%skeys belong below a line [Bridge] or [Forward NAME]",
		section);
}

/* What can be seen at the end only. */
static int check(const struct plan *plan, char *error, size_t error_size)
{
	for (unsigned i = 0; i < plan->n_forwards; i++) {
		const struct plan_forward *forward = &plan->forwards[i];

		if (forward->listen.text && forward->connect.text)
			continue;
		snprintf(error, error_size, "[Forward %s] has no %s", forward->name,
			forward->listen.text ? "Connect=" : "Listen=");
		return -EINVAL;
	}
	if (plan->n_forwards == 0) {
		snprintf(error, error_size,
			"there is nothing to bridge: write a section [Forward NAME] with Listen= "
			"and Connect=");
		return -EINVAL;
	}
	return plan_check(plan, error, error_size);
}

int config_load(const char *path, struct plan *ret, char *error, size_t error_size)
{
	struct plan plan = plan_default();
	char reason[1024];
	int r = inifile_load(path, handle, &plan, error, error_size);

	if (r == 0) {
		r = check(&plan, reason, sizeof(reason));
		if (r < 0)
			snprintf(error, error_size, "%s: %s", path, reason);
	}
	if (r < 0)
		plan_free(&plan);
	else
		*ret = plan;
	return r;
}
