/* SPDX-License-Identifier: MIT */
/*
 * The client's header is looked at (MSG_PEEK) until all of it is there, and only then taken: what
 * follows it belongs to the target.
 */
#include "bridge/greet.h"

#include "bridge/dial.h"
#include "bridge/forward.h"
#include "bridge/streams.h"

#include "daemon/log.h"

#include <errno.h>
#include <stdlib.h>

static struct log_limit limit_headers = LOG_LIMIT_INIT;

static void refuse(struct worker *worker, struct stream *stream, const char *why)
{
	char text[NETADDR_TEXT_SIZE];

	atomic_fetch_add(&stream->forward->refused, 1);
	log_limited(&limit_headers, "header", LOG_WARNING,
		"forward %s: connection of %s refused: %s", stream->forward->plan.name,
		netaddr_text(&stream->client, text), why);
	stream_reset(worker, stream);
}

static unsigned versions(enum endpoint_proxy proxy)
{
	return proxy == ENDPOINT_PROXY_V1 ? 1 : proxy == ENDPOINT_PROXY_V2 ? 2 : 3;
}

void greet_read(struct worker *worker, struct stream *stream)
{
	int fd = stream->side[STREAM_CLIENT].fd, length;
	struct proxy heard;
	ssize_t n;

	n = recv(fd, worker->buffer, PROXY_RECEIVE_MAX, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		stream_arm(worker, stream);
		return;
	}
	if (n <= 0) {
		stream_reset(worker, stream); /* gone */
		return;
	}
	length = proxy_read(
		versions(stream->forward->plan.listen.proxy), worker->buffer, (size_t)n, &heard);
	if (length == 0 && stream->flow[STREAM_CLIENT].ending)
		length = -EPROTO; /* there will be no more of it */
	if (length == 0) {
		stream_arm(worker, stream);
		return;
	}
	if (length < 0) {
		refuse(worker, stream,
			"it did not begin with a PROXY protocol header "
			"(proxy= of the listening endpoint)");
		return;
	}
	stream->heard = malloc(sizeof(heard));
	if (!stream->heard || recv(fd, worker->buffer, (size_t)length, MSG_DONTWAIT) != length) {
		stream_reset(worker, stream);
		return;
	}
	*stream->heard = heard;
	streams_enter(worker, stream, STREAM_PARKED);
	dial_start(worker, stream);
}

void greet_late(struct worker *worker, struct stream *stream)
{
	refuse(worker, stream, "it did not send a whole PROXY protocol header in time (proxy= of the "
			       "listening endpoint)");
}

int greet_write(struct stream *stream)
{
	enum endpoint_proxy version = stream->forward->plan.connect.proxy;
	struct proxy proxy = {.source = stream->client};
	unsigned char header[PROXY_SEND_MAX];
	size_t length;

	if (version == ENDPOINT_PROXY_NONE)
		return 0;
	if (stream->heard) {
		proxy = *stream->heard;
	} else {
		proxy.destination.length = sizeof(proxy.destination.un);
		if (getsockname(stream->side[STREAM_CLIENT].fd, &proxy.destination.sa,
			    &proxy.destination.length) < 0)
			proxy.destination.length = 0;
	}
	/* Unix addresses are told as none: not every server takes them (haproxy 2.6 does not). */
	if (proxy.source.length > 0 && proxy.source.sa.sa_family == AF_UNIX)
		proxy.source.length = proxy.destination.length = 0;
	netaddr_unmap(&proxy.source);
	netaddr_unmap(&proxy.destination);
	length = proxy_write(version == ENDPOINT_PROXY_V1 ? 1 : 2, false, &proxy, header);
	return engine_put(&stream->flow[STREAM_CLIENT], header, length);
}
