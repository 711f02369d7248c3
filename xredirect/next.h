/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_NEXT_H
#define XSOCKET_XREDIRECT_NEXT_H

/* As preload/next.h, for the functions that only libxredirect stands in front of. */

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <threads.h>

int next_socket(int domain, int type, int protocol);
int next_connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t next_sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *address, socklen_t length);
ssize_t next_sendmsg(int fd, const struct msghdr *message, int flags);
int next_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);

int next_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
	void *argument);
int next_thrd_create(thrd_t *thread, thrd_start_t start, void *argument);

#endif
