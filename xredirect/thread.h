/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_THREAD_H
#define XSOCKET_XREDIRECT_THREAD_H

#include <pthread.h>
#include <threads.h>

/*
 * As pthread_create(3): the new thread begins with the contexts of this one. What a program does
 * in threads of its own, such as looking a name up, so goes where it would without them. Fails with
 * EAGAIN where there is no memory for that.
 */
int thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
	void *argument);

/* The same for thrd_create(3), which does not call pthread_create(3) in a way that shows. */
int thread_create_c11(thrd_t *thread, thrd_start_t start, void *argument);

#endif
