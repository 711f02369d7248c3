/* SPDX-License-Identifier: MIT */
/*
 * The input is a client's packet. Whatever it is, the broker answers it once, in the form that was
 * asked in, with sockets only of kinds that are allowed, or a file, and keeps none of them.
 *
 *   byte 0     the kinds that are allowed (enum policy_kind), and in the highest bit AllowResolver=
 *   byte 1     MaxBatch=
 *   byte 2     which of four shares of descriptors in flight the user has
 *   then       the packet
 *
 * request.c, files.c, policy.c and user.c are the real ones; what they need of a worker is here.
 */
#include "tests/fuzz/fuzz.h"

#include "server/broker.h"
#include "server/clientlog.h"
#include "server/conn.h"
#include "server/request.h"
#include "server/worker.h"
#include "server/workers.h"

#include "common/fdpass.h"
#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALLOW_RESOLVER 0x80u

/* What was received of an answer. */
struct answer {
	unsigned packets, fds;
	uint8_t bytes[2][WIRE_MESSAGE_MAX];
	size_t sizes[2];
};

const struct config *worker_config(struct worker *worker)
{
	return &worker->config;
}

void workers_recount(struct worker *worker, struct user *user)
{
	HOLDS(worker->broker->user_descriptors == 0 && user);
}

void clientlog_write(enum clientlog_kind kind, int fd, const struct peer *peer,
	const struct policy_request *request, unsigned count, const char *format, ...)
{
	HOLDS(kind < CLIENTLOG_KINDS && fd >= 0 && peer && format && count <= UINT32_MAX);
}

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static bool is_allowed(int fd, unsigned allowed)
{
	static const struct {
		int protocol;
		unsigned kind;
	} table[] = {{IPPROTO_TCP, POLICY_TCP}, {IPPROTO_UDP, POLICY_UDP}, {262, POLICY_MPTCP},
		{IPPROTO_SCTP, POLICY_SCTP}, {136, POLICY_UDPLITE}, {IPPROTO_ICMP, POLICY_PING},
		{IPPROTO_ICMPV6, POLICY_PING}};
	int domain, type, protocol;
	socklen_t length = sizeof(int);

	if (is_file(fd))
		return allowed & ALLOW_RESOLVER;

	HOLDS(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0);
	HOLDS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0);
	HOLDS(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0);
	if (domain == AF_NETLINK)
		return protocol == NETLINK_ROUTE && (allowed & POLICY_ROUTE);
	if ((domain != AF_INET && domain != AF_INET6) || type == SOCK_RAW)
		return false;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].protocol == protocol)
			return allowed & table[i].kind;
	}
	return false;
}

static void receive_answer(int sock, unsigned allowed, struct answer *ret)
{
	int fds[FDPASS_MAX];

	*ret = (struct answer){0};
	for (;;) {
		uint8_t buffer[WIRE_MESSAGE_MAX];
		void *const pointer = buffer;
		struct fdpass_packet packet;
		int r = fdpass_receive(
			sock, &pointer, sizeof(buffer), &packet, 1, fds, FDPASS_MAX, MSG_DONTWAIT);

		if (r == -EAGAIN)
			return;
		HOLDS(r == 1 && packet.size > 0);
		HOLDS(ret->packets < 2);
		memcpy(ret->bytes[ret->packets], buffer, packet.size);
		ret->sizes[ret->packets++] = packet.size;
		HOLDS(packet.count == 0 || ret->packets == 1);
		for (unsigned i = 0; i < packet.count; i++) {
			HOLDS(is_allowed(fds[i], allowed));
			close(fds[i]);
		}
		ret->fds += packet.count;
	}
}

static void check_plain(const struct answer *answer)
{
	uint32_t error;

	HOLDS(answer->packets == 1);
	HOLDS(wire_plain_reply_decode(answer->bytes[0], answer->sizes[0], &error) == WIRE_OK);
	HOLDS(error < 4096 && answer->fds == (error == 0));
}

static void check_extended(const struct answer *answer, unsigned max_batch)
{
	unsigned last = answer->packets - 1;
	struct wire_verdict verdict;
	struct wire_header header;
	uint32_t count = 0;

	HOLDS(answer->packets >= 1);
	for (unsigned i = 0; i <= last; i++) {
		HOLDS(wire_header_decode(answer->bytes[i], answer->sizes[i], &header) == WIRE_OK);
		HOLDS(header.opcode == (i == last ? WIRE_OP_VERDICT : WIRE_OP_DESCRIPTORS));
	}
	HOLDS(wire_verdict_decode(answer->bytes[last], answer->sizes[last], &verdict) == WIRE_OK);
	if (last == 1)
		HOLDS(wire_descriptors_decode(answer->bytes[0], answer->sizes[0], &count) ==
			WIRE_OK);
	HOLDS(count == answer->fds && verdict.count == count && count <= max_batch);
	HOLDS((verdict.error == 0) == (count > 0));
	HOLDS(verdict.error < 4096 && verdict.version == WIRE_VERSION);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned shares[] = {1000, 100, 1, 0};
	struct input input = {data, size};
	unsigned allowed = input_byte(&input);
	unsigned max_batch = 1u + input_byte(&input) % 253;
	unsigned share = shares[input_byte(&input) % 4];
	struct broker broker = {.user_descriptors = share};
	struct worker worker = {.broker = &broker};
	struct user user = {.uid = 1000};
	struct answer answer;
	struct conn conn = {.user = &user};
	enum request_result result;
	unsigned before = fds_open();
	int pair[2];

	/* The caller reads no packet that is longer, and none without a byte. */
	if (input.size == 0 || input.size > WIRE_MESSAGE_MAX)
		return 0;
	worker.config.max_batch = max_batch;
	worker.config.policy.kinds = allowed & ~ALLOW_RESOLVER;
	worker.config.allow_resolver = allowed & ALLOW_RESOLVER;
	HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	conn.fd = pair[0];
	result = request_serve(&worker, &conn, input.data, input.size);
	HOLDS(result == REQUEST_NEXT || result == REQUEST_CLOSE);
	HOLDS(fds_open() == before + 2);
	receive_answer(pair[1], allowed, &answer);
	HOLDS(conn.unread == answer.fds && atomic_load(&user.descriptors) == answer.fds);
	if (wire_magic(input.data, input.size) == WIRE_PLAIN_REQUEST)
		check_plain(&answer);
	else
		check_extended(&answer, max_batch);
	HOLDS(answer.fds <= share);
	close(pair[0]);
	close(pair[1]);
	HOLDS(fds_open() == before);
	return 0;
}
