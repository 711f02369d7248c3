/* SPDX-License-Identifier: MIT */
/*
 * One connection.
 *
 *   SILENT --request--> IDLE --request--> IDLE ...      each answered at once
 *     |                  |  `--asks before it received its answer--> HELD
 *     |                  `-----last request, as it says itself-----> LEFT
 *     `-- end of file, deadline, nonsense --> CLOSED      (from any state)
 *
 * A descriptor that was sent and not received counts against the broker's user in the kernel
 * until the client receives it or closes its end; closing ours changes nothing. So a connection
 * with such descriptors is never closed from here, whatever its deadline: it stays, and is counted
 * against its user, until SIOCOUTQ (unix(7)) says that nothing is left unread. That also holds for
 * HELD and LEFT. A client that never reads thus uses up its own share and nobody else's.
 *
 * A connection belongs to one worker at a time; nothing here is locked but what users share.
 */
#include "server/conn.h"

#include "server/broker.h"
#include "server/clientlog.h"
#include "server/request.h"
#include "server/worker.h"

#include "common/cleanup.h"
#include "common/fdpass.h"
#include "common/wire.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int refuse_new(int fd, const struct peer *peer, int error)
{
	const struct conn refused = {.fd = fd};

	clientlog_write(CLIENTLOG_REFUSE, fd, peer, NULL, 0, "connection refused: %s", strerror(error));
	request_refuse(&refused, error);
	return -error;
}

struct conn *conn_new(struct worker *worker, int accepted)
{
	static const int send_buffer = 4096;
	const struct config *config = worker_config(worker);
	_cleanup_fd_ int fd = accepted;
	struct ucred cred;
	socklen_t length = sizeof(cred);
	struct peer peer;
	struct user *user;
	struct conn *conn;
	int r;

	/* What a client leaves unread is memory of ours: a few packets will do. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) < 0)
		return NULL;
	peer = (struct peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	r = user_connect(worker->broker->users, cred.uid, config->max_connections,
		config->max_connections_per_user, &user);
	if (r < 0) {
		refuse_new(fd, &peer, -r);
		return NULL;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		user_disconnect(worker->broker->users, user);
		refuse_new(fd, &peer, ENOMEM);
		return NULL;
	}
	*conn = (struct conn){
		.user = user,
		.peer = peer,
		.fd = steal_fd(&fd),
		.touched = worker->now,
		.cpu = WIRE_CPU_UNKNOWN,
	};
	return conn;
}

bool conn_all_received(struct conn *conn)
{
	int unread;

	if (conn->unread == 0)
		return true;
	if (ioctl(conn->fd, SIOCOUTQ, &unread) < 0 || unread > 0)
		return false;
	user_release(conn->user, conn->unread);
	conn->unread = 0;
	return true;
}

void conn_free(struct worker *worker, struct conn *conn)
{
	user_release(conn->user, conn->unread);
	user_disconnect(worker->broker->users, conn->user);
	close(conn->fd);
	free(conn);
}

/* Returns the size of the packet, or 0 when there is none and conn->state says what now. */
static size_t receive(struct conn *conn, uint8_t packet[WIRE_MESSAGE_MAX])
{
	void *const buffer = packet;
	struct fdpass_packet received;
	int r = fdpass_receive(
		conn->fd, &buffer, WIRE_MESSAGE_MAX, &received, 1, NULL, 0, MSG_DONTWAIT);

	if (r == 1 && received.size > 0)
		return received.size;
	if (r == -EAGAIN || r == -EINTR)
		return 0;
	/* Too long a packet, or descriptors with it: they were dropped by the kernel. */
	if (r == -EMSGSIZE || r == -EPROTO) {
		clientlog_write(CLIENTLOG_REFUSE, conn->fd, &conn->peer, NULL, 0, "%s",
			r == -EPROTO ? "a request came with descriptors" : "a request is too long");
		request_refuse(conn, r == -EPROTO ? EPROTO : EBADMSG);
	}
	conn->state = CONN_CLOSED;
	return 0;
}

bool conn_readable(struct worker *worker, struct conn *conn)
{
	uint8_t packet[WIRE_MESSAGE_MAX];
	size_t size;

	if (!conn_all_received(conn)) {
		if (conn->state != CONN_HELD && conn->state != CONN_LEFT) {
			request_refuse(conn, EBUSY);
			clientlog_write(CLIENTLOG_REFUSE, conn->fd, &conn->peer, NULL, 0,
				"asked again before it received its answer");
		}
		conn->state = CONN_HELD;
		return false;
	}
	if (conn->state == CONN_HELD || conn->state == CONN_LEFT) {
		conn->state = CONN_CLOSED;
		return false;
	}
	size = receive(conn, packet);
	if (size == 0)
		return false;
	conn->touched = worker->now;
	if (!worker_may_serve(worker, conn->state == CONN_SILENT)) {
		/* No answer: the client asks again, and the next broker answers. */
		conn->state = CONN_CLOSED;
		return false;
	}
	conn->state = CONN_IDLE;
	if (request_serve(worker, conn, packet, size) == REQUEST_CLOSE)
		conn->state = conn->unread > 0 ? CONN_LEFT : CONN_CLOSED;
	return true;
}

void conn_tick(struct worker *worker, struct conn *conn)
{
	const struct config *config = worker_config(worker);
	/* One from another worker may be a second ahead of this one. */
	uint32_t age = worker->now > conn->touched ? worker->now - conn->touched : 0;

	if (!conn_all_received(conn)) {
		/*
		 * The client may have sent its own end to us and ended. That end lies in our queue
		 * then, and nobody is left to receive anything, unless we drop it.
		 */
		if (conn->state == CONN_LEFT && age > 0) {
			request_stop(conn);
			conn->state = CONN_HELD;
		}
		return;
	}
	switch ((enum conn_state)conn->state) {
	case CONN_SILENT:
		if (age > config->request_timeout_s)
			conn->state = CONN_CLOSED;
		break;
	case CONN_IDLE:
		if (config->idle_timeout_s > 0 && age > config->idle_timeout_s)
			conn->state = CONN_CLOSED;
		break;
	case CONN_LEFT:
	case CONN_HELD:
	case CONN_CLOSED:
		conn->state = CONN_CLOSED;
		break;
	}
}
