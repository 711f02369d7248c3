/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_REDIRECT_H
#define XSOCKET_XBIND_REDIRECT_H

/* bind(2) by the rules: on a socket of another network namespace, which replaces the program's. */

#include "xbind/config.h"

#include <sys/socket.h>

/*
 * As bind(2), with its return value and errno, which is left alone on success. A call that no rule
 * is about goes to the next bind in line, without a system call of our own.
 */
int redirect_bind(
	const struct config *config, int fd, const struct sockaddr *address, socklen_t length);

#endif
