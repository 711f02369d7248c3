/* SPDX-License-Identifier: MIT */
/*
 * The main thread: what is rare and not about one client. An sd-event loop for
 *
 *   SIGTERM, SIGINT   serve what was asked already, then end
 *   SIGHUP            read the configuration again; a broken one changes nothing
 *   a worker's word   (the eventfd broker->control) that the phase was raised
 *   the mount table   the namespace may have been deleted or made again
 *   the watchdog      WATCHDOG=1 goes out as long as every worker answers, too
 *
 * Workers watch the mount table, too, so that no client gets a socket of a dead namespace while this
 * thread is not yet awake.
 */
#include "server/control.h"

#include "daemon/log.h"
#include "daemon/notify.h"
#include "server/worker.h"
#include "server/workers.h"

#include "common/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

struct control {
	struct broker *broker;
	const struct control_options *options;
	sd_event *event;
	struct watchdog watchdog;
};

static void notify_status(const struct control *control)
{
	sd_notifyf(0, "STATUS=Handing out sockets of %s",
		control->broker->netns->path[0] ? control->broker->netns->path
						: "the namespace it was started in");
}

/* ---- the namespace ---- */

static int on_mounts(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct control *control = data;

	broker_check_netns(control->broker);
	return 0;
}

static int on_phase(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct control *control = data;
	eventfd_t value;

	eventfd_read(fd, &value);
	if (atomic_load(&control->broker->phase) == BROKER_ABANDON)
		log_message(LOG_NOTICE,
			"network namespace %s was deleted or made again: ending, its sockets are of no more use",
			control->broker->netns->path);
	return sd_event_exit(control->event, 0);
}

/* ---- signals ---- */

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct control *control = data;

	broker_end(control->broker, BROKER_FINISH);
	return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct control *control = data;
	struct broker *broker = control->broker;
	struct config config = config_default();
	char error[512];
	int r = -ENOENT;

	notify_reloading();
	if (control->options->config_path[0])
		r = config_load(control->options->config_path, &config, error, sizeof(error));
	if (r == 0 || (r == -ENOENT && !control->options->config_required)) {
		pthread_mutex_lock(&broker->config_lock);
		broker->config = config;
		atomic_fetch_add(&broker->config_generation, 1);
		pthread_mutex_unlock(&broker->config_lock);
		log_message(LOG_INFO, "configuration read again: %s",
			r == 0 ? control->options->config_path : "there is none, defaults hold");
	} else {
		log_message(LOG_ERR, "%s; the configuration stays as it was", error);
	}
	sd_notify(0, "READY=1");
	notify_status(control);
	return 0;
}

/* ---- watchdog ---- */

static bool alive(void *data, unsigned round)
{
	struct broker *broker = data;

	broker_check_netns(broker);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		struct worker *worker = atomic_load(&broker->workers[cpu]);

		if (!worker)
			continue;
		if (!watchdog_ask(&worker->asked, &worker->answered, round))
			return false;
		worker_wake(worker);
	}
	return true;
}

/* ---- */

static int add_sources(struct control *control)
{
	static const int enders[] = {SIGTERM, SIGINT};
	sd_event *event = control->event;
	int r, fd;

	for (unsigned i = 0; i < 2; i++) {
		r = sd_event_add_signal(event, NULL, enders[i], on_end, control);
		if (r < 0)
			return r;
	}
	r = sd_event_add_signal(event, NULL, SIGHUP, on_reload, control);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, NULL, control->broker->control, EPOLLIN, on_phase, control);
	if (r < 0)
		return r;
	if (control->broker->netns->path[0]) {
		fd = netns_watch();
		if (fd < 0)
			return fd;
		/* fd lives as long as the process */
		r = sd_event_add_io(event, NULL, fd, EPOLLPRI, on_mounts, control);
		if (r < 0) {
			close(fd);
			return r;
		}
	}
	return watchdog_start(&control->watchdog, event);
}

static int start_worker(struct broker *broker)
{
	int here = sched_getcpu();

	if (here >= 0 && workers_for_cpu(broker, (unsigned)here))
		return 0;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (workers_for_cpu(broker, cpu))
			return 0;
	}
	return -EAGAIN;
}

int control_run(struct broker *broker, const struct control_options *options)
{
	struct control control = {
		.broker = broker,
		.options = options,
		.watchdog = {.alive = alive, .data = broker},
	};
	int r;

	r = sd_event_new(&control.event);
	if (r < 0)
		return r;
	r = add_sources(&control);
	if (r >= 0)
		r = start_worker(broker);
	if (r >= 0) {
		if (options->ready)
			options->ready(options->ready_data);
		sd_notify(0, "READY=1");
		notify_status(&control);
		r = sd_event_loop(control.event);
		sd_notify(0, "STOPPING=1\nSTATUS=Ending");
	}
	if (r < 0)
		broker_end(broker, BROKER_FINISH);
	workers_wake(broker);
	workers_join(broker);
	sd_event_unref(control.event);
	return r < 0 ? r : atomic_load(&broker->phase);
}
