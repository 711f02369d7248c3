/* SPDX-License-Identifier: MIT */
/*
 * From the command line to a running bridge. The order: everything is opened with the rights the
 * process was started with; then it keeps only those that its places need later, when a connection
 * comes or the plan is read again; then the threads are made.
 */
#include "bridge/bridge.h"
#include "bridge/config.h"
#include "bridge/control.h"
#include "bridge/options.h"
#include "bridge/table.h"

#include "daemon/log.h"
#include "daemon/privileges.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct process {
	struct bridge bridge;
	struct options options;
};

static int fail(int status, const char *message)
{
	log_message(LOG_ERR, "%s", message);
	return status;
}

static void block_signals(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static uint64_t rights_of_place(const struct endpoint *endpoint)
{
	if (endpoint->place != ENDPOINT_NETNS && endpoint->place != ENDPOINT_NETNS_FD)
		return 0;
	/* what another user's process is in may be looked at with CAP_SYS_PTRACE only, proc(5) */
	if (endpoint->place_name && (strncmp(endpoint->place_name, "pid:", 4) == 0 ||
					    strncmp(endpoint->place_name, "/proc/", 6) == 0))
		return PRIVILEGES_BIT(CAP_SYS_ADMIN) | PRIVILEGES_BIT(CAP_SYS_PTRACE);
	return PRIVILEGES_BIT(CAP_SYS_ADMIN);
}

/* What is needed to serve this plan, and to read another one of the same kind. */
static uint64_t rights_of(const struct plan *plan)
{
	uint64_t rights = PRIVILEGES_BIT(CAP_NET_BIND_SERVICE);

	for (unsigned i = 0; i < plan->n_forwards; i++) {
		const struct endpoint *listen = &plan->forwards[i].listen;
		const struct endpoint *connect = &plan->forwards[i].connect;

		rights |= rights_of_place(listen) | rights_of_place(connect);
		if (connect->transparent || connect->mark >= 0 || listen->mark >= 0)
			rights |= PRIVILEGES_BIT(CAP_NET_ADMIN);
		if (listen->kind == ENDPOINT_UDP)
			rights |= PRIVILEGES_BIT(CAP_NET_RAW);
		if (listen->user || listen->group)
			rights |= PRIVILEGES_BIT(CAP_CHOWN) | PRIVILEGES_BIT(CAP_FOWNER);
	}
	return rights;
}

static int reload(void *data, struct plan *ret, char *error, size_t error_size)
{
	const struct process *process = data;

	return config_load(process->options.config, ret, error, error_size);
}

static void ready(void *data)
{
	const struct process *process = data;

	for (unsigned i = 0; i < process->bridge.n_table; i++) {
		const struct plan_forward *plan = &process->bridge.table[i]->plan;

		log_message(LOG_INFO, "ready: forward %s: %s to %s", plan->name, plan->listen.text,
			plan->connect.text);
	}
}

static int serve(struct process *process)
{
	struct bridge *bridge = &process->bridge;
	struct options *options = &process->options;
	struct control_options control = {
		.reload = options->config ? reload : NULL,
		.ready = ready,
		.data = process,
	};
	uint64_t rights = rights_of(&options->plan);
	char error[1024];
	int r;

	r = bridge_open(bridge, &options->plan);
	if (r < 0)
		return fail(EXIT_FAILURE, strerror(-r));
	if (table_replace(bridge, &options->plan, error, sizeof(error)) < 0 ||
		privileges_keep(rights, error, sizeof(error)) < 0)
		return fail(EXIT_FAILURE, error);
	r = bridge_start(bridge);
	if (r == 0)
		r = control_run(bridge, &control);
	bridge_join(bridge);
	return r < 0 ? fail(EXIT_FAILURE, strerror(-r)) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct process process;
	struct options *options = &process.options;
	char error[1024];
	int r = options_parse(argc, argv, options);

	if (r != 0)
		return r - 1;
	log_open();
	if (options->config &&
		config_load(options->config, &options->plan, error, sizeof(error)) < 0)
		r = fail(EX_CONFIG, error);
	if (r == 0 && options->mode == OPTIONS_SERVE) {
		block_signals();
		r = serve(&process);
		bridge_close(&process.bridge);
	}
	plan_free(&options->plan);
	return r;
}
