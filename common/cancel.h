/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_CANCEL_H
#define XSOCKET_COMMON_CANCEL_H

/*
 * Keeps pthread_cancel(3) from ending a thread in the middle of something, whatever the thread has
 * allowed. What arrives meanwhile takes effect afterwards.
 */

#include <signal.h>

struct cancel {
	int state;
	sigset_t signals;
};

/* cancel_hold() may be called again before cancel_release(). Both leave errno alone. */
void cancel_hold(struct cancel *ret);
void cancel_release(const struct cancel *held);

#endif
