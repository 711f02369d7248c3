/* SPDX-License-Identifier: MIT */
/*
 * A session needs an address of the target and a socket of the connecting place. Either may take a
 * while, for which its first datagrams are kept. A target with several addresses is tried by one
 * session after the other: who is refused by the first goes to the second when the client tries
 * again.
 *
 * Where there may be no more sessions, the one that was longest without a datagram ends: to refuse
 * would let whoever sends from many addresses shut out all others. Where this worker has none to
 * give up, the others are asked to.
 */
#include "bridge/udp-session.h"

#include "bridge/bridge.h"
#include "bridge/dial.h"
#include "bridge/place.h"
#include "bridge/sockopt.h"
#include "bridge/target.h"
#include "bridge/udp-listener.h"
#include "bridge/udp-relay.h"

#include "common/cleanup.h"
#include "daemon/log.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX	   16
#define PENDING_BYTES	   (64 * 1024)
#define PENDING_BYTES_ALL  (4 * 1024 * 1024) /* of a worker */
#define ASK_AGAIN_MS	   100
#define PRESENTS_LOCAL	   ENOTUNIQ /* an errno that no socket gives: plan_presents_local() */
#define ECN		   3 /* congestion is told hop by hop: not ours to copy */

static struct log_limit limit_failures = LOG_LIMIT_INIT;

static void drop(struct forward *forward, unsigned count)
{
	atomic_fetch_add_explicit(&forward->dropped, count, memory_order_relaxed);
}

struct session_key udp_session_key(const struct udp_listener *listener,
	const struct netaddr *client, const struct in6_addr *local, uint32_t interface)
{
	struct session_key key = listener->key;

	session_key_client(&key, client);
	if (!listener->any)
		return key;
	key.local = *local;
	if (IN6_IS_ADDR_LINKLOCAL(&key.client) || IN6_IS_ADDR_LINKLOCAL(&key.local))
		key.interface = interface;
	return key;
}

/* ---- the end ---- */

static void free_pending(struct worker *worker, struct session *session)
{
	struct session_pending *pending = udp_session_kept(worker, session), *next;

	for (; pending; pending = next) {
		next = pending->next;
		drop(session->owner->forward, 1);
		free(pending);
	}
}

void udp_session_release(struct worker *worker, struct udp_forward *forward)
{
	struct udp_forward **link = &worker->udps->forwards;

	if (!forward->closed || forward->n_sessions > 0)
		return;
	while (*link != forward)
		link = &(*link)->next;
	*link = forward->next;
	if (--forward->listener->users == 0)
		udp_listener_free(worker, forward->listener);
	forward_unref(forward->forward);
	forward->forward = NULL; /* somebody may be on the way through the list */
	worker_bury(worker, &forward->grave, NULL);
}

static struct session_list *list_of(struct session *session)
{
	return session->watch.fd >= 0 ? &session->owner->relay : &session->owner->waiting;
}

void udp_session_end(struct worker *worker, struct session *session)
{
	struct udp_forward *owner = session->owner;

	free_pending(worker, session);
	session_list_remove(list_of(session), session);
	sessions_remove(&owner->listener->sessions, session);
	close_fd(&session->watch.fd);
	forward_leave(owner->forward);
	owner->n_sessions--;
	session->owner = NULL; /* an event of this wake-up may still name it */
	worker_bury(worker, &session->grave, NULL);
	udp_session_release(worker, owner);
}

static const char *reason(const struct session *session, int error, char text[PLACE_ADVICE])
{
	const char *advice = NULL;

	if (error == PRESENTS_LOCAL)
		return PLAN_PRESENTS_LOCAL_TEXT;
	if (session->watch.fd < 0)
		advice = place_advice(session->owner->forward->connect_place, -error, text);
	return advice ? advice : strerror(error);
}

void udp_session_fail(struct worker *worker, struct session *session, int error)
{
	struct forward *forward = session->owner->forward;
	struct bounce bounce = {.error = error};
	struct netaddr client = session_client(&session->key), local = session_local(&session->key);
	char text[NETADDR_TEXT_SIZE], why[PLACE_ADVICE];

	if (error == PRESENTS_LOCAL)
		bounce.error = EACCES;
	else if (error != ECONNREFUSED && error != EACCES)
		bounce.error = EHOSTUNREACH;
	bounce_send(&session->owner->listener->bounces, &bounce, &client, &local, 0);
	atomic_fetch_add_explicit(&forward->failed, 1, memory_order_relaxed);
	log_limited(&limit_failures, "failed", LOG_WARNING, "forward %s: %s: %s, for %s",
		forward->plan.name, forward->plan.connect.text, reason(session, error, why),
		netaddr_text(&client, text));
	target_unreachable(forward->target);
	udp_session_end(worker, session);
}

/* ---- the beginning ---- */

static bool bridge_is_full(const struct bridge *bridge)
{
	return atomic_load_explicit(&bridge->connections, memory_order_relaxed) >=
		atomic_load_explicit(&bridge->max_connections, memory_order_relaxed);
}

bool udp_session_needs_room(const struct udp_forward *forward)
{
	struct forward *f = forward->forward;

	if (f->plan.max_connections && atomic_load_explicit(&f->connections,
					       memory_order_relaxed) >= f->plan.max_connections)
		return true;
	return bridge_is_full(f->bridge);
}

/* The oldest of a forward that has nothing in this batch. */
static struct session *oldest_of(struct udp_forward *forward, bool with_socket)
{
	struct session *session = forward->relay.oldest;

	if (!session && !with_socket)
		session = forward->waiting.oldest;
	while (session && session->first >= 0)
		session = session->newer;
	return session;
}

/* Ends the oldest session, of another forward where that helps. Returns whether there was one. */
static bool evict(struct worker *worker, struct udp_forward *forward, bool any, bool with_socket)
{
	struct session *oldest = oldest_of(forward, with_socket);

	for (forward = worker->udps->forwards; !oldest && any && forward; forward = forward->next)
		oldest = oldest_of(forward, with_socket);
	if (oldest)
		udp_session_end(worker, oldest);
	return oldest != NULL;
}

void udp_session_make_room(struct worker *worker, struct udp_forward *forward)
{
	atomic_bool *wanted = &forward->forward->wanted;

	if (atomic_load_explicit(wanted, memory_order_relaxed) && udp_session_needs_room(forward) &&
		evict(worker, forward, true, false))
		atomic_store(wanted, false);
}

/* Asks the other workers, but not for each of very many datagrams. */
static void ask_for_room(struct worker *worker, struct forward *forward)
{
	struct udp *udp = worker->udps;

	atomic_store(&forward->wanted, true);
	if (worker->now - udp->asked < ASK_AGAIN_MS)
		return;
	udp->asked = worker->now;
	bridge_news(forward->bridge);
}

static bool make_room(struct worker *worker, struct udp_forward *forward)
{
	struct forward *f = forward->forward;

	while (udp_session_needs_room(forward)) {
		if (!evict(worker, forward, bridge_is_full(f->bridge), false)) {
			ask_for_room(worker, f);
			return false;
		}
	}
	return forward_enter(f);
}

static struct session *new_session(struct udp_forward *forward, const struct session_key *key)
{
	bool header = forward->forward->plan.connect.proxy != ENDPOINT_PROXY_NONE;
	struct session *session = calloc(1, sizeof(*session) + (header ? PROXY_SEND_MAX : 0));
	struct proxy proxy;

	if (!session)
		return NULL;
	session->watch = (struct watch){udp_relay_ready, -1};
	session->owner = forward;
	session->key = *key;
	session->target_segment = session->client_segment = GSO_LARGEST;
	session->pending_end = &session->pending;
	session->first = session->last = -1;
	if (header) {
		proxy.source = session_client(key);
		proxy.destination = session_local(key);
		session->header_length = (uint8_t)proxy_write(2, true, &proxy, session->header);
	}
	return session;
}

struct session *udp_session_new(struct worker *worker, struct udp_forward *forward,
	const struct session_key *key, const struct intake_info *info)
{
	struct session *session;

	if (!make_room(worker, forward)) {
		drop(forward->forward, 1);
		return NULL;
	}
	session = new_session(forward, key);
	if (!session || sessions_add(&forward->listener->sessions, session) < 0) {
		free(session);
		forward_leave(forward->forward);
		drop(forward->forward, 1);
		return NULL;
	}
	session->tos = info->tos & (uint8_t)~ECN;
	session->ttl = info->ttl;
	session->used = worker->now;
	session_list_append(&forward->waiting, session);
	forward->n_sessions++;
	return session;
}

void udp_session_touch(struct worker *worker, struct session *session)
{
	struct session_list *relay = &session->owner->relay;

	session->used = worker->now;
	if (session->newer) {
		session_list_remove(relay, session);
		session_list_append(relay, session);
	}
}

/* ---- the socket ---- */

/* What is nice to have, so a failure does not matter. */
static void prepare_replies(int fd, int family, const struct endpoint *connect)
{
	bounce_prepare(fd, family);
	sockopt_set(fd, IPPROTO_UDP, UDP_GRO, 1);
	if (connect->tos == ENDPOINT_CARRY)
		sockopt_set(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			family == AF_INET ? IP_RECVTOS : IPV6_RECVTCLASS, 1);
	if (connect->ttl == ENDPOINT_CARRY)
		sockopt_set(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			family == AF_INET ? IP_RECVTTL : IPV6_RECVHOPLIMIT, 1);
}

/* A socket that is connected to an address of the target; or a negative errno. */
static int connect_to(struct worker *worker, struct session *session, const struct netaddr *target)
{
	struct forward *forward = session->owner->forward;
	struct netaddr client = session_client(&session->key), local = session_local(&session->key);
	_cleanup_fd_ int fd = -1;
	int r, family = target->sa.sa_family;

	if (plan_presents_local(&forward->plan, &client, &local, target))
		return -PRESENTS_LOCAL;
	fd = place_take(forward->connect_place, family, SOCK_DGRAM);
	/* what waits is not ended: the caller may be going through it */
	if ((fd == -EMFILE || fd == -ENFILE) && evict(worker, session->owner, true, true))
		fd = place_take(forward->connect_place, family, SOCK_DGRAM);
	if (fd < 0)
		return steal_fd(&fd);
	prepare_replies(fd, family, &forward->plan.connect);
	r = dial_prepare(forward, fd, SOCK_DGRAM, target, &client, session->tos, session->ttl);
	if (r < 0)
		return r;
	if (connect(fd, &target->sa, target->length) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* One of the target's addresses, beginning with the one that is known to be good. */
static int connect_to_any(struct worker *worker, struct session *session)
{
	struct udp_forward *owner = session->owner;
	struct netaddr addresses[TARGET_ADDRESSES_MAX];
	int n = target_addresses(owner->forward->target, addresses), r = -ENOENT;

	if (n <= 0)
		return n < 0 ? n : r;
	owner->n_addresses = (unsigned)n;
	for (int i = 0; i < n; i++) {
		session->attempt = (owner->attempt + (unsigned)i) % (unsigned)n;
		r = connect_to(worker, session, &addresses[session->attempt]);
		if (r >= 0 || r == -EINPROGRESS)
			break;
	}
	return r;
}

int udp_session_dial(struct worker *worker, struct session *session)
{
	int fd = connect_to_any(worker, session), r;

	if (fd == -EINPROGRESS)
		return fd;
	if (fd < 0) {
		udp_session_fail(worker, session, -fd);
		return fd;
	}
	session_list_remove(&session->owner->waiting, session);
	session->watch.fd = fd;
	session->used = worker->now;
	session_list_append(&session->owner->relay, session);
	r = worker_watch(worker, &session->watch, EPOLLIN);
	if (r < 0)
		udp_session_fail(worker, session, -r);
	return r;
}

/* ---- datagrams that wait for it ---- */

void udp_session_keep(struct worker *worker, struct session *session)
{
	struct udp *udp = worker->udps;

	for (int i = session->first; i >= 0; i = udp->intake->next[i]) {
		size_t length = intake_length(udp->intake, i);
		struct session_pending *pending = NULL;

		if (session->n_pending < PENDING_MAX &&
			session->pending_bytes + length <= PENDING_BYTES &&
			udp->pending_bytes + length <= PENDING_BYTES_ALL)
			pending = malloc(sizeof(*pending) + length);
		if (!pending) {
			drop(session->owner->forward, 1);
			continue;
		}
		pending->next = NULL;
		pending->length = length;
		pending->segment = udp->infos[i].segment;
		memcpy(pending->data, intake_data(udp->intake, i), length);
		*session->pending_end = pending;
		session->pending_end = &pending->next;
		session->n_pending++;
		session->pending_bytes += length;
		udp->pending_bytes += length;
	}
}

struct session_pending *udp_session_kept(struct worker *worker, struct session *session)
{
	struct session_pending *pending = session->pending;

	worker->udps->pending_bytes -= session->pending_bytes;
	session->pending = NULL;
	session->pending_end = &session->pending;
	session->n_pending = 0;
	session->pending_bytes = 0;
	return pending;
}
