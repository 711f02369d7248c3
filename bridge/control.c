/* SPDX-License-Identifier: MIT */
/*
 * The main thread: what is rare and not about one connection. An sd-event loop for
 *
 *   SIGTERM, SIGINT   take no new connections, wait for the last one to end, but not longer than
 *                     DrainTimeoutSec=; a second one ends at once
 *   SIGHUP            read the plan again; what is wrong changes nothing
 *   SIGUSR1           counters to the log
 *   a worker's word   (the eventfd bridge->control) that it is done, or that the phase was raised
 *   the mount table   namespaces may have been deleted or made again
 *   a timer           one that is there again has no address to listen at yet
 *   the watchdog      WATCHDOG=1 goes out as long as every worker answers, too
 *   a timer           STATUS=, when it has changed
 */
#include "bridge/control.h"

#include "bridge/counters.h"
#include "bridge/table.h"

#include "daemon/log.h"
#include "daemon/netns.h"
#include "daemon/notify.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define SECOND 1000000ULL /* sd-event counts microseconds */

#define STATUS_USEC (3 * SECOND)
#define AGAIN_USEC  (SECOND / 4)
#define END_USEC    (10 * SECOND) /* that closing takes at most, after the limit */

struct control {
	struct bridge *bridge;
	const struct control_options *options;
	sd_event *event;
	sd_event_source *again; /* looks at namespaces once more, if it could be armed */
	struct watchdog watchdog;
	bool draining;
	char status[512]; /* that was told last */
};

static void notify_status(struct control *control)
{
	char counters[sizeof(control->status) - 32], status[sizeof(control->status)];

	snprintf(status, sizeof(status), "%s%s", control->draining ? "Draining: " : "",
		counters_status(control->bridge, counters, sizeof(counters)));
	if (strcmp(status, control->status) == 0)
		return;
	strcpy(control->status, status);
	sd_notifyf(0, "STATUS=%s", status);
}

/* ---- the end ---- */

static int end(struct control *control)
{
	bridge_end(control->bridge, BRIDGE_END);
	return sd_event_exit(control->event, 0);
}

static int on_drained(sd_event_source *source, uint64_t usec, void *data)
{
	struct control *control = data;
	unsigned left = atomic_load(&control->bridge->connections);

	log_message(LOG_WARNING,
		"%u connection%s did not end within %u s of being told to end: closed", left,
		left == 1 ? "" : "s", control->bridge->plan.drain_timeout_s);
	return end(control);
}

/* The phase is BRIDGE_DRAIN. systemd waits as long as it is told, whatever TimeoutStopSec= is. */
static int drain(struct control *control)
{
	uint32_t limit_s = control->bridge->plan.drain_timeout_s;
	unsigned left = atomic_load(&control->bridge->connections);
	int r;

	control->draining = true;
	if (limit_s == 0)
		return end(control);
	sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu", limit_s * SECOND + END_USEC);
	r = sd_event_add_time_relative(
		control->event, NULL, CLOCK_MONOTONIC, limit_s * SECOND, 0, on_drained, control);
	if (r < 0)
		return end(control);
	if (left > 0)
		log_message(LOG_INFO, "draining: waiting for %u connection%s", left,
			left == 1 ? "" : "s");
	notify_status(control);
	return 0;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct control *control = data;
	unsigned left = atomic_load(&control->bridge->connections);

	if (!control->draining) {
		bridge_end(control->bridge, BRIDGE_DRAIN);
		return drain(control);
	}
	log_message(LOG_WARNING, "told to end again: %u connection%s closed", left,
		left == 1 ? " is" : "s are");
	return end(control);
}

static int on_worker(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct control *control = data;
	eventfd_t value;

	eventfd_read(fd, &value);
	if (atomic_load(&control->bridge->phase) == BRIDGE_SERVE)
		return 0;
	if (atomic_load(&control->bridge->running) == 0)
		return end(control);
	return control->draining ? 0 : drain(control);
}

/* ---- namespaces ---- */

static void follow(struct control *control)
{
	if (control->draining || !table_follow(control->bridge) || !control->again)
		return;
	sd_event_source_set_time_relative(control->again, AGAIN_USEC);
	sd_event_source_set_enabled(control->again, SD_EVENT_ONESHOT);
}

static int on_mounts(sd_event_source *source, int fd, uint32_t events, void *data)
{
	follow(data);
	return 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
	follow(data);
	return 0;
}

/* Without it the names are looked at when a socket is asked for. */
static void watch_mounts(struct control *control)
{
	int fd = netns_watch();

	if (fd >= 0 && sd_event_add_io(control->event, NULL, fd, EPOLLPRI, on_mounts, control) < 0)
		close(fd);
	/* else it lives as long as the process */
	if (sd_event_add_time_relative(
		    control->event, &control->again, CLOCK_MONOTONIC, 0, 0, on_again, control) >= 0)
		sd_event_source_set_enabled(control->again, SD_EVENT_OFF);
}

/* ---- signs of life ---- */

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct control *control = data;
	struct plan plan = plan_default();
	char error[1024] = "there is no --config file to read again";
	int r = -ENOENT;

	if (atomic_load(&control->bridge->phase) != BRIDGE_SERVE)
		return 0;
	notify_reloading();
	if (control->options->reload)
		r = control->options->reload(control->options->data, &plan, error, sizeof(error));
	if (r == 0)
		r = table_replace(control->bridge, &plan, error, sizeof(error));
	plan_free(&plan);
	if (r < 0)
		log_message(LOG_ERR, "%s; everything stays as it was", error);
	else
		log_message(LOG_INFO, "configuration read again");
	sd_notify(0, "READY=1");
	notify_status(control);
	return 0;
}

static int on_counters(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct control *control = data;

	counters_log(control->bridge);
	return 0;
}

static int on_status(sd_event_source *source, uint64_t usec, void *data)
{
	struct control *control = data;

	notify_status(control);
	sd_event_source_set_time_relative(source, STATUS_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static bool alive(void *data, unsigned round)
{
	struct bridge *bridge = data;

	for (unsigned i = 0; i < bridge->n_workers; i++) {
		struct worker *worker = &bridge->workers[i];

		if (!watchdog_ask(&worker->asked, &worker->answered, round))
			return false;
		worker_wake(worker);
	}
	return true;
}

/* ---- */

static int add_sources(struct control *control)
{
	static const struct {
		int signal;
		sd_event_signal_handler_t handler;
	} signals[] = {
		{SIGTERM, on_end},
		{SIGINT, on_end},
		{SIGHUP, on_reload},
		{SIGUSR1, on_counters},
	};
	sd_event *event = control->event;
	int r;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		r = sd_event_add_signal(
			event, NULL, signals[i].signal, signals[i].handler, control);
		if (r < 0)
			return r;
	}
	r = sd_event_add_io(event, NULL, control->bridge->control, EPOLLIN, on_worker, control);
	if (r < 0)
		return r;
	watch_mounts(control);
	/* nobody reads it where there is no service manager */
	if (getenv("NOTIFY_SOCKET")) {
		r = sd_event_add_time_relative(
			event, NULL, CLOCK_MONOTONIC, STATUS_USEC, SECOND / 2, on_status, control);
		if (r < 0)
			return r;
	}
	return watchdog_start(&control->watchdog, event);
}

int control_run(struct bridge *bridge, const struct control_options *options)
{
	struct control control = {
		.bridge = bridge,
		.options = options,
		.watchdog = {.alive = alive, .data = bridge},
	};
	int r;

	r = sd_event_new(&control.event);
	if (r < 0)
		return r;
	r = add_sources(&control);
	if (r >= 0) {
		if (options->ready)
			options->ready(bridge);
		sd_notify(0, "READY=1");
		notify_status(&control);
		r = sd_event_loop(control.event);
		sd_notify(0, "STOPPING=1\nSTATUS=Ending");
	}
	bridge_end(bridge, BRIDGE_END);
	sd_event_source_unref(control.again);
	sd_event_unref(control.event);
	return r < 0 ? r : 0;
}
