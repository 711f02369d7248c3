/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_CLIENTLOG_H
#define XSOCKET_SERVER_CLIENTLOG_H

/* Messages about clients, with fields where they go to the journal: daemon/log.h. */

#include "server/policy.h"

/* What clients can cause; each has its own limit. */
enum clientlog_kind {
	CLIENTLOG_GRANT,  /* LOG_INFO */
	CLIENTLOG_DENY,   /* LOG_NOTICE */
	CLIENTLOG_REFUSE, /* LOG_WARNING: no decision about a request, but a limit or an error */
	CLIENTLOG_KINDS,
};

/*
 * A message about a client, whose connection (fd) is borrowed to find the unit it belongs to.
 * request may be NULL. Fields: XSOCKET_UID, _GID, _PID, _UNIT, _VERDICT (grant, deny, refuse) and
 * of the request _FAMILY, _TYPE, _PROTOCOL, _COUNT.
 */
__attribute__((format(printf, 6, 7))) void clientlog_write(enum clientlog_kind kind, int fd,
	const struct peer *peer, const struct policy_request *request, unsigned count,
	const char *format, ...);

#endif
