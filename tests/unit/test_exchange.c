/* SPDX-License-Identifier: MIT */
/*
 * One exchange over a socket pair where all packets are there before they are looked at, so that
 * two of them come by one call: the order of packets, the end of file behind them, a reset before
 * them. What is left unread stays unread, and the connection is said to be alive only if it is.
 */
#include "tests/unit/unit.h"

#include "lib/exchange.h"

#include "common/fdpass.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int client, broker;
static unsigned fds_before;
static int fds[WIRE_BATCH_MAX];
static bool alive;

static int setup(void **state)
{
	int pair[2];

	fds_before = fds_count();
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	client = pair[0];
	broker = pair[1];
	return 0;
}

static int teardown(void **state)
{
	close(client);
	if (broker >= 0)
		close(broker);
	assert_int_equal(fds_count(), fds_before);
	return 0;
}

static void descriptors(unsigned count)
{
	uint8_t packet[WIRE_DESCRIPTORS_SIZE];
	int sent[WIRE_BATCH_MAX];

	for (unsigned i = 0; i < count; i++)
		sent[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	wire_descriptors_encode(packet, count);
	must(fdpass_send(broker, packet, sizeof(packet), sent, count, 0) == 0);
	fds_close(sent, count);
}

static void verdict(uint32_t error, uint32_t count)
{
	uint8_t packet[WIRE_VERDICT_SIZE];

	wire_verdict_encode(packet, &(struct wire_verdict){error, count, 1});
	must(fdpass_send(broker, packet, sizeof(packet), NULL, 0, 0) == 0);
}

static void hang_up(void)
{
	close(broker);
	broker = -1;
}

static int ask(unsigned count)
{
	struct request request = {.opcode = WIRE_OP_SOCKET,
		.socket = {.domain = AF_INET, .type = SOCK_STREAM, .count = count}};
	struct exchange exchange = {.fd = client, .deadline_ns = exchange_deadline()};
	int r;

	for (unsigned i = 0; i < WIRE_BATCH_MAX; i++)
		fds[i] = -7;
	alive = !alive; /* has to be written */
	r = exchange_ask(&exchange, &request, fds, &alive);
	assert_int_equal(exchange.fd, client);
	return r;
}

static void has(int r, unsigned count)
{
	assert_int_equal(r, count);
	assert_true(alive);
	for (unsigned i = 0; i < count; i++) {
		assert_true(fd_is_socket(fds[i], SOCK_STREAM, IPPROTO_TCP));
		assert_true(fd_is_cloexec(fds[i]));
	}
	fds_close(fds, count);
}

static void has_not(int r, int error, bool still_alive)
{
	assert_int_equal(r, -error);
	assert_int_equal(alive, still_alive);
}

static void the_request_is_one_packet(void **state)
{
	static const uint8_t expected[] = {'X', 'S', '0', '3', 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 40,
		0, 0, 0, AF_INET, 0, 0, 0, SOCK_STREAM, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
		0};
	uint8_t packet[64];

	descriptors(3);
	verdict(0, 3);
	has(ask(3), 3);
	assert_int_equal(recv(broker, packet, sizeof(packet), MSG_DONTWAIT), sizeof(expected));
	assert_memory_equal(packet, expected, sizeof(expected));
	assert_int_equal(recv(broker, packet, sizeof(packet), MSG_DONTWAIT), -1);
}

static void an_answer_may_be_smaller_than_asked_for(void **state)
{
	descriptors(2);
	verdict(0, 2);
	has(ask(WIRE_BATCH_MAX), 2);
	descriptors(WIRE_BATCH_MAX);
	verdict(0, WIRE_BATCH_MAX);
	has(ask(WIRE_BATCH_MAX), WIRE_BATCH_MAX);
}

static void answers_keep_their_order(void **state)
{
	/* all there at once: no call may take a packet of the next answer */
	for (unsigned i = 1; i <= 20; i++) {
		descriptors(i);
		verdict(0, i);
	}
	for (unsigned i = 1; i <= 20; i++)
		has(ask(20), i);
}

static void an_end_behind_the_answer_is_for_the_next_request(void **state)
{
	descriptors(1);
	verdict(0, 1);
	must(shutdown(broker, SHUT_WR) == 0);
	has(ask(1), 1);
	has_not(ask(1), ECONNRESET, false);
}

static void an_end_behind_a_refusal_is_for_the_next_request(void **state)
{
	verdict(EACCES, 0);
	must(shutdown(broker, SHUT_WR) == 0);
	has_not(ask(1), EACCES, true);
	has_not(ask(1), ECONNRESET, false);
}

static void an_end_without_an_answer_is_a_reset(void **state)
{
	must(shutdown(broker, SHUT_WR) == 0);
	has_not(ask(1), ECONNRESET, false);
}

static void an_end_between_the_packets_is_a_reset(void **state)
{
	descriptors(5);
	must(shutdown(broker, SHUT_WR) == 0);
	has_not(ask(5), ECONNRESET, false);
	assert_int_equal(fds_count(), fds_before + 2);
}

static void a_refusal_is_read_although_the_broker_is_gone(void **state)
{
	verdict(EUSERS, 0);
	hang_up();
	has_not(ask(1), EUSERS, true);
	has_not(ask(1), ECONNRESET, false);
}

static void a_refusal_is_read_behind_a_reset(void **state)
{
	/* a request that is never read resets the connection when the broker closes it */
	must(send(client, "unread", 6, 0) == 6);
	verdict(EUSERS, 0);
	hang_up();
	has_not(ask(1), EUSERS, true);
}

static void sockets_are_read_behind_a_reset(void **state)
{
	must(send(client, "unread", 6, 0) == 6);
	descriptors(2);
	verdict(0, 2);
	hang_up();
	has(ask(2), 2);
}

static void only_a_reset_is_a_reset(void **state)
{
	must(send(client, "unread", 6, 0) == 6);
	hang_up();
	has_not(ask(1), ECONNRESET, false);
}

static void a_packet_behind_the_verdict_spoils_it(void **state)
{
	/* the first two come by one call, so this is seen */
	verdict(EACCES, 0);
	verdict(EACCES, 0);
	has_not(ask(1), EPROTO, false);
}

static void a_verdict_before_the_descriptors_spoils_them(void **state)
{
	verdict(EACCES, 0);
	descriptors(1);
	has_not(ask(1), EPROTO, false);
	assert_int_equal(fds_count(), fds_before + 2);
}

static void a_full_table_is_no_reset(void **state)
{
	int r;

	descriptors(5);
	verdict(0, 5);
	fds_limit(2);
	r = ask(5);
	fds_unlimit();
	has_not(r, EMFILE, false);
	assert_int_equal(fds_count(), fds_before + 2);
}

static void other_kinds_are_taken_for_what_they_are(void **state)
{
	static const struct {
		int type, protocol;
		int asked_type, asked_protocol;
		bool right;
	} cases[] = {
		{SOCK_STREAM, 0, SOCK_STREAM, IPPROTO_TCP, true},
		{SOCK_STREAM, 0, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, true},
		{SOCK_DGRAM, 0, SOCK_DGRAM, 0, true},
		{SOCK_DGRAM, 0, SOCK_DGRAM, IPPROTO_UDP, true},
		{SOCK_DGRAM, 0, SOCK_STREAM, 0, false},
		{SOCK_STREAM, 0, SOCK_DGRAM, 0, false},
		{SOCK_STREAM, 0, SOCK_STREAM, 262, false},
		{SOCK_STREAM, 0, SOCK_STREAM, IPPROTO_SCTP, false},
		{SOCK_STREAM, 0, SOCK_STREAM, -1, false},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct request request = {.opcode = WIRE_OP_SOCKET,
			.socket = {.domain = AF_INET,
				.type = (uint32_t)cases[i].asked_type,
				.protocol = (uint32_t)cases[i].asked_protocol,
				.count = 1}};
		struct exchange exchange = {.fd = client, .deadline_ns = exchange_deadline()};
		int fd = socket(AF_INET, cases[i].type, cases[i].protocol), r;
		uint8_t packet[WIRE_DESCRIPTORS_SIZE];

		wire_descriptors_encode(packet, 1);
		must(fdpass_send(broker, packet, sizeof(packet), &fd, 1, 0) == 0);
		close(fd);
		verdict(0, 1);
		r = exchange_ask(&exchange, &request, &fd, &alive);
		assert_int_equal(r, cases[i].right ? 1 : -EPROTO);
		assert_int_equal(alive, cases[i].right);
		if (r == 1)
			close(fd);
		assert_int_equal(fds_count(), fds_before + 2);
	}
}

/* Their protocol 0 is none of those of the internet. */
static void other_families_have_their_own_protocols(void **state)
{
	for (int type = SOCK_DGRAM; type <= SOCK_RAW; type++) {
		struct request request = {.opcode = WIRE_OP_SOCKET,
			.socket = {.domain = AF_NETLINK, .type = (uint32_t)type, .count = 1}};
		struct exchange exchange = {.fd = client, .deadline_ns = exchange_deadline()};
		int fd = socket(AF_NETLINK, type, NETLINK_ROUTE);
		uint8_t packet[WIRE_DESCRIPTORS_SIZE];

		wire_descriptors_encode(packet, 1);
		must(fdpass_send(broker, packet, sizeof(packet), &fd, 1, 0) == 0);
		close(fd);
		verdict(0, 1);
		assert_int_equal(exchange_ask(&exchange, &request, &fd, &alive), 1);
		assert_true(alive);
		close(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_request_is_one_packet),
		TEST(an_answer_may_be_smaller_than_asked_for),
		TEST(answers_keep_their_order),
		TEST(an_end_behind_the_answer_is_for_the_next_request),
		TEST(an_end_behind_a_refusal_is_for_the_next_request),
		TEST(an_end_without_an_answer_is_a_reset),
		TEST(an_end_between_the_packets_is_a_reset),
		TEST(a_refusal_is_read_although_the_broker_is_gone),
		TEST(a_refusal_is_read_behind_a_reset),
		TEST(sockets_are_read_behind_a_reset),
		TEST(only_a_reset_is_a_reset),
		TEST(a_packet_behind_the_verdict_spoils_it),
		TEST(a_verdict_before_the_descriptors_spoils_them),
		TEST(a_full_table_is_no_reset),
		TEST(other_kinds_are_taken_for_what_they_are),
		TEST(other_families_have_their_own_protocols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
