/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_NOTIFY_H
#define XSOCKET_DAEMON_NOTIFY_H

/* What a service manager is told besides READY=1 (sd_notify(3)): a reload, and signs of life. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* Before the configuration is read again; READY=1 says that this is over. */
void notify_reloading(void);

struct watchdog {
	/* Whether all threads live; round is a number that is new each time. */
	bool (*alive)(void *data, unsigned round);
	void *data;

	/* notify.c's own */
	uint64_t usec;
	unsigned round;
};

/*
 * Sends WATCHDOG=1 three times in each WatchdogSec= (sd_watchdog_enabled(3)), unless alive() says
 * no. Does nothing where no manager wants that. watchdog is borrowed for as long as the event loop
 * runs. Returns 0 or a negative errno.
 */
int watchdog_start(struct watchdog *watchdog, sd_event *event);

/*
 * For alive(), and one thread: whether it has answered the question before this one, by storing in
 * *answered what it found in *asked. If so it is asked again, and is to be woken then.
 */
bool watchdog_ask(atomic_uint *asked, atomic_uint *answered, unsigned round);

#endif
