/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_LIB_CLIENT_H
#define XSOCKET_LIB_CLIENT_H

/*
 * What xsocket.h is made of, for libraries that are preloaded: the same without malloc(3), in a
 * struct that the caller provides, static or of a thread, and with negative errno values.
 *
 * Nothing here allocates, locks, logs or reads the environment, and errno may be changed. All of it
 * is safe in a child after fork(2). client_once_*(), client_socket(), client_sockets() and
 * client_file() are safe in signal handlers, too, also in one that interrupted a call with the same
 * client: it finds the client busy, and is served by a connection of its own. The others are not,
 * for the same client. A client is for one thread at a time.
 *
 * The caller holds back cancellation (common/cancel.h). SERVER is as in common/address.h: NULL is
 * the default broker, whatever the context (lib/context.h), and "." is -EINVAL.
 *
 * Errors are those of xsocket.h.
 */

#include "common/address.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/* One connection. The members are client.c's. */
struct xsocket_client {
	struct address address;
	atomic_flag busy;
	int fd;		  /* -1: not connected */
	int lowest_fd;	  /* as in struct exchange */
	uint64_t cookie;  /* SO_COOKIE of fd */
	int64_t armed_ms; /* as in struct exchange */
	pid_t pid;	  /* whose fd it is */
};

/*
 * Makes a client of any memory. Nothing is opened: the first request connects. The connection gets
 * a number of lowest_fd or more (0: any), so that it is not in the way of a program that counts on
 * low ones; where none is left up there, or the limit is below, it gets any.
 *
 * Returns 0, -EINVAL or -ENAMETOOLONG, which are about SERVER.
 */
int client_init(struct xsocket_client *client, const char *server, int lowest_fd);

/* Connects now, to see an error early. Returns 0 or a negative errno. */
int client_connect(struct xsocket_client *client);

/*
 * As xsocket_client_socket() and xsocket_client_sockets(): a descriptor, or how many; or a negative
 * errno. type may have SOCK_CLOEXEC and SOCK_NONBLOCK.
 */
int client_socket(struct xsocket_client *client, int domain, int type, int protocol);
int client_sockets(
	struct xsocket_client *client, int domain, int type, int protocol, int *fds, unsigned n);

/* As xsocket_client_resolver_file(). */
int client_file(struct xsocket_client *client, int file);

/* Closes the connection, if it still is the client's. The client can be used again, or forgotten. */
void client_close(struct xsocket_client *client);

/*
 * As xsocket() and xsocket_resolver_file(), by a connection that is opened and closed here. The
 * descriptor is the lowest number that was free.
 */
int client_once_socket(const char *server, int domain, int type, int protocol);
int client_once_file(const char *server, int file);

#endif
