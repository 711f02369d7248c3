/* SPDX-License-Identifier: MIT */
/*
 * What clients may ask: a table of opcodes, and how sockets and files are handed out.
 *
 * A socket is sent in one packet, the broker's own copy is closed, and only then the verdict
 * follows, for which the client waits. So when the client closes the socket it is gone: no second
 * reference keeps a port open for a moment. The plain form has one packet only and cannot promise
 * this; the copy is closed right after.
 */
#include "server/request.h"

#include "server/broker.h"
#include "server/conn.h"
#include "server/clientlog.h"
#include "server/files.h"
#include "server/policy.h"
#include "server/worker.h"
#include "server/workers.h"

#include "common/fdpass.h"
#include "common/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int send_verdict(const struct conn *conn, int error, unsigned count)
{
	uint8_t packet[WIRE_VERDICT_SIZE];
	struct wire_verdict verdict = {
		.error = (uint32_t)error, .count = count, .version = WIRE_VERSION};

	wire_verdict_encode(packet, &verdict);
	return fdpass_send(conn->fd, packet, sizeof(packet), NULL, 0, MSG_DONTWAIT);
}

/*
 * An empty packet looks like the end of file, and others may be behind it. With SO_PASSCRED each packet
 * comes with credentials, for which there is no room here: MSG_CTRUNC tells packets from the end.
 */
void request_stop(const struct conn *conn)
{
	const int on = 1;
	struct msghdr msg;

	setsockopt(conn->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	shutdown(conn->fd, SHUT_RD);
	do
		msg = (struct msghdr){0};
	while (recvmsg(conn->fd, &msg, MSG_DONTWAIT) >= 0 && (msg.msg_flags & MSG_CTRUNC));
}

void request_refuse(const struct conn *conn, int error)
{
	send_verdict(conn, error, 0);
	/*
	 * Closing a connection with something unread in it leaves a reset for the client, who would
	 * see that before the verdict. So take no more in, and drop what is there.
	 */
	request_stop(conn);
}

static void log_not_understood(const struct conn *conn, size_t size, int error)
{
	clientlog_write(CLIENTLOG_REFUSE, conn->fd, &conn->peer, NULL, 0,
		"a request of %zu bytes is not understood: %s", size, strerror(error));
}

static enum request_result not_understood(const struct conn *conn, size_t size, int error)
{
	log_not_understood(conn, size, error);
	request_refuse(conn, error);
	return REQUEST_CLOSE;
}

/* Descriptors come in sequence as long as nobody else opens any: close them by runs. */
static void close_all(const int *fds, unsigned count)
{
	for (unsigned i = 0, end; i < count; i = end) {
		end = i + 1;
		while (end < count && fds[end] == fds[end - 1] + 1)
			end++;
		if (end - i == 1 ||
			close_range((unsigned)fds[i], (unsigned)fds[end - 1], 0) < 0) {
			for (unsigned k = i; k < end; k++)
				close(fds[k]);
		}
	}
}

/* Counts only that many of the descriptors that were reserved for an answer. */
static void account(struct conn *conn, unsigned count)
{
	user_release(conn->user, conn->unread - count);
	conn->unread = (uint16_t)count;
}

/*
 * Counts up to count descriptors that are about to be sent, as far as the user's share goes.
 * Returns how many, or -ETOOMANYREFS.
 */
static int reserve(struct worker *worker, struct conn *conn, const struct policy_request *request,
	unsigned count)
{
	unsigned share = worker->broker->user_descriptors, reserved;

	reserved = user_reserve(conn->user, count, share);
	if (reserved == 0) {
		/* Perhaps they were received, and nobody has looked yet. */
		workers_recount(worker, conn->user);
		reserved = user_reserve(conn->user, count, share);
	}
	if (reserved == 0) {
		clientlog_write(CLIENTLOG_REFUSE, conn->fd, &conn->peer, request, count,
			"the user has too many sockets that were sent and not received");
		return -ETOOMANYREFS;
	}
	conn->unread = (uint16_t)reserved;
	return (int)reserved;
}

/*
 * Makes up to count sockets of the kind, if the policy and the limits let the client have them.
 * Returns how many, which then are counted as sent, or the negative errno for the client.
 */
static int make_sockets(struct worker *worker, struct conn *conn,
	const struct policy_request *request, unsigned count, int *fds)
{
	const struct config *config = worker_config(worker);
	int made = 0, r = 0;

	if (policy_decide(&config->policy, &conn->peer, request) != POLICY_GRANT) {
		clientlog_write(CLIENTLOG_DENY, conn->fd, &conn->peer, request, count,
			"sockets of this kind are not handed out (AllowSockets=)");
		return -EACCES;
	}
	if (count > config->max_batch)
		count = config->max_batch;
	r = reserve(worker, conn, request, count);
	if (r < 0)
		return r;
	count = (unsigned)r;
	while ((unsigned)made < count) {
		int fd = socket(
			request->domain, request->type | SOCK_CLOEXEC, request->protocol);

		if (fd < 0) {
			r = -errno;
			break;
		}
		fds[made++] = fd;
	}
	account(conn, (unsigned)made);
	if (made > 0)
		return made;
	clientlog_write(CLIENTLOG_REFUSE, conn->fd, &conn->peer, request, count,
		"socket failed: %s%s", strerror(-r),
		request->domain == AF_NETLINK && r == -EAFNOSUPPORT
			? " (RestrictAddressFamilies= of the unit is without AF_NETLINK)"
			: "");
	return r;
}

/*
 * Sends descriptors, which were counted, closes them, and tells that they were sent; or, where
 * count is a negative errno, tells that. Returns how many were sent, 0 for none, or a negative errno
 * when the client cannot be told anything any more.
 */
static int send_answer(struct conn *conn, const int *fds, int count)
{
	uint8_t packet[WIRE_DESCRIPTORS_SIZE];
	int r;

	if (count > 0) {
		wire_descriptors_encode(packet, (uint32_t)count);
		r = fdpass_send(
			conn->fd, packet, sizeof(packet), fds, (unsigned)count, MSG_DONTWAIT);
		close_all(fds, (unsigned)count);
		if (r < 0) {
			account(conn, 0);
			count = r;
		}
	}
	if (count < 0)
		r = send_verdict(conn, -count, 0);
	else
		r = send_verdict(conn, 0, (unsigned)count);
	if (r < 0)
		return r;
	return count > 0 ? count : 0;
}

static enum request_result serve_socket(
	struct worker *worker, struct conn *conn, const void *packet, size_t size)
{
	struct policy_request request;
	struct wire_socket wire;
	int fds[WIRE_BATCH_MAX], r;

	if (wire_socket_decode(packet, size, &wire) != WIRE_OK || wire.count == 0 ||
		wire.count > WIRE_BATCH_MAX || (wire.flags & ~WIRE_LAST))
		return not_understood(conn, size, EBADMSG);
	conn->cpu = wire.cpu;
	request = (struct policy_request){(int)wire.domain, (int)wire.type, (int)wire.protocol};
	r = make_sockets(worker, conn, &request, wire.count, fds);
	r = send_answer(conn, fds, r);
	if (r > 0)
		clientlog_write(CLIENTLOG_GRANT, conn->fd, &conn->peer, &request, (unsigned)r,
			"socket handed out");
	return r < 0 || (wire.flags & WIRE_LAST) ? REQUEST_CLOSE : REQUEST_NEXT;
}

/* As make_sockets(): opens one file, if the policy and the limits let the client have it. */
static int open_file(struct worker *worker, struct conn *conn, uint32_t file,
	char path[FILES_PATH_SIZE], int *ret_fd)
{
	const char *why;
	int r;

	if (!worker_config(worker)->allow_resolver) {
		clientlog_write(CLIENTLOG_DENY, conn->fd, &conn->peer, NULL, 0,
			"files for resolvers are not handed out (AllowResolver=)");
		return -EACCES;
	}
	r = reserve(worker, conn, NULL, 1);
	if (r < 0)
		return r;
	*ret_fd = files_open(&worker->broker->files, file, path, &why);
	if (*ret_fd >= 0)
		return 1;
	account(conn, 0);
	clientlog_write(CLIENTLOG_REFUSE, conn->fd, &conn->peer, NULL, 0,
		"%s cannot be handed out: %s", path, why);
	return *ret_fd;
}

static enum request_result serve_resolver(
	struct worker *worker, struct conn *conn, const void *packet, size_t size)
{
	char path[FILES_PATH_SIZE];
	struct wire_resolver wire;
	int fd, r;

	if (wire_resolver_decode(packet, size, &wire) != WIRE_OK || (wire.flags & ~WIRE_LAST) ||
		wire.file < WIRE_RESOLV_CONF || wire.file > WIRE_NSSWITCH)
		return not_understood(conn, size, EBADMSG);
	conn->cpu = wire.cpu;
	r = open_file(worker, conn, wire.file, path, &fd);
	r = send_answer(conn, &fd, r);
	if (r > 0)
		clientlog_write(CLIENTLOG_GRANT, conn->fd, &conn->peer, NULL, 0,
			"%s handed out", path);
	return r < 0 || (wire.flags & WIRE_LAST) ? REQUEST_CLOSE : REQUEST_NEXT;
}

static enum request_result serve_plain(
	struct worker *worker, struct conn *conn, const void *packet, size_t size)
{
	uint8_t reply[WIRE_PLAIN_REPLY_SIZE];
	struct wire_plain_request wire;
	struct policy_request request;
	int fd, count, r;

	if (wire_plain_request_decode(packet, size, &wire) != WIRE_OK) {
		log_not_understood(conn, size, EBADMSG);
		wire_plain_reply_encode(reply, EBADMSG);
		fdpass_send(conn->fd, reply, sizeof(reply), NULL, 0, MSG_DONTWAIT);
		return REQUEST_CLOSE;
	}
	request = (struct policy_request){(int)wire.domain, (int)wire.type, (int)wire.protocol};
	count = make_sockets(worker, conn, &request, 1, &fd);
	wire_plain_reply_encode(reply, count < 0 ? (uint32_t)-count : 0);
	r = fdpass_send(conn->fd, reply, sizeof(reply), &fd, count < 0 ? 0 : 1, MSG_DONTWAIT);
	if (count < 0)
		return r < 0 ? REQUEST_CLOSE : REQUEST_NEXT;
	close(fd);
	if (r < 0) {
		account(conn, 0);
		return REQUEST_CLOSE;
	}
	clientlog_write(CLIENTLOG_GRANT, conn->fd, &conn->peer, &request, 1, "socket handed out");
	return REQUEST_NEXT;
}

/* The extended requests. A packet is refused before its handler runs unless its size is this. */
static const struct {
	uint32_t opcode;
	size_t size;
	enum request_result (*serve)(struct worker *, struct conn *, const void *, size_t);
} requests[] = {
	{WIRE_OP_SOCKET, WIRE_SOCKET_SIZE, serve_socket},
	{WIRE_OP_RESOLVER, WIRE_RESOLVER_SIZE, serve_resolver},
};

/* The errno for a client whose packet has no handler. */
static int find_request(const void *packet, size_t size, size_t *ret)
{
	struct wire_header header;

	switch (wire_header_decode(packet, size, &header)) {
	case WIRE_OK:
		break;
	case WIRE_BAD_MAGIC:
		return EPROTO;
	case WIRE_BAD_VERSION:
		return EPROTONOSUPPORT;
	case WIRE_BAD_LENGTH:
		return EBADMSG;
	}
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].opcode == header.opcode) {
			*ret = i;
			return size == requests[i].size ? 0 : EBADMSG;
		}
	}
	return EOPNOTSUPP;
}

enum request_result request_serve(
	struct worker *worker, struct conn *conn, const void *packet, size_t size)
{
	size_t index = 0;
	int error;

	if (wire_magic(packet, size) == WIRE_PLAIN_REQUEST)
		return serve_plain(worker, conn, packet, size);
	error = find_request(packet, size, &index);
	if (error == 0)
		return requests[index].serve(worker, conn, packet, size);
	return not_understood(conn, size, error);
}
