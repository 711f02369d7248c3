/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_PRIVILEGES_H
#define XSOCKET_DAEMON_PRIVILEGES_H

/* What a daemon may do, and that it may do no more than it must. */

#include <stddef.h>
#include <stdint.h>

/* A set of capabilities(7), as an argument of privileges_keep(). */
#define PRIVILEGES_BIT(capability) (UINT64_C(1) << (capability))

/*
 * Gives up all capabilities but those of a set, for this thread and those it makes later, and lets
 * no program that it executes gain any (no_new_privs, prctl(2)). What it has not got it does not
 * get.
 *
 * Returns 0, or a negative errno with a message in error.
 */
int privileges_keep(uint64_t set, char *error, size_t error_size);

/* Makes the soft limit of descriptors the hard one. Returns how many there may be. */
unsigned privileges_raise_descriptors(void);

#endif
