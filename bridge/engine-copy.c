/* SPDX-License-Identifier: MIT */
/*
 * recv(2) into the worker's buffer, send(2) from there. What `to` does not take is kept in memory
 * of its own, and nothing more is read until that is gone: so a flow holds at most one buffer.
 *
 * A read that returns less than was asked for has emptied the socket: the next event tells when
 * there is more, and nothing is read just to get EAGAIN. But the end may be there already, behind
 * what was read, if an event said so (EPOLLRDHUP).
 *
 * Urgent data. Sockets have SO_OOBINLINE, so that the byte cannot get lost; recv(2) stops in front
 * of it (tcp(7), SIOCATMARK tells). It can stop there although more follows, so whoever reads on
 * must look first: when the event said EPOLLPRI, and after a read that filled the buffer. A read
 * that stopped in front of it and was short waits for the event, which says EPOLLPRI.
 */
#include "bridge/engine.h"
#include "bridge/worker.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define PIECE	   (256 * 1024) /* read at once */
#define SHARE	   (1024 * 1024) /* of one turn */
#define BULK_PIECE (64 * 1024)
#define BULK_TURNS 2

int engine_flush(struct flow *flow)
{
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (flow->rest_urgent ? MSG_OOB : 0);

	while (flow->rest_at < flow->rest_end) {
		ssize_t n = send(flow->to, flow->rest + flow->rest_at,
			flow->rest_end - flow->rest_at, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			flow->writable = false;
			return 0;
		}
		if (n < 0)
			return -errno;
		flow->rest_at += (uint32_t)n;
		flow->bytes += (uint64_t)n;
	}
	free(flow->rest);
	flow->rest = NULL;
	flow->rest_at = flow->rest_end = 0;
	flow->rest_urgent = false;
	return 1;
}

/*
 * Sends what was read, and keeps what is not taken. Returns 1 if all was, 0, or a negative errno.
 */
static int deliver(struct flow *flow, const unsigned char *data, size_t size, int flags)
{
	ssize_t n;
	int r;

	do {
		n = send(flow->to, data, size, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN) {
		r = -errno;
		engine_put(flow, data, size); /* for the target's next address */
		return r;
	}
	if (n < 0)
		n = 0;
	flow->bytes += (uint64_t)n;
	if ((size_t)n == size)
		return 1;
	flow->writable = false;
	return engine_put(flow, data + n, size - (size_t)n);
}

/*
 * Passes the urgent byte on if it is the next one, and then there may be another one. Whether it is
 * can only be told once there is a next byte: else it could come between looking and reading.
 * Returns 1: no urgent byte is next, 0: blocked, or a negative errno.
 */
static int pass_urgent(struct flow *flow)
{
	int r;

	flow->look = true;
	for (;;) {
		int unread = 0, at_mark = 0;
		unsigned char byte;

		if (ioctl(flow->from, SIOCINQ, &unread) == 0 && unread == 0 && !flow->ending) {
			flow->urgent = flow->readable = false;
			return 0;
		}
		if (ioctl(flow->from, SIOCATMARK, &at_mark) < 0 || !at_mark ||
			recv(flow->from, &byte, 1, MSG_DONTWAIT) != 1)
			return 1; /* reading will tell what is wrong */
		r = deliver(flow, &byte, 1, MSG_OOB);
		if (r > 0)
			continue;
		flow->rest_urgent = flow->rest; /* and it is all there is */
		return r;
	}
}

/* A turn is over: was it one of a bulk transfer? */
static void judge(struct flow *flow, size_t largest)
{
	if (largest < BULK_PIECE) {
		flow->streak = 0;
		return;
	}
	if (++flow->streak < BULK_TURNS)
		return;
	flow->streak = 0;
	flow->bulk = true;
}

int engine_copy(struct worker *worker, struct flow *flow)
{
	size_t share = 0, largest = 0;
	int r = 1;

	if (flow->rest) {
		if (!flow->writable)
			return ENGINE_BLOCKED;
		r = engine_flush(flow);
		if (r <= 0)
			return r < 0 ? r : ENGINE_BLOCKED;
	}
	while (flow->readable && r > 0 && share < SHARE) {
		ssize_t n;

		if ((flow->urgent || flow->look) && flow->tcp) {
			r = pass_urgent(flow);
			if (r <= 0)
				break;
		}
		n = recv(flow->from, worker->buffer, PIECE, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			flow->broken = (int16_t)errno;
		flow->look = n == PIECE; /* there may be an urgent byte exactly here */
		if (n < 0)
			flow->urgent = false;
		if (n < (flow->urgent || flow->ending ? 1 : PIECE))
			flow->readable = false;
		if (n == 0 || flow->broken)
			flow->ended = true;
		if (n <= 0)
			break;
		share += (size_t)n;
		largest = (size_t)n > largest ? (size_t)n : largest;
		r = deliver(flow, worker->buffer, (size_t)n, 0);
	}
	if (r < 0)
		return r;
	judge(flow, largest);
	if (flow->rest)
		return ENGINE_BLOCKED;
	if (flow->ended)
		return ENGINE_ENDED;
	return flow->readable ? ENGINE_BUSY : ENGINE_BLOCKED;
}
