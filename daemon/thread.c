/* SPDX-License-Identifier: MIT */
#include "daemon/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret, size_t stack_size, void *(*run)(void *data), void *data)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread begins with its maker's */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack_size);
	r = pthread_create(ret, &attr, run, data);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}
