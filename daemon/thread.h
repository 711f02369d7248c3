/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_THREAD_H
#define XSOCKET_DAEMON_THREAD_H

#include <pthread.h>
#include <stddef.h>

/*
 * Starts a thread with a stack of its own size, in bytes: there may be many. It gets no signals, as
 * these are the main thread's. Returns 0 or a negative errno: -EAGAIN (pthread_create(3)).
 */
int thread_start(pthread_t *ret, size_t stack_size, void *(*run)(void *data), void *data);

#endif
