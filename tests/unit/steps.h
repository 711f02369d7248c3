/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_STEPS_H
#define XSOCKET_TESTS_STEPS_H

/*
 * A handler of SIGTRAP that is called after each instruction of a thread, but not within itself:
 * what may interrupt a call does so everywhere. Where HAVE_STEPS is not defined there is no such
 * thing.
 */

/* ThreadSanitizer delivers signals when it suits it. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define HAVE_STEPS

#define STEPS_BELOW_RED_ZONE(change)                                                               \
	"lea -128(%%rsp), %%rsp; pushfq; " change "; popfq; lea 128(%%rsp), %%rsp"

static inline void steps_begin(void)
{
	__asm__ volatile(STEPS_BELOW_RED_ZONE("orq $0x100, (%%rsp)")::: "cc", "memory");
}

static inline void steps_end(void)
{
	__asm__ volatile(STEPS_BELOW_RED_ZONE("andq $~0x100, (%%rsp)")::: "cc", "memory");
}
#endif

#endif
