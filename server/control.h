/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_CONTROL_H
#define XSOCKET_SERVER_CONTROL_H

/* The main thread of a running broker. See control.c. */

#include "server/broker.h"

struct control_options {
	const char *config_path; /* read again at SIGHUP */
	bool config_required;	 /* the file must exist */
	void (*ready)(void *);	 /* called once, when everything runs; may be NULL */
	void *ready_data;
};

/*
 * Runs the workers and the event loop until a signal or the namespace's end. SIGTERM, SIGINT and
 * SIGHUP must be blocked by the caller.
 *
 * Returns the phase that it ended by, or a negative errno when it could not begin.
 */
int control_run(struct broker *broker, const struct control_options *options);

#endif
