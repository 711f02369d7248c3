/* SPDX-License-Identifier: MIT */
#include "bridge/udp-listener.h"

#include "bridge/forward.h"
#include "bridge/listener.h"
#include "bridge/sockopt.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static bool is_any(const struct netaddr *bound)
{
	if (bound->sa.sa_family == AF_INET)
		return bound->in.sin_addr.s_addr == htonl(INADDR_ANY) ||
			IN_MULTICAST(ntohl(bound->in.sin_addr.s_addr));
	return IN6_IS_ADDR_UNSPECIFIED(&bound->in6.sin6_addr) ||
		IN6_IS_ADDR_MULTICAST(&bound->in6.sin6_addr);
}

/* What is told with each datagram: no more than is needed, as it takes time. */
static void prepare(const struct udp_listener *listener, const struct endpoint *connect)
{
	int fd = listener->watch.fd, tos = connect->tos == ENDPOINT_CARRY;
	int ttl = connect->ttl == ENDPOINT_CARRY;

	sockopt_set(fd, IPPROTO_IP, IP_PKTINFO, listener->any);
	sockopt_set(fd, IPPROTO_IP, IP_RECVTOS, tos);
	sockopt_set(fd, IPPROTO_IP, IP_RECVTTL, ttl);
	if (listener->bound.sa.sa_family == AF_INET6) {
		sockopt_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, listener->any);
		sockopt_set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, tos);
		sockopt_set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, ttl);
	}
}

static struct udp_listener *find(const struct udp *udp, int fd)
{
	struct udp_listener *listener = udp->listeners;

	while (listener && listener->watch.fd != fd)
		listener = listener->next;
	return listener;
}

static int open_listener(struct worker *worker, struct udp_listener *listener)
{
	uint64_t secret[2];

	listener->bound.length = sizeof(listener->bound.un);
	if (getsockname(listener->watch.fd, &listener->bound.sa, &listener->bound.length) < 0)
		return -errno;
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	sessions_init(&listener->sessions, secret);
	session_key_local(&listener->key, &listener->bound);
	listener->any = is_any(&listener->bound);
	return worker_watch(worker, &listener->watch, EPOLLIN);
}

int udp_listener_get(struct worker *worker, struct forward *forward, int fd,
	void (*ready)(struct worker *worker, struct watch *watch, uint32_t events),
	struct udp_listener **ret)
{
	struct udp_listener *listener = find(worker->udps, fd);
	int r;

	if (!listener) {
		listener = calloc(1, sizeof(*listener));
		if (!listener)
			return -ENOMEM;
		listener->watch = (struct watch){ready, fd};
		r = open_listener(worker, listener);
		if (r < 0) {
			free(listener);
			return r;
		}
		listener->kept = listener_ref(forward->listener);
		listener->bounces = (struct bounce_sockets){.ipv4 = -1, .ipv6 = -1};
		if (forward->plan.listen.place != ENDPOINT_BROKER)
			bounce_open(&listener->bounces, forward->listen_place);
		listener->next = worker->udps->listeners;
		worker->udps->listeners = listener;
	}
	prepare(listener, &forward->plan.connect);
	*ret = listener;
	return 0;
}

void udp_listener_free(struct worker *worker, struct udp_listener *listener)
{
	struct udp_listener **link = &worker->udps->listeners;

	while (*link != listener)
		link = &(*link)->next;
	*link = listener->next;
	worker_unwatch(worker, &listener->watch);
	listener->watch.fd = -1; /* an event of this wake-up may still name it */
	listener_unref(listener->kept);
	sessions_done(&listener->sessions);
	bounce_close(&listener->bounces);
	worker_bury(worker, &listener->grave, NULL);
}
