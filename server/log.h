/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_LOG_H
#define XSOCKET_SERVER_LOG_H

/*
 * One line per event: to the journal with fields where stderr is connected to it (JOURNAL_STREAM,
 * systemd.exec(5)), else to stderr.
 *
 * Messages are written by any thread. What clients can cause is rate limited, kind by kind; how
 * many lines were left out is said with the next one that is not.
 */

#include "server/policy.h"

#include <sys/types.h>
#include <syslog.h>

/* Looks where stderr goes. To be called first, before there are threads. */
void log_open(void);

/* A message without a client. Not rate limited. priority: LOG_ERR, ... of syslog(3). */
__attribute__((format(printf, 2, 3))) void log_message(int priority, const char *format, ...);

/* What clients can cause; each has its own limit. */
enum log_kind {
	LOG_KIND_GRANT,	 /* LOG_INFO */
	LOG_KIND_DENY,	 /* LOG_NOTICE */
	LOG_KIND_REFUSE, /* LOG_WARNING: no decision about a request, but a limit or an error */
	LOG_KINDS,
};

/*
 * A message about a client, whose connection (fd) is borrowed to find the unit it belongs to.
 * request may be NULL. Fields: XSOCKET_UID, _GID, _PID, _UNIT, _VERDICT (grant, deny, refuse) and
 * of the request _FAMILY, _TYPE, _PROTOCOL, _COUNT.
 */
__attribute__((format(printf, 6, 7))) void log_client(enum log_kind kind, int fd,
	const struct peer *peer, const struct policy_request *request, unsigned count,
	const char *format, ...);

#endif
