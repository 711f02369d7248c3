/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_SIGNALS_H
#define XSOCKET_COMMON_SIGNALS_H

/*
 * Keeps signal handlers from running in this thread for a moment, for what they must not interrupt.
 *
 * Not those of signals that a thread causes by what it does (SIGSEGV, SIGSYS of a seccomp filter,
 * SIGTRAP of a debugger ...): the kernel ends a process that blocks one of these and causes it.
 */

#include <signal.h>

/* *ret is what was held before, which signals_release() goes back to. errno is left alone. */
void signals_hold(sigset_t *ret);
void signals_release(const sigset_t *held);

#endif
