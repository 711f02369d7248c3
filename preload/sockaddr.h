/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SOCKADDR_H
#define XSOCKET_PRELOAD_SOCKADDR_H

/* Internet addresses, as hooks are given them and tell them. Async-signal-safe. */

#include <stdbool.h>
#include <sys/socket.h>

/* Length of a struct sockaddr_in6 without its scope, which the kernel still takes (RFC 2133). */
#define SOCKADDR_IN6_SHORT 24

#define SOCKADDR_TEXT_SIZE 80

/*
 * Copies all of an address that a program gave, of which the first bytes, sizeof(struct sockaddr),
 * are known to be there. Returns false where the kernel would not take it.
 */
bool sockaddr_copy(const struct sockaddr *address, socklen_t length, struct sockaddr_storage *ret);

/*
 * As inet_ntop(3) without its stdio: writes ADDR:PORT, or [ADDR6]:PORT, with %INTERFACE where that
 * is not NULL. Returns text. An address of AF_UNSPEC is taken for one of AF_INET, as bind(2) does.
 */
const char *sockaddr_text(const struct sockaddr_storage *address, const char *interface,
	char text[SOCKADDR_TEXT_SIZE]);

#endif
