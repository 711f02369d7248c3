/* SPDX-License-Identifier: MIT */
/*
 * pthread_setcancelstate(3) is not enough with glibc: pthread_cancel(3) looks whether the thread
 * may be ended at once, and then sends it a signal. If that arrives after the state was changed,
 * in a call that is a cancellation point, the handler ends the thread all the same, since it looks
 * at the type only, which glibc changes in such calls (2.36, sigcancel_handler). So the signal is
 * blocked as well; by a system call of our own, as glibc's functions leave this signal out.
 *
 * With musl the state is enough. But a signal that arrives meanwhile is spent, and to allow
 * cancellation again does not look whether there was one, as it does with glibc. A thread that may
 * be cancelled at any moment, and comes to no cancellation point any more, would go on for ever.
 * What looks is pthread_setcanceltype(3).
 */
#include "common/cancel.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__
#define SIGNAL_CANCEL 32 /* of glibc's own, its first */
#define SIGNAL_BYTES  (_NSIG / 8)

static void block_signal(sigset_t *ret)
{
	sigset_t set;

	sigemptyset(&set);
	/* sigaddset(3) refuses to. */
	set.__val[0] = 1UL << (SIGNAL_CANCEL - 1);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, ret, SIGNAL_BYTES);
}

static void restore_signals(const sigset_t *signals)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, signals, NULL, SIGNAL_BYTES);
}

static void catch_up(void) {}
#else
static void block_signal(sigset_t *ret)
{
	sigemptyset(ret);
}

static void restore_signals(const sigset_t *signals)
{
}

/* Only who asked for it, by the type, is ended here. */
static void catch_up(void)
{
	int type;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	pthread_setcanceltype(type, NULL);
}
#endif

void cancel_hold(struct cancel *ret)
{
	int saved_errno = errno;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ret->state);
	block_signal(&ret->signals);
	errno = saved_errno;
}

void cancel_release(const struct cancel *held)
{
	int saved_errno = errno;

	restore_signals(&held->signals);
	errno = saved_errno;
	pthread_setcancelstate(held->state, NULL);
	if (held->state == PTHREAD_CANCEL_ENABLE)
		catch_up();
}
