/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XBIND_SOCKADDR_H
#define XSOCKET_XBIND_SOCKADDR_H

/* Internet addresses: for messages, as inet_ntop(3) without its stdio. Async-signal-safe. */

#include <sys/socket.h>

/* Length of a struct sockaddr_in6 without its scope, which the kernel still takes (RFC 2133). */
#define SOCKADDR_IN6_SHORT 24

#define SOCKADDR_TEXT_SIZE 80

/*
 * Writes ADDR:PORT, or [ADDR6]:PORT, with %INTERFACE where that is not NULL. Returns text. An
 * address of AF_UNSPEC is taken for one of AF_INET, as bind(2) does.
 */
const char *sockaddr_text(const struct sockaddr_storage *address, const char *interface,
	char text[SOCKADDR_TEXT_SIZE]);

#endif
