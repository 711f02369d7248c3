/* SPDX-License-Identifier: MIT */
/*
 * The client's side of docs/PROTOCOL.md.
 *
 * A request is one packet. The answer is a DESCRIPTORS packet and then a VERDICT, which the broker
 * sends only after it has closed its own copies: whoever waits for the verdict and then closes the
 * socket has closed it for good. When client and broker share a CPU both packets are there at the
 * first wake-up, so they are received by one recvmmsg(2).
 *
 * The deadline is kept by SO_RCVTIMEO and SO_SNDTIMEO, which cost nothing while nothing is late.
 * They restart with each call, so they are set again once a wait was interrupted or long.
 *
 * The broker is not trusted: it may send anything, at any time, or nothing.
 */
#include "lib/exchange.h"

#include "common/cleanup.h"
#include "common/fdpass.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

/* Tests have no ten seconds. */
#ifndef DEADLINE_MS
#define DEADLINE_MS 10000
#endif

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t exchange_deadline(void)
{
	return now_ns() + (int64_t)DEADLINE_MS * 1000000;
}

/* Makes the next blocking call on exchange->fd end at the deadline, within a second. */
static int deadline_arm(struct exchange *exchange)
{
	int64_t left_ms = (exchange->deadline_ns - now_ns()) / 1000000;
	struct timeval timeout;

	if (left_ms <= 0)
		return -ETIMEDOUT;
	if (exchange->armed_ms >= left_ms && exchange->armed_ms - left_ms < 1000)
		return 0;
	timeout = (struct timeval){.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
	if (setsockopt(exchange->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
		setsockopt(exchange->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	exchange->armed_ms = left_ms;
	return 0;
}

/* What to do after a call failed with r: 0 to call again, or the errno to give up with. */
static int deadline_again(struct exchange *exchange, int r)
{
	if (r == -EAGAIN)
		return -ETIMEDOUT;
	if (r == -EMSGSIZE)
		return -EPROTO;
	if (r != -EINTR)
		return r;
	exchange->armed_ms = 0;
	return deadline_arm(exchange);
}

static void move_up(int *fd, int lowest)
{
	int high = *fd < lowest ? fcntl(*fd, F_DUPFD_CLOEXEC, lowest) : -1;

	if (high < 0)
		return;
	close_fd(fd);
	*fd = high;
}

int exchange_open(struct exchange *exchange)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	move_up(&fd, exchange->lowest_fd);
	exchange->fd = fd;
	exchange->armed_ms = 0;
	return 0;
}

int exchange_connect(struct exchange *exchange, const struct address *address)
{
	int r = deadline_arm(exchange);

	while (r == 0 &&
		connect(exchange->fd, (const struct sockaddr *)&address->un, address->length) < 0) {
		if (errno == EPROTOTYPE)
			r = -EPROTO;
		else
			r = deadline_again(exchange, -errno);
	}
	return r;
}

/* Writes the packet of a request, and returns its size. */
static size_t request_encode(uint8_t packet[WIRE_MESSAGE_MAX], const struct request *request)
{
	if (request->opcode == WIRE_OP_RESOLVER) {
		wire_resolver_encode(packet, &request->resolver);
		return WIRE_RESOLVER_SIZE;
	}
	wire_socket_encode(packet, &request->socket);
	return WIRE_SOCKET_SIZE;
}

static int request_send(struct exchange *exchange, const struct request *request)
{
	uint8_t packet[WIRE_MESSAGE_MAX];
	size_t size = request_encode(packet, request);
	int r;

	do {
		r = fdpass_send(exchange->fd, packet, size, NULL, 0, 0);
		if (r == 0)
			return 0;
		/* The broker may have refused us, and said why, before we asked. */
		if (r == -EPIPE || r == -ECONNRESET)
			return 0;
		r = deadline_again(exchange, r);
	} while (r == 0);
	return r;
}

/* What has been received of one answer. */
struct answer {
	int *fds;
	unsigned max, count;
	bool descriptors, complete;
	struct wire_verdict verdict;
};

static int answer_descriptors(
	struct answer *answer, const void *packet, const struct fdpass_packet *received)
{
	uint32_t count;

	if (answer->descriptors)
		return -EPROTO;
	answer->descriptors = true;
	if (wire_descriptors_decode(packet, received->size, &count) != WIRE_OK ||
		count != received->count || count == 0)
		return -EPROTO;
	return 0;
}

static int answer_verdict(
	struct answer *answer, const void *packet, const struct fdpass_packet *received)
{
	struct wire_verdict *verdict = &answer->verdict;

	if (received->count > 0 || wire_verdict_decode(packet, received->size, verdict) != WIRE_OK)
		return -EPROTO;
	/* Either descriptors or an error, and no errno of the kernel's is beyond 4095. */
	if (verdict->count != answer->count || verdict->error > 4095 ||
		(verdict->error == 0) != (verdict->count > 0))
		return -EPROTO;
	answer->complete = true;
	return 0;
}

static int answer_packet(
	struct answer *answer, const void *packet, const struct fdpass_packet *received)
{
	struct wire_header header;

	if (received->size == 0)
		return received->count == 0 ? -ECONNRESET : -EPROTO;
	if (answer->complete)
		return -EPROTO;
	switch (wire_header_decode(packet, received->size, &header)) {
	case WIRE_OK:
		break;
	case WIRE_BAD_VERSION:
		return -EPROTONOSUPPORT;
	default:
		return -EPROTO;
	}
	if (header.opcode == WIRE_OP_DESCRIPTORS)
		return answer_descriptors(answer, packet, received);
	if (header.opcode == WIRE_OP_VERDICT)
		return answer_verdict(answer, packet, received);
	return -EPROTO;
}

/*
 * Receives packets until the verdict. Descriptors may come with the first packet only; those that
 * came are in answer->fds, also when this fails.
 */
static int answer_receive(struct exchange *exchange, struct answer *answer)
{
	uint8_t buffers[2][WIRE_MESSAGE_MAX];
	void *const pointers[2] = {buffers[0], buffers[1]};
	struct fdpass_packet packets[2];
	bool reset = false;
	int r, n;

	while (!answer->complete) {
		bool first = !answer->descriptors;

		r = deadline_arm(exchange);
		if (r < 0)
			return r;
		n = fdpass_receive(exchange->fd, pointers, sizeof(buffers[0]), packets,
			first ? 2 : 1, first ? answer->fds : NULL, first ? answer->max : 0, 0);
		/*
		 * A broker that hangs up on a request leaves a reset behind, which is reported
		 * before the refusal that it may have sent first.
		 */
		if (n == -ECONNRESET && !reset) {
			reset = true;
			continue;
		}
		if (n < 0) {
			r = deadline_again(exchange, n);
			if (r < 0)
				return r;
			continue;
		}
		if (first)
			answer->count = packets[0].count;
		for (int i = 0; i < n; i++) {
			/* End of file right after the verdict belongs to the next request. */
			if (i > 0 && answer->complete && packets[i].size == 0)
				break;
			r = answer_packet(answer, buffers[i], &packets[i]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/*
 * Whether a descriptor is a socket of the protocol that was asked for. This is to notice a broker
 * that is broken, not one that is hostile: that could hand out a socket of the right kind with a
 * filter or a connection on it. So one look at the first socket of an answer has to do: the
 * protocol implies the type, and a wrong family fails at bind(2).
 */
static bool socket_matches(int fd, const struct wire_socket *request)
{
	uint32_t type = request->type & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
	uint32_t expected = request->protocol, protocol;
	socklen_t length = sizeof(protocol);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0)
		return false;
	if (expected == 0 && (request->domain == AF_INET || request->domain == AF_INET6))
		expected = type == SOCK_STREAM	? IPPROTO_TCP
			   : type == SOCK_DGRAM ? IPPROTO_UDP
						: protocol;
	return protocol == expected;
}

/*
 * Whether a descriptor is a file that can be read, and not be written. One of a hostile broker may
 * still say what it likes, and be on a file system that makes a reader wait.
 */
static bool file_matches(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_PATH) &&
	       fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* How many descriptors may come. */
static unsigned request_max(const struct request *request)
{
	return request->opcode == WIRE_OP_RESOLVER ? 1 : request->socket.count;
}

static bool request_matches(const struct request *request, int fd)
{
	if (request->opcode == WIRE_OP_RESOLVER)
		return file_matches(fd);
	return socket_matches(fd, &request->socket);
}

int exchange_ask(
	struct exchange *exchange, const struct request *request, int *fds, bool *ret_alive)
{
	struct answer answer = {.fds = fds, .max = request_max(request)};
	int r;

	*ret_alive = false;
	r = deadline_arm(exchange);
	if (r == 0)
		r = request_send(exchange, request);
	if (r == 0)
		r = answer_receive(exchange, &answer);
	if (r == 0 && answer.count > 0 && !request_matches(request, fds[0]))
		r = -EPROTO;
	if (r == 0 && answer.verdict.error == 0) {
		*ret_alive = true;
		return (int)answer.count;
	}
	for (unsigned i = 0; i < answer.count; i++)
		close_fd(&fds[i]);
	if (r < 0)
		return r;
	*ret_alive = true;
	return -(int)answer.verdict.error;
}
