/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_RESOLVER_IDN_H
#define XSOCKET_RESOLVER_IDN_H

/*
 * Names in other letters than ASCII (RFC 5891), as they are written in the locale of the thread. As
 * libc, this has libidn2 do it, which is loaded when it is needed first.
 */

#include <stdbool.h>

/* Whether there is a libidn2. */
bool idn_possible(void);

/*
 * Converts a name to what DNS is asked for. Returns 0; *ret is to be freed, NULL where the name is
 * ASCII and stays as it is. Or EAI_IDN_ENCODE: it cannot be converted, or there is no libidn2; or
 * EAI_MEMORY.
 */
int idn_encode(const char *name, char **ret);

/* And back. Returns what is to be freed: a copy where there is nothing to convert; NULL: no memory.
 */
char *idn_decode(const char *name);

#endif
