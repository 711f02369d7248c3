/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_CONTROL_H
#define XSOCKET_BRIDGE_CONTROL_H

/* The main thread of a running bridge. See control.c. */

#include "bridge/bridge.h"

struct control_options {
	/*
	 * SIGHUP: reads the plan again, which then is the caller's. Returns 0, or a negative errno
	 * and a message in error. NULL: there is no file, and SIGHUP changes nothing.
	 */
	int (*reload)(void *data, struct plan *ret, char *error, size_t error_size);
	void (*ready)(void *bridge); /* called once, before READY=1; may be NULL */
	void *data;
};

/*
 * Runs the event loop of a bridge whose workers run already (bridge_start()), until all of them
 * have ended or been told to: the caller joins them (bridge_join()). SIGTERM, SIGINT, SIGHUP and
 * SIGUSR1 must be blocked by the caller.
 *
 * Returns 0, or a negative errno when it could not begin.
 */
int control_run(struct bridge *bridge, const struct control_options *options);

#endif
