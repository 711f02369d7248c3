/* SPDX-License-Identifier: MIT */
/*
 * From the command line to a running broker.
 *
 * The order matters: listen first, in the namespace the broker was started in (an abstract name
 * belongs to a namespace); give access while there still are rights to; enter the namespace
 * second; drop all capabilities third. Clients that come meanwhile wait in the queue.
 */
#include "server/broker.h"
#include "server/control.h"
#include "server/listen.h"
#include "server/options.h"

#include "common/cleanup.h"
#include "daemon/log.h"
#include "daemon/privileges.h"
#include "daemon/unixlisten.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sysexits.h>

#define EXIT_USAGE 2

/* What a running broker owns. */
struct process {
	struct options options;
	struct address address; /* of the first control socket */
	bool own_socket;
	char config_path[4096];
	struct netns netns;
	struct broker broker;
};

static int fail(int status, const char *message)
{
	log_message(LOG_ERR, "%s", message);
	return status;
}

/* ---- --grant and --revoke ---- */

static int change_access(const struct options *options)
{
	enum access_change change =
		options->mode == OPTIONS_GRANT ? ACCESS_GRANT : ACCESS_REVOKE;
	struct address address;
	char error[512];
	int r = address_from_server(options->server, &address);

	if (r < 0 || !address_path(&address)) {
		fprintf(stderr, "xsocket-server: %s: %s\n", options->server,
			r < 0 ? strerror(-r) : "an abstract name has no access list");
		return EXIT_USAGE;
	}
	if (access_change(address_path(&address), change, options->who, options->n_who, error,
		    sizeof(error)) < 0) {
		fprintf(stderr, "xsocket-server: %s\n", error);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* ---- steps of the start ---- */

static int find_address(struct process *process)
{
	const char *server = process->options.server;
	int r = address_from_server(server, &process->address);

	if (r == 0)
		return 0;
	log_message(LOG_ERR, "SERVER \"%s\": %s", server,
		r == -ENAMETOOLONG ? "longer than the 107 bytes of a Unix socket's path"
				   : "not a usable name");
	return EXIT_USAGE;
}

static int open_listeners(struct process *process)
{
	struct broker *broker = &process->broker;
	const char *server = process->options.server;
	char error[512];
	int n = listen_inherited(&broker->listeners, error, sizeof(error)), r;

	if (n < 0)
		return fail(EXIT_FAILURE, error);
	if (n > 0) {
		if (server)
			return fail(EXIT_USAGE,
				"the service manager passed sockets, so no SERVER can be named");
		broker->n_listeners = (unsigned)n;
		r = listen_address(broker->listeners[0], &process->address);
		return r < 0 ? fail(EXIT_FAILURE, strerror(-r)) : 0;
	}
	r = find_address(process);
	if (r != 0)
		return r;
	broker->listeners = malloc(sizeof(*broker->listeners));
	if (!broker->listeners)
		return fail(EXIT_FAILURE, strerror(ENOMEM));
	broker->listeners[0] = unixlisten_open(
		&process->address, SOCK_SEQPACKET, 0600, error, sizeof(error));
	if (broker->listeners[0] < 0)
		return fail(EXIT_FAILURE, error);
	broker->n_listeners = 1;
	process->own_socket = true;
	return 0;
}

static int give_access(const struct process *process)
{
	const struct options *options = &process->options;
	const char *path = address_path(&process->address);
	char error[512];

	if (options->n_who == 0)
		return 0;
	if (!path)
		return fail(EXIT_USAGE, "an abstract name has no access list: no --allow-user, "
					"no --allow-group");
	if (access_change(path, ACCESS_GRANT, options->who, options->n_who, error, sizeof(error)) < 0)
		return fail(EXIT_FAILURE, error);
	return 0;
}

/* NAME of /run/xsocket/NAME has /etc/xsocket/NAME.conf; other sockets have no file of their own. */
static void find_config(struct process *process)
{
	static const char prefix[] = ADDRESS_DIRECTORY "/";
	const char *path = address_path(&process->address);

	if (process->options.config)
		snprintf(process->config_path, sizeof(process->config_path), "%s",
			process->options.config);
	else if (path && strncmp(path, prefix, strlen(prefix)) == 0)
		snprintf(process->config_path, sizeof(process->config_path),
			CONFIG_DIRECTORY "/%s.conf", path + strlen(prefix));
}

static int read_config(struct process *process)
{
	char error[512];
	int r;

	process->broker.config = config_default();
	if (!process->config_path[0])
		return 0;
	r = config_load(process->config_path, &process->broker.config, error, sizeof(error));
	if (r == 0 || (r == -ENOENT && !process->options.config))
		return 0;
	return fail(EX_CONFIG, error);
}

/* --check */
static int check(struct process *process)
{
	int r = find_address(process);

	if (r != 0)
		return r;
	find_config(process);
	if (!process->config_path[0])
		return fail(EXIT_USAGE, "only brokers in " ADDRESS_DIRECTORY
					" have a configuration by default: name one by --config");
	r = read_config(process);
	if (r == 0)
		printf("%s: %s\n", process->config_path,
			access(process->config_path, F_OK) == 0 ? "fine"
								: "not there, defaults hold");
	return r;
}

static int enter_netns(struct process *process)
{
	char error[512];

	if (!process->options.netns)
		return 0;
	if (netns_enter(process->options.netns, &process->netns, error, sizeof(error)) < 0)
		return fail(EXIT_FAILURE, error);
	return 0;
}

/*
 * A client's socket() waits for the broker, which takes microseconds: the broker should have the CPU
 * first. It also keeps the scheduler from switching back and forth between the two packets of an
 * answer (docs/BENCHMARKS.md). A service manager's choice (Nice=) stands; without the right to
 * this it goes without.
 */
static void raise_priority(void)
{
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) == 0 && errno == 0)
		setpriority(PRIO_PROCESS, 0, -5);
}

/* A handed-out socket needs no right of ours, and neither does anything else from here on. */
static int give_up_privileges(void)
{
	char error[256];

	if (privileges_keep(0, error, sizeof(error)) < 0)
		return fail(EXIT_FAILURE, error);
	return 0;
}

/*
 * Each connection is a descriptor. And descriptors in flight, which count against our user, may be
 * as many as we may have open (unix(7), ETOOMANYREFS). No client's user gets more than a small part
 * of them: brokers of several namespaces may run as one user.
 */
static void raise_limits(struct broker *broker)
{
	broker->user_descriptors = privileges_raise_descriptors() / 8;
	if (broker->user_descriptors == 0)
		broker->user_descriptors = 1;
}

static int prepare_broker(struct process *process)
{
	struct broker *broker = &process->broker;

	broker->netns = &process->netns;
	files_of_netns(&process->netns, &broker->files);
	broker->users = user_table_new();
	broker->control = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	broker->spare = open("/", O_PATH | O_CLOEXEC);
	if (!broker->users || broker->control < 0 || broker->spare < 0)
		return fail(EXIT_FAILURE, strerror(errno));
	if (sched_getaffinity(0, sizeof(broker->cpus), &broker->cpus) < 0) {
		CPU_ZERO(&broker->cpus);
		CPU_SET(0, &broker->cpus);
	}
	atomic_store(&broker->trimmed, UINT32_MAX); /* not since the start */
	raise_limits(broker);
	pthread_mutex_init(&broker->config_lock, NULL);
	pthread_mutex_init(&broker->spare_lock, NULL);
	pthread_mutex_init(&broker->workers_lock, NULL);
	return 0;
}

static void block_signals(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void ready(void *data)
{
	const struct process *process = data;
	char text[ADDRESS_TEXT_SIZE];

	log_message(LOG_INFO, "ready: %s hands out sockets of %s",
		address_text(&process->address, text),
		process->netns.path[0] ? process->netns.path : "the namespace it was started in");
}

static int serve(struct process *process)
{
	struct control_options control = {
		.config_path = process->config_path,
		.config_required = process->options.config,
		.ready = ready,
		.ready_data = process,
	};
	int r = control_run(&process->broker, &control);

	if (r < 0) {
		log_message(LOG_ERR, "the broker cannot run: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return r == BROKER_ABANDON ? EX_TEMPFAIL : EXIT_SUCCESS;
}

static int start(struct process *process)
{
	int r = open_listeners(process);

	block_signals(); /* until here they end us as usual */
	if (r == 0)
		r = give_access(process);
	if (r == 0) {
		find_config(process);
		r = read_config(process);
	}
	if (r == 0)
		r = enter_netns(process);
	if (r == 0) {
		raise_priority();
		r = give_up_privileges();
	}
	if (r == 0)
		r = prepare_broker(process);
	return r == 0 ? serve(process) : r;
}

static void process_free(struct process *process)
{
	struct broker *broker = &process->broker;

	if (process->own_socket)
		unixlisten_remove(&process->address, SOCK_SEQPACKET, broker->listeners[0]);
	for (unsigned i = 0; i < broker->n_listeners; i++)
		close_fd(&broker->listeners[i]);
	free(broker->listeners);
	user_table_free(broker->users);
	close_fd(&broker->control);
	close_fd(&broker->spare);
	free(process->options.who);
}

int main(int argc, char **argv)
{
	static struct process process = {.broker = {.control = -1, .spare = -1}};
	int r = options_parse(argc, argv, &process.options);

	if (r != 0)
		return r - 1;
	if (process.options.mode == OPTIONS_GRANT || process.options.mode == OPTIONS_REVOKE) {
		r = change_access(&process.options);
		free(process.options.who);
		return r;
	}
	log_open();
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1); /* threads that allocate little need no arenas of their own */
#endif
	if (process.options.mode == OPTIONS_CHECK) {
		r = check(&process);
	} else {
		r = start(&process);
	}
	process_free(&process);
	return r;
}
