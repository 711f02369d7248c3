/* SPDX-License-Identifier: MIT */
/*
 * No broker can make a caller wait for longer than the deadline, in whatever state it falls silent
 * and however often the caller is interrupted. The library is compiled for this with a deadline of
 * DEADLINE_MS.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/exchange.h"
#include "lib/xsocket.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#define AT_LEAST     (DEADLINE_MS - 20) /* socket timeouts are as exact as the clock tick */
#define FAR_TOO_LONG 5000 /* the usual deadline is 10 seconds */

static struct fake_broker broker;
static unsigned fds_before;

static const struct fake_action silent[] = {FAKE_WAIT, FAKE_HANG_UP};
static const struct fake_action silent_after_request[] = {FAKE_REQUEST, FAKE_WAIT, FAKE_HANG_UP};
static const struct fake_action silent_after_descriptors[] = {
	FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_WAIT, FAKE_HANG_UP};
static const struct fake_action silent_the_second_time[] = {FAKE_REQUEST,
	FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_VERDICT(0, 1), FAKE_REQUEST, FAKE_WAIT,
	FAKE_HANG_UP};
static const struct fake_action *const silences[] = {
	silent, silent_after_request, silent_after_descriptors};

static void begin(const struct fake_action *script)
{
	const struct fake_action *const scripts[] = {script, NULL};

	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
}

static void end(void)
{
	assert_int_equal(fds_count(), fds_before);
	fake_broker_stop(&broker);
}

static void times_out(const char *server, struct xsocket_client *client)
{
	int64_t took = now_ms();
	int fd;

	errno = 0;
	fd = client ? xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0)
		    : xsocket(server, AF_INET, SOCK_STREAM, 0);
	took = now_ms() - took;
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(fd, -1);
	assert_true(took >= AT_LEAST);
	assert_true(took < FAR_TOO_LONG);
}

static void a_silent_broker_times_out(void **state)
{
	for (size_t i = 0; i < ELEMENTS(silences); i++) {
		begin(silences[i]);
		times_out(broker.server, NULL);
		/* nobody asks a silent broker again */
		assert_int_equal(atomic_load(&broker.counts->connections), 1);
		end();
	}
}

static void a_silent_broker_times_out_in_a_storm_of_signals(void **state)
{
	for (size_t i = 0; i < ELEMENTS(silences); i++) {
		begin(silences[i]);
		storm_begin();
		times_out(broker.server, NULL);
		storm_end();
		assert_true(storm_signals() > 10);
		end();
	}
}

static void a_handle_times_out_and_connects_again(void **state)
{
	const struct fake_action *const scripts[] = {
		silent_the_second_time, silent, fake_serve, NULL};
	struct xsocket_client *client;
	int fd;

	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
	client = xsocket_client_new(broker.server);
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
	times_out(NULL, client);
	/* The answer of the old connection may still come. It is closed. */
	assert_int_equal(fds_count(), fds_before);
	times_out(NULL, client);
	assert_int_equal(fds_count(), fds_before);
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
	xsocket_client_free(client);
	end();
}

/* Connecting waits as long as the queue of the broker is full. */
static void a_full_queue_times_out(void **state)
{
	int listener, waiting[2];
	struct address address;
	struct temp temp;
	char path[128];

	temp_make(&temp);
	temp_path(&temp, "full", path);
	must(address_from_server(path, &address) == 0);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	must(bind(listener, (struct sockaddr *)&address.un, address.length) == 0);
	must(listen(listener, 0) == 0);
	waiting[0] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	waiting[1] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(connect(waiting[0], (struct sockaddr *)&address.un, address.length) == 0);
	must(connect(waiting[1], (struct sockaddr *)&address.un, address.length) < 0);
	must(errno == EAGAIN);
	fds_before = fds_count();
	times_out(path, NULL);
	storm_begin();
	times_out(path, NULL);
	assert_null(xsocket_client_new(path));
	assert_int_equal(errno, ETIMEDOUT);
	storm_end();
	assert_int_equal(fds_count(), fds_before);
	fds_close(waiting, 2);
	close(listener);
	temp_remove(&temp);
}

/* A peer that reads nothing fills the buffer of the sender. */
static void a_request_that_cannot_be_sent_times_out(void **state)
{
	struct request request = {.opcode = WIRE_OP_SOCKET,
		.socket = {.domain = AF_INET, .type = SOCK_STREAM, .count = 1}};
	struct exchange exchange = {.fd = -1};
	int64_t took = now_ms();
	bool alive = true;
	int pair[2], fd;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	while (send(pair[0], "x", 1, MSG_DONTWAIT) == 1)
		continue;
	must(errno == EAGAIN);
	exchange.fd = pair[0];
	exchange.deadline_ns = exchange_deadline();
	storm_begin();
	assert_int_equal(exchange_ask(&exchange, &request, &fd, &alive), -ETIMEDOUT);
	storm_end();
	assert_false(alive);
	assert_true(now_ms() - took >= AT_LEAST);
	assert_true(now_ms() - took < FAR_TOO_LONG);
	fds_close(pair, 2);
}

static void a_deadline_that_has_passed_is_not_waited_for(void **state)
{
	struct request request = {.opcode = WIRE_OP_SOCKET,
		.socket = {.domain = AF_INET, .type = SOCK_STREAM, .count = 1}};
	struct exchange exchange = {.fd = -1};
	struct address address;
	bool alive = true;
	int fd = -7;

	begin(fake_serve);
	must(address_from_server(broker.server, &address) == 0);
	must(exchange_open(&exchange) == 0);
	assert_int_equal(exchange_connect(&exchange, &address), -ETIMEDOUT);
	exchange.deadline_ns = exchange_deadline();
	assert_int_equal(exchange_connect(&exchange, &address), 0);
	exchange.deadline_ns = 1;
	assert_int_equal(exchange_ask(&exchange, &request, &fd, &alive), -ETIMEDOUT);
	assert_false(alive);
	assert_int_equal(atomic_load(&broker.counts->requests), 0);
	close(exchange.fd);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_broker_times_out),
		cmocka_unit_test(a_silent_broker_times_out_in_a_storm_of_signals),
		cmocka_unit_test(a_handle_times_out_and_connects_again),
		cmocka_unit_test(a_full_queue_times_out),
		cmocka_unit_test(a_request_that_cannot_be_sent_times_out),
		cmocka_unit_test(a_deadline_that_has_passed_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
