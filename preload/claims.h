/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_CLAIMS_H
#define XSOCKET_PRELOAD_CLAIMS_H

/*
 * That one thread at a time replaces a socket, and no signal handler while it interrupts that.
 * Nobody waits: who comes second is told so.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * Claims the socket with this SO_COOKIE. Returns false if it is being replaced already, by another
 * thread or by what this signal handler interrupted; otherwise *ret is for claims_release().
 */
bool claims_take(uint64_t cookie, uint64_t *ret);

/* Safe for what claims_take() left there in any case, and for 0. */
void claims_release(const uint64_t *claim);

#define _cleanup_claim_ __attribute__((cleanup(claims_release)))

#endif
