/* SPDX-License-Identifier: MIT */
/*
 * The functions that look names up, as programs see them. What they do is in names.c.
 */
#include "xredirect/names.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	return names_getaddrinfo(node, service, hints, ret);
}
