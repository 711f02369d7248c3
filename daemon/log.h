/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_DAEMON_LOG_H
#define XSOCKET_DAEMON_LOG_H

/*
 * One line per event: to the journal where stderr is connected to it (JOURNAL_STREAM,
 * systemd.exec(5)), else to stderr behind the program's name.
 *
 * Messages are written by any thread. What others can cause is rate limited; how many lines were
 * left out is said with the next one that is not.
 */

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>
#include <syslog.h>

/* Looks where stderr goes. To be called first, before there are threads. */
void log_open(void);

/* Whether messages go to the journal, for those who add fields to them. */
bool log_to_journal(void);

/* A message. Not rate limited. priority: LOG_ERR, ... of syslog(3). */
__attribute__((format(printf, 2, 3))) void log_message(int priority, const char *format, ...);

/* What one kind of message has used up. */
struct log_limit {
	pthread_mutex_t lock;
	time_t since;
	unsigned lines, left_out;
};

#define LOG_LIMIT_INIT {.lock = PTHREAD_MUTEX_INITIALIZER}

/* Whether a line of this kind may be written now; and how many were left out since the last one. */
bool log_limit_pass(struct log_limit *limit, unsigned *ret_left_out);

/*
 * A message of a kind that others can cause: not written where there were too many. kind names it
 * in the line that tells how many were left out.
 */
__attribute__((format(printf, 4, 5))) void log_limited(
	struct log_limit *limit, const char *kind, int priority, const char *format, ...);

#endif
