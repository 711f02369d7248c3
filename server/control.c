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
#include <time.h>

struct control {
	struct broker *broker;
	const struct control_options *options;
	sd_event *event;
	uint64_t watchdog_usec;
	unsigned round; /* of the watchdog */
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
	struct timespec now;
	char error[512];
	int r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
	r = -ENOENT;
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

static bool workers_alive(struct control *control)
{
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		struct worker *worker = atomic_load(&control->broker->workers[cpu]);

		if (!worker)
			continue;
		if (atomic_load(&worker->answered) != atomic_load(&worker->asked))
			return false;
		atomic_store(&worker->asked, control->round);
		worker_wake(worker);
	}
	return true;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *data)
{
	struct control *control = data;

	sd_event_now(control->event, CLOCK_MONOTONIC, &usec);
	control->round++;
	if (workers_alive(control))
		sd_notify(0, "WATCHDOG=1");
	broker_check_netns(control->broker);
	sd_event_source_set_time(source, usec + control->watchdog_usec / 3);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
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
	if (sd_watchdog_enabled(0, &control->watchdog_usec) > 0)
		return sd_event_add_time(event, NULL, CLOCK_MONOTONIC, 0, 0, on_watchdog, control);
	return 0;
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
	struct control control = {.broker = broker, .options = options};
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
