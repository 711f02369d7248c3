/* SPDX-License-Identifier: MIT */
/*
 * Errors are reported by the next call on a socket, and kept with their details in a queue of their
 * own. What the target's side reports is passed on to the client and, where nobody listens there
 * (ECONNREFUSED), ends the session. When a reply meets a client that is gone, its session ends: its
 * socket is closed, and the target gets an ICMP message of its own for whatever it sends next.
 */
#include "bridge/udp-relay.h"

#include "bridge/bridge.h"
#include "bridge/sockopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_MAX 10 /* sessions of a forward that end for that in REFUSED_MS */
#define REFUSED_MS  1000
#define ERRORS_MAX  64 /* of one wake-up */
#define BUDGET	    (2 * INTAKE_MAX) /* of one wake-up */
#define ECN	    3
#define CONTROL_MAX (2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo)))

_Static_assert(CONTROL_MAX + CMSG_SPACE(sizeof(uint16_t)) <= GSO_CONTROL, "too long");

static void count(atomic_ullong *counter, unsigned long long n)
{
	if (n > 0)
		atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ---- errors of the target's side ---- */

/* Whether the next of the target's addresses may do better. */
static bool has_another(const struct session *session)
{
	const struct udp_forward *owner = session->owner;

	return !session->answered && session->attempt + 1 < owner->n_addresses;
}

static void tell_client(const struct session *session, const struct bounce *bounce)
{
	struct netaddr client = session_client(&session->key), local = session_local(&session->key);

	bounce_send(&session->owner->listener->bounces, bounce, &client, &local,
		session->header_length);
}

/* Whether that ends the session. */
static bool is_fatal(const struct session *session, int error)
{
	switch (error) {
	case ECONNREFUSED:
		return true;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EACCES:
	case ENOPROTOOPT:
		return !session->answered;
	}
	return false;
}

static void end_by(struct worker *worker, struct session *session, int error)
{
	struct udp_forward *owner = session->owner;

	if (has_another(session)) {
		owner->attempt = session->attempt + 1;
		udp_session_end(worker, session);
		return;
	}
	if (!session->answered)
		owner->attempt = 0;
	udp_session_fail(worker, session, error);
}

/*
 * Clients that go on sending although they are refused must not make a session for each datagram.
 */
static bool goes_on(const struct worker *worker, struct udp_forward *forward)
{
	if (worker->now - forward->refused_since >= REFUSED_MS) {
		forward->refused_since = worker->now;
		forward->refused = 0;
	}
	return ++forward->refused > REFUSED_MAX;
}

/* error: what a call said, or 0. Returns whether the session goes on. */
static bool take_errors(struct worker *worker, struct session *session, int error)
{
	int fatal = 0;
	struct bounce bounce;

	for (int i = 0; i < ERRORS_MAX && bounce_receive(session->watch.fd, &bounce) == 0; i++) {
		if (bounce.error == error)
			error = 0;
		if (is_fatal(session, bounce.error))
			fatal = bounce.error;
		else if (bounce.of_network)
			tell_client(session, &bounce);
	}
	/* Of this machine's own: there is no way to the target. */
	if (!fatal && is_fatal(session, error))
		fatal = error;
	if (!fatal)
		return true;
	if (fatal == ECONNREFUSED && !has_another(session) && goes_on(worker, session->owner)) {
		tell_client(session, &(struct bounce){.error = fatal});
		return true;
	}
	end_by(worker, session, fatal);
	return false;
}

/* ---- client to target ---- */

static bool carries_other(const struct session *session, const struct intake_info *info)
{
	const struct endpoint *connect = &session->owner->forward->plan.connect;

	return (connect->tos == ENDPOINT_CARRY && (info->tos & ~ECN) != session->tos) ||
		(connect->ttl == ENDPOINT_CARRY && info->ttl != session->ttl);
}

static void carry(struct session *session, const struct intake_info *info)
{
	const struct endpoint *connect = &session->owner->forward->plan.connect;
	uint8_t tos = info->tos & (uint8_t)~ECN;
	int fd = session->watch.fd, family = AF_INET;
	socklen_t length = sizeof(family);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
	if (connect->tos == ENDPOINT_CARRY) {
		session->tos = tos;
		sockopt_set_tos(fd, family, tos);
	}
	if (connect->ttl == ENDPOINT_CARRY && info->ttl) {
		session->ttl = info->ttl;
		sockopt_set_ttl(fd, family, info->ttl);
	}
}

static void begin_send(struct worker *worker, struct session *session)
{
	struct gso_route route = {
		.fd = session->watch.fd,
		.header = session->header,
		.header_length = session->header_length,
		.largest = &session->target_segment,
	};

	gso_begin(&worker->udps->gso, &route);
}

static void finish_send(struct worker *worker, struct session *session)
{
	struct forward *forward = session->owner->forward;
	struct gso_result result = gso_flush(&worker->udps->gso);

	count(&forward->to_target, result.bytes);
	count(&forward->dropped, result.dropped);
	udp_session_touch(worker, session);
	if (result.error)
		take_errors(worker, session, -result.error);
}

void udp_relay_send(struct worker *worker, struct session *session)
{
	struct udp *udp = worker->udps;
	int r = -EINPROGRESS;

	/* What waits is tried again when there is news. */
	if (session->watch.fd < 0 && !session->pending)
		r = udp_session_dial(worker, session);
	if (session->watch.fd < 0 && r == -EINPROGRESS) {
		udp_session_keep(worker, session);
		session->first = session->last = -1;
		return;
	}
	if (!session->owner)
		return; /* it has failed */
	begin_send(worker, session);
	for (int i = session->first; i >= 0; i = udp->intake->next[i]) {
		if (carries_other(session, &udp->infos[i])) {
			gso_flush(&udp->gso);
			carry(session, &udp->infos[i]);
		}
		gso_add(&udp->gso, intake_data(udp->intake, i), intake_length(udp->intake, i),
			udp->infos[i].segment);
	}
	session->first = session->last = -1;
	finish_send(worker, session);
}

void udp_relay_resume(struct worker *worker, struct session *session)
{
	struct session_pending *pending, *next;

	if (udp_session_dial(worker, session) < 0)
		return;
	pending = udp_session_kept(worker, session);
	begin_send(worker, session);
	for (next = pending; next; next = next->next)
		gso_add(&worker->udps->gso, next->data, next->length, next->segment);
	finish_send(worker, session);
	for (; pending; pending = next) {
		next = pending->next;
		free(pending);
	}
}

/* ---- target to client ---- */

static size_t put_control(
	unsigned char *control, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *cmsg = (struct cmsghdr *)control;

	memset(control, 0, CMSG_SPACE(size));
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(cmsg), data, size);
	return CMSG_SPACE(size);
}

/* The address that the reply comes from. */
static size_t put_source(unsigned char *control, const struct session_key *key)
{
	struct in6_pktinfo in6 = {.ipi6_addr = key->local, .ipi6_ifindex = key->interface};
	struct in_pktinfo in = {0};

	if (!IN6_IS_ADDR_V4MAPPED(&key->local))
		return put_control(control, IPPROTO_IPV6, IPV6_PKTINFO, &in6, sizeof(in6));
	memcpy(&in.ipi_spec_dst, key->local.s6_addr + 12, 4);
	return put_control(control, IPPROTO_IP, IP_PKTINFO, &in, sizeof(in));
}

static size_t put_carried(unsigned char *control, const struct session *session,
	const struct intake_info *info)
{
	const struct endpoint *connect = &session->owner->forward->plan.connect;
	bool ipv4 = IN6_IS_ADDR_V4MAPPED(&session->key.client);
	int tos = info->tos & ~ECN, ttl = info->ttl;
	size_t length = 0;

	if (connect->tos == ENDPOINT_CARRY)
		length += put_control(control, ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
			ipv4 ? IP_TOS : IPV6_TCLASS, &tos, sizeof(tos));
	if (connect->ttl == ENDPOINT_CARRY && ttl > 0)
		length += put_control(control + length, ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
			ipv4 ? IP_TTL : IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	return length;
}

/* Where replies go: the client, as the listener's family writes it. */
static void reply_to(const struct session *session, struct netaddr *ret)
{
	*ret = session_client(&session->key);
	if (session->owner->listener->bound.sa.sa_family == AF_INET6)
		netaddr_map(ret);
}

/* Sends the replies of the intake on, those that are alike in one batch. */
static void reply(struct worker *worker, struct session *session, int n)
{
	struct udp *udp = worker->udps;
	struct forward *forward = session->owner->forward;
	const struct endpoint *connect = &forward->plan.connect;
	bool carries = connect->tos == ENDPOINT_CARRY || connect->ttl == ENDPOINT_CARRY;
	_Alignas(struct cmsghdr) unsigned char control[CONTROL_MAX];
	size_t source = session->owner->listener->any ? put_source(control, &session->key) : 0;
	struct netaddr client;
	struct gso_route route = {
		.fd = session->owner->listener->watch.fd,
		.name = &client.sa,
		.control = control,
		.control_length = source,
		.largest = &session->client_segment,
	};
	struct intake_info info, before = {0};
	struct gso_result result = {0};

	reply_to(session, &client);
	route.name_length = client.length;
	gso_begin(&udp->gso, &route);
	for (int i = 0; i < n; i++) {
		intake_info(udp->intake, i, &info);
		if (carries && (i == 0 || info.tos != before.tos || info.ttl != before.ttl)) {
			gso_flush(&udp->gso);
			route.control_length = source;
			route.control_length += put_carried(control + source, session, &info);
			udp->gso.route = route;
			before = info;
		}
		gso_add(&udp->gso, intake_data(udp->intake, i), intake_length(udp->intake, i),
			info.segment);
	}
	result = gso_flush(&udp->gso);
	count(&forward->to_client, result.bytes);
	count(&forward->dropped, result.dropped);
}

void udp_relay_ready(struct worker *worker, struct watch *watch, uint32_t events)
{
	struct session *session = WORKER_WATCHED(watch, struct session, watch);
	int n = 0, budget = BUDGET;

	if (!session->owner)
		return;
	if ((events & EPOLLERR) && !take_errors(worker, session, 0))
		return;
	while (budget > 0) {
		n = intake_receive(worker->udps->intake, watch->fd);
		if (n <= 0)
			break;
		session->answered = true;
		reply(worker, session, n);
		udp_session_touch(worker, session);
		budget = intake_is_full(worker->udps->intake) ? budget - n : 0;
	}
	if (n < 0 && n != -EAGAIN && n != -EINTR)
		take_errors(worker, session, -n);
}

/* ---- errors of the client's side ---- */

void udp_relay_listener_errors(struct worker *worker, struct udp_listener *listener)
{
	struct bounce bounce;

	for (int i = 0; i < ERRORS_MAX && bounce_receive(listener->watch.fd, &bounce) == 0; i++) {
		struct session_key key;
		struct session *session;

		if (bounce.error != ECONNREFUSED || !bounce.of_network)
			continue;
		key = udp_session_key(listener, &bounce.peer, &bounce.local, bounce.interface);
		session = sessions_find(&listener->sessions, &key);
		if (!session)
			continue;
		count(&session->owner->forward->reset, 1);
		udp_session_end(worker, session);
	}
}
