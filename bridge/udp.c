/* SPDX-License-Identifier: MIT */
/*
 * Datagrams have no connections, so the bridge makes some: a session is what goes on between one
 * address of a client and one of ours, and has a socket of its own that is connected to the target.
 * What comes there is a reply to this client, and goes out by the listener from the address that
 * the client has sent to (IP_PKTINFO, ip(7)). It ends when nothing has come for a while.
 *
 *   udp.c          who a datagram is from; the clock
 *   udp-listener.c what clients send to
 *   session.c      the table of sessions
 *   udp-session.c  how they begin and end
 *   udp-relay.c    what goes through them, and errors
 *   intake.c       many datagrams received at a time
 *   gso.c          many datagrams sent at a time
 *   bounce.c       ICMP
 *
 * Each worker has a socket of its own for the same address, and the kernel gives all datagrams of
 * one client to the same of them (SO_REUSEPORT, socket(7)). So workers share nothing here.
 *
 * What is received together is sent together, session by session: the order within a session is
 * kept, that between sessions means nothing. Nobody waits: what cannot be sent now is dropped and
 * counted, as any router on the way would do.
 */
#include "bridge/udp.h"

#include "bridge/bridge.h"
#include "bridge/listener.h"
#include "bridge/sockopt.h"
#include "bridge/udp-listener.h"
#include "bridge/udp-relay.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define MANY	      4 /* of one wake-up: others should run before the next one */
#define BUDGET	      (2 * INTAKE_MAX) /* of one wake-up */
#define RECEIVE_ROOM  (4 * 1024 * 1024)
#define QUIET	      1000 /* ms without a datagram: a session whose listener goes is done */
#define LINGER	      5000 /* ms that it has at most, as the port is to be free again */

int udp_prepare(int fd, int family)
{
	int r;

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	/* What the kernel may not have, or gives less of, is done without. */
	sockopt_set(fd, IPPROTO_UDP, UDP_GRO, 1);
	if (sockopt_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_ROOM) < 0)
		sockopt_set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_ROOM);
	/* An IPv6 socket may have IPv4 clients, too. */
	r = sockopt_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (r == 0 && family == AF_INET6)
		r = sockopt_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return r == 0 ? bounce_prepare(fd, family) : r;
}

/* ---- datagrams ---- */

/* What one batch has for whom. */
struct batch {
	struct session *active, **end;
};

static void flush(struct worker *worker, struct batch *batch)
{
	struct session *session, *next;

	for (session = batch->active; session; session = next) {
		next = session->next_active;
		udp_relay_send(worker, session);
	}
	batch->active = NULL;
	batch->end = &batch->active;
}

static void add(struct worker *worker, struct batch *batch, struct session *session, int i)
{
	struct intake *intake = worker->udps->intake;

	intake->next[i] = -1;
	if (session->first >= 0) {
		intake->next[session->last] = i;
	} else {
		session->first = i;
		session->next_active = NULL;
		*batch->end = session;
		batch->end = &session->next_active;
	}
	session->last = i;
}

static struct session *new_client(struct worker *worker, struct udp_listener *listener,
	struct batch *batch, const struct session_key *key, const struct intake_info *info)
{
	struct netaddr client, local;
	struct bounce nobody = {.error = ECONNREFUSED};

	if (!listener->current) {
		client = session_client(key);
		local = session_local(key);
		bounce_send(&listener->bounces, &nobody, &client, &local, 0);
		return NULL;
	}
	/* A session that is to end first must not be one of this batch. */
	if (udp_session_needs_room(listener->current))
		flush(worker, batch);
	return udp_session_new(worker, listener->current, key, info);
}

static void dispatch(struct worker *worker, struct udp_listener *listener, int n)
{
	struct udp *udp = worker->udps;
	struct session *session = NULL;
	struct batch batch = {.end = &batch.active};

	worker->bulk |= n >= MANY;
	for (int i = 0; i < n; i++) {
		struct intake_info *info = &udp->infos[i];
		struct session_key key;

		intake_info(udp->intake, i, info);
		key = udp_session_key(listener, intake_sender(udp->intake, i), &info->local,
			info->interface);
		if (!session || !session_key_equal(&session->key, &key))
			session = sessions_find(&listener->sessions, &key);
		if (!session)
			session = new_client(worker, listener, &batch, &key, info);
		if (session)
			add(worker, &batch, session, i);
	}
	flush(worker, &batch);
}

static void on_listener(struct worker *worker, struct watch *watch, uint32_t events)
{
	struct udp_listener *listener = WORKER_WATCHED(watch, struct udp_listener, watch);
	int n, budget = BUDGET;

	if ((events & EPOLLERR) && watch->fd >= 0)
		udp_relay_listener_errors(worker, listener);
	while (budget > 0 && watch->fd >= 0) {
		n = intake_receive(worker->udps->intake, watch->fd);
		if (n <= 0)
			break;
		dispatch(worker, listener, n);
		budget = intake_is_full(worker->udps->intake) ? budget - n : 0;
	}
}

/* ---- forwards ---- */

static int need_udp(struct worker *worker)
{
	if (worker->udps)
		return 0;
	worker->udps = calloc(1, sizeof(*worker->udps));
	if (!worker->udps)
		return -ENOMEM;
	worker->udps->intake = intake_new();
	if (worker->udps->intake)
		return 0;
	free(worker->udps);
	worker->udps = NULL;
	return -ENOMEM;
}

static uint64_t timeout_of(const struct forward *forward)
{
	unsigned own = forward->plan.idle_timeout_s;

	if (!own)
		own = forward->bridge->plan.udp_timeout_s;
	return own == PLAN_NEVER ? UINT64_MAX : (uint64_t)own * 1000;
}

int udp_open(struct worker *worker, struct forward *forward)
{
	struct udp_listener *listener;
	struct udp_forward *mine;
	int fd, r;

	if (!forward->listener || worker->index >= forward->listener->n)
		return 0;
	fd = forward->listener->fds[worker->index];
	mine = calloc(1, sizeof(*mine));
	r = mine ? need_udp(worker) : -ENOMEM;
	if (r < 0) {
		free(mine);
		return r;
	}
	r = udp_listener_get(worker, forward, fd, on_listener, &listener);
	if (r < 0) {
		free(mine);
		return r;
	}
	mine->forward = forward_ref(forward);
	mine->listener = listener;
	mine->timeout = timeout_of(forward);
	mine->next = worker->udps->forwards;
	worker->udps->forwards = mine;
	listener->current = mine;
	listener->users++;
	return 0;
}

void udp_close(struct worker *worker, struct forward *forward)
{
	struct udp_forward *mine = worker->udps ? worker->udps->forwards : NULL;

	while (mine && (mine->forward != forward || mine->closed))
		mine = mine->next;
	if (!mine)
		return;
	mine->closed = true;
	mine->closed_at = worker->now;
	if (mine->listener->current == mine)
		mine->listener->current = NULL;
	udp_session_release(worker, mine);
}

/* ---- the clock, and the end ---- */

void udp_news(struct worker *worker)
{
	struct udp_forward *forward = worker->udps ? worker->udps->forwards : NULL, *next;

	for (; forward; forward = next) {
		struct session *session, *newer;

		next = forward->next;
		if (!forward->forward)
			continue; /* it was let go of meanwhile */
		udp_session_make_room(worker, forward);
		if (!forward->forward)
			continue;
		for (session = forward->waiting.oldest; session; session = newer) {
			newer = session->newer;
			udp_relay_resume(worker, session);
		}
	}
}

/* How long a session of this forward may be without a datagram now. */
static uint64_t patience_of(const struct worker *worker, const struct udp_forward *forward)
{
	if (forward->listener->current)
		return forward->timeout;
	if (worker->now - forward->closed_at >= LINGER)
		return 0;
	return forward->timeout < QUIET ? forward->timeout : QUIET;
}

static void tick(struct worker *worker, struct udp_forward *forward)
{
	uint64_t patience = (uint64_t)forward->forward->connect_timeout_s * 1000;
	uint64_t timeout = patience_of(worker, forward);
	struct session *session, *newer;

	for (session = forward->waiting.oldest; session; session = newer) {
		newer = session->newer;
		if (worker->now - session->used < patience)
			break;
		udp_session_fail(worker, session, ETIMEDOUT);
	}
	for (session = forward->relay.oldest; session; session = newer) {
		newer = session->newer;
		if (worker->now - session->used < timeout)
			break;
		udp_session_end(worker, session);
	}
}

void udp_tick(struct worker *worker)
{
	struct udp_forward *forward, *next;

	if (!worker->udps)
		return;
	for (forward = worker->udps->forwards; forward; forward = next) {
		next = forward->next;
		tick(worker, forward);
	}
	intake_trim(worker->udps->intake);
}

static void end_forward(struct worker *worker, struct udp_forward *forward)
{
	unsigned left = forward->n_sessions;

	/* The last one takes a closed forward along. */
	forward->closed = true;
	while (left-- > 0)
		udp_session_end(worker,
			forward->relay.oldest ? forward->relay.oldest : forward->waiting.oldest);
}

void udp_end(struct worker *worker)
{
	struct udp_forward *forward, *next;

	if (!worker->udps)
		return;
	for (forward = worker->udps->forwards; forward; forward = next) {
		next = forward->next;
		if (forward->n_sessions > 0)
			end_forward(worker, forward);
		else if (!forward->closed)
			udp_close(worker, forward->forward);
	}
	intake_free(worker->udps->intake);
	free(worker->udps);
	worker->udps = NULL;
}
