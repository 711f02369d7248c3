/* SPDX-License-Identifier: MIT */
/*
 * The input is a broker: what was asked for, and which packets, with which descriptors, come back.
 * Whatever it is, the exchange ends; then either all descriptors that there are were announced and
 * counted, and belong to the caller, or there are none.
 *
 *   byte 0       flags: 1 the broker closes its end, else it only says that nothing follows;
 *                2 a request was never read, which resets the connection
 *   byte 1       index of what is asked for: sockets of some kinds, a file
 *   byte 2       how many
 *   then packets of
 *     byte 0     0-253: so many descriptors; 254, 255: one that is not what was asked for
 *     byte 1     number of bytes, which follow
 */
#include "tests/fuzz/fuzz.h"

#include "lib/exchange.h"

#include "common/fdpass.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	int type, protocol;
} kinds[] = {
	{SOCK_STREAM, 0},
	{SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP},
	{SOCK_DGRAM, 0},
	{SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP},
	{SOCK_SEQPACKET, 0},
	{-1, 0}, /* a file */
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Made once: TCP, UDP, a device, a file. */
static int made[4];

static void make_once(void)
{
	if (made[0])
		return;
	made[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	made[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	made[2] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	made[3] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < 4; i++)
		HOLDS(made[i] > 0);
}

static struct request request_of(unsigned kind, unsigned count)
{
	if (kinds[kind].type < 0)
		return (struct request){
			.opcode = WIRE_OP_RESOLVER, .resolver = {.file = WIRE_HOSTS}};
	return (struct request){
		.opcode = WIRE_OP_SOCKET,
		.socket =
			{
				.domain = AF_INET,
				.type = (uint32_t)kinds[kind].type,
				.protocol = (uint32_t)kinds[kind].protocol,
				.count = count,
			},
	};
}

/* What a right broker would send. */
static int right_for(unsigned kind)
{
	if (kinds[kind].type < 0)
		return made[3];
	return made[(kinds[kind].type & 0xf) == SOCK_DGRAM];
}

static void send_packets(int sock, struct input *input, int right)
{
	for (unsigned n = 0; n < 8 && input->size > 0; n++) {
		unsigned count = input_byte(input);
		int fds[FDPASS_MAX];
		size_t size;
		const uint8_t *bytes = input_bytes(input, input_byte(input), &size);

		for (unsigned i = 0; i < FDPASS_MAX; i++)
			fds[i] = right;
		if (count > FDPASS_MAX) {
			fds[0] = count == 254 ? made[2] : made[right == made[0]];
			count = 1;
		}
		if (size > 0)
			HOLDS(fdpass_send(sock, bytes, size, fds, count, MSG_DONTWAIT) == 0);
	}
}

static void check(int r, bool alive, unsigned count, const int *fds)
{
	if (r < 0) {
		HOLDS(r >= -4095);
		return;
	}
	HOLDS(r > 0 && (unsigned)r <= count);
	HOLDS(alive);
	for (int i = 0; i < r; i++)
		HOLDS(fcntl(fds[i], F_GETFD) == FD_CLOEXEC && close(fds[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	uint8_t flags = input_byte(&input);
	unsigned kind = input_byte(&input) % KINDS;
	unsigned count = 1u + input_byte(&input) % WIRE_BATCH_MAX;
	struct request request = request_of(kind, count);
	struct exchange exchange = {0};
	int pair[2], fds[WIRE_BATCH_MAX], r;
	bool alive = false;
	unsigned before;

	make_once();
	before = fds_open();
	HOLDS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	if (flags & 2)
		HOLDS(send(pair[0], "unread", 6, 0) == 6);
	send_packets(pair[1], &input, right_for(kind));
	if (flags & 1)
		close(pair[1]);
	else
		HOLDS(shutdown(pair[1], SHUT_WR) == 0);
	exchange.fd = pair[0];
	exchange.deadline_ns = exchange_deadline();
	r = exchange_ask(&exchange, &request, fds, &alive);
	HOLDS(r != -ETIMEDOUT || alive); /* only a verdict may say so here */
	check(r, alive, request.opcode == WIRE_OP_RESOLVER ? 1 : count, fds);
	close(pair[0]);
	if (!(flags & 1))
		close(pair[1]);
	HOLDS(fds_open() == before);
	return 0;
}
