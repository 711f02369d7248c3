/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_THREADS_H
#define XSOCKET_XREDIRECT_THREADS_H

#include <pthread.h>

/*
 * As pthread_create(3): the new thread begins with the contexts of this one. What a program does
 * in threads of its own, such as looking a name up, so goes where it would without them. Fails with
 * EAGAIN where there is no memory for that.
 */
int threads_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
	void *argument);

#endif
