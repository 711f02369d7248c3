/* SPDX-License-Identifier: MIT */
#include "daemon/notify.h"

#include <systemd/sd-daemon.h>
#include <time.h>

void notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

bool watchdog_ask(atomic_uint *asked, atomic_uint *answered, unsigned round)
{
	if (atomic_load(answered) != atomic_load(asked))
		return false;
	atomic_store(asked, round);
	return true;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *data)
{
	struct watchdog *watchdog = data;

	sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &usec);
	watchdog->round++;
	if (watchdog->alive(watchdog->data, watchdog->round))
		sd_notify(0, "WATCHDOG=1");
	sd_event_source_set_time(source, usec + watchdog->usec / 3);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int watchdog_start(struct watchdog *watchdog, sd_event *event)
{
	if (sd_watchdog_enabled(0, &watchdog->usec) <= 0)
		return 0;
	return sd_event_add_time(event, NULL, CLOCK_MONOTONIC, 0, 0, on_watchdog, watchdog);
}
