/* SPDX-License-Identifier: MIT */
#include "common/signals.h"

#include <pthread.h>

void signals_hold(sigset_t *ret)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	sigset_t set;

	sigfillset(&set);
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&set, own[i]);
	/* Neither fails, and it is not errno that would say so. */
	pthread_sigmask(SIG_BLOCK, &set, ret);
}

void signals_release(const sigset_t *held)
{
	pthread_sigmask(SIG_SETMASK, held, NULL);
}
