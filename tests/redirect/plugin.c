/* SPDX-License-Identifier: MIT */
/* A plug-in that makes a socket, connects it, and begins a thread that makes one: for plugins.c. */
#include "tests/redirect/program.h"

#include <pthread.h>

int plugin_socket(void);
int plugin_connect(int fd, const char *address, unsigned port);
int plugin_thread(void);

int plugin_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int plugin_connect(int fd, const char *address, unsigned port)
{
	return connect_to(fd, AF_INET, address, port);
}

static void *begin(void *data)
{
	*(int *)data = plugin_socket();
	return NULL;
}

/* The socket that a thread made. */
int plugin_thread(void)
{
	pthread_t thread;
	int fd = -1;

	if (pthread_create(&thread, NULL, begin, &fd) == 0)
		pthread_join(thread, NULL);
	return fd;
}
