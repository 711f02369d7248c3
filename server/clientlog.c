/* SPDX-License-Identifier: MIT */
#include "server/clientlog.h"

#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>

#ifdef HAVE_SD_JOURNAL
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

static struct log_limit limits[CLIENTLOG_KINDS] = {LOG_LIMIT_INIT, LOG_LIMIT_INIT, LOG_LIMIT_INIT};

static const char *family_name(int family, char *buffer, size_t size)
{
	switch (family) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_UNIX:
		return "unix";
	case AF_NETLINK:
		return "netlink";
	case AF_PACKET:
		return "packet";
	case AF_VSOCK:
		return "vsock";
	case AF_ALG:
		return "alg";
	}
	snprintf(buffer, size, "%d", family);
	return buffer;
}

static const char *type_name(int type, char *buffer, size_t size)
{
	switch (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) {
	case SOCK_STREAM:
		return "stream";
	case SOCK_DGRAM:
		return "dgram";
	case SOCK_RAW:
		return "raw";
	case SOCK_SEQPACKET:
		return "seqpacket";
	}
	snprintf(buffer, size, "%d", type);
	return buffer;
}

/* A message about a client in full, as it is written to stderr and into MESSAGE=. */
static void describe(char *line, size_t size, const char *verdict, const char *text,
	const struct peer *peer, const char *unit, const struct policy_request *request,
	unsigned count)
{
	char family[16], type[16], kind[96] = "";

	if (request)
		snprintf(kind, sizeof(kind), " family=%s type=%s protocol=%d count=%u",
			family_name(request->domain, family, sizeof(family)),
			type_name(request->type, type, sizeof(type)), request->protocol, count);
	snprintf(line, size, "%s: %s: uid=%u gid=%u pid=%d unit=%s%s", verdict, text, peer->uid,
		peer->gid, peer->pid, unit, kind);
}

static void write_client(int priority, const char *verdict, const char *line,
	const struct peer *peer, const char *unit, const struct policy_request *request,
	unsigned count)
{
#ifdef HAVE_SD_JOURNAL
	char family[16], type[16];

	if (log_to_journal() && request) {
		sd_journal_send("MESSAGE=%s", line, "PRIORITY=%d", priority, "XSOCKET_VERDICT=%s",
			verdict, "XSOCKET_UID=%u", peer->uid, "XSOCKET_GID=%u", peer->gid,
			"XSOCKET_PID=%d", peer->pid, "XSOCKET_UNIT=%s", unit, "XSOCKET_FAMILY=%s",
			family_name(request->domain, family, sizeof(family)), "XSOCKET_TYPE=%s",
			type_name(request->type, type, sizeof(type)), "XSOCKET_PROTOCOL=%d",
			request->protocol, "XSOCKET_COUNT=%u", count, NULL);
		return;
	}
	if (log_to_journal()) {
		sd_journal_send("MESSAGE=%s", line, "PRIORITY=%d", priority, "XSOCKET_VERDICT=%s",
			verdict, "XSOCKET_UID=%u", peer->uid, "XSOCKET_GID=%u", peer->gid,
			"XSOCKET_PID=%d", peer->pid, "XSOCKET_UNIT=%s", unit, NULL);
		return;
	}
#endif
	log_message(priority, "%s", line);
}

void clientlog_write(enum clientlog_kind kind, int fd, const struct peer *peer,
	const struct policy_request *request, unsigned count, const char *format, ...)
{
	static const struct {
		int priority;
		const char *verdict;
	} kinds[CLIENTLOG_KINDS] = {
		[CLIENTLOG_GRANT] = {LOG_INFO, "grant"},
		[CLIENTLOG_DENY] = {LOG_NOTICE, "deny"},
		[CLIENTLOG_REFUSE] = {LOG_WARNING, "refuse"},
	};
	const char *verdict = kinds[kind].verdict;
	char text[256], line[512], *unit = NULL;
	unsigned left_out;
	va_list args;

	if (!log_limit_pass(&limits[kind], &left_out))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (left_out > 0)
		log_message(kinds[kind].priority, "%u messages of kind \"%s\" left out", left_out,
			verdict);
	/* A user's own service first: its system unit is user@UID.service. */
	if (sd_peer_get_user_unit(fd, &unit) < 0 && sd_peer_get_unit(fd, &unit) < 0)
		unit = NULL;
	describe(line, sizeof(line), verdict, text, peer, unit ? unit : "-", request, count);
	write_client(kinds[kind].priority, verdict, line, peer, unit ? unit : "-", request, count);
	free(unit);
}
