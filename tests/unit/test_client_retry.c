/* SPDX-License-Identifier: MIT */
/*
 * A broker that hangs up without an answer is asked again, on a new connection, a few times; then
 * the errno is ENETDOWN, in less than two seconds. A refusal that a broker sent before it hung up
 * is the answer. A handle outlives brokers that end, and costs nothing each time.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#define ATTEMPTS 4

static struct fake_broker broker;
static unsigned fds_before;

static const struct fake_action at_once[] = {FAKE_HANG_UP};
static const struct fake_action after_request[] = {FAKE_REQUEST, FAKE_HANG_UP};
static const struct fake_action after_descriptors[] = {
	FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_HANG_UP};
static const struct fake_action before_request_refused[] = {FAKE_VERDICT(EUSERS, 0), FAKE_HANG_UP};
static const struct fake_action after_request_refused[] = {
	FAKE_REQUEST, FAKE_VERDICT(EACCES, 0), FAKE_HANG_UP};
static const struct fake_action served_once[] = {FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED),
	FAKE_VERDICT(0, 1), FAKE_HANG_UP};

static const struct fake_action *const hang_ups[] = {at_once, after_request, after_descriptors};

static void begin(const struct fake_action *const *scripts)
{
	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
}

static void end(void)
{
	fake_broker_end(&broker, fds_before);
}

static void is_served(int fd)
{
	assert_true(fd >= 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
}

static void is_refused(int fd, int error)
{
	assert_int_equal(errno, error);
	assert_int_equal(fd, -1);
}

static int ask(struct xsocket_client *client)
{
	errno = 0;
	return client ? xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0)
		      : xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
}

static void a_few_hang_ups_are_not_noticed(void **state)
{
	for (size_t i = 0; i < ELEMENTS(hang_ups); i++) {
		for (unsigned n = 0; n < ATTEMPTS; n++) {
			const struct fake_action *scripts[ATTEMPTS + 1] = {0};

			for (unsigned k = 0; k < n; k++)
				scripts[k] = hang_ups[i];
			scripts[n] = fake_serve;
			begin(scripts);
			is_served(ask(NULL));
			assert_int_equal(atomic_load(&broker.counts->connections), n + 1);
			end();
		}
	}
}

static void a_broker_that_always_hangs_up_is_down(void **state)
{
	for (size_t i = 0; i < ELEMENTS(hang_ups); i++) {
		const struct fake_action *const scripts[] = {hang_ups[i], NULL};
		struct xsocket_client *client;
		int64_t began;

		begin(scripts);
		began = now_ms();
		is_refused(ask(NULL), ENETDOWN);
		assert_true(now_ms() - began < 2000);
		assert_int_equal(atomic_load(&broker.counts->connections), ATTEMPTS);
		client = xsocket_client_new(broker.server);
		assert_non_null(client);
		for (unsigned k = 0; k < 3; k++) {
			began = now_ms();
			is_refused(ask(client), ENETDOWN);
			assert_true(now_ms() - began < 2000);
		}
		xsocket_client_free(client);
		end();
	}
}

/* A broker that starts again needs its time, however often the caller is interrupted. */
static void signals_do_not_shorten_the_patience(void **state)
{
	static const struct fake_action *const scripts[] = {at_once, NULL};
	int64_t took;

	begin(scripts);
	storm_begin();
	took = now_ms();
	is_refused(ask(NULL), ENETDOWN);
	took = now_ms() - took;
	storm_end();
	assert_true(took >= 10 + 40 + 160 - 1);
	end();
}

static void a_refusal_before_the_request_is_the_answer(void **state)
{
	static const struct fake_action *const scripts[] = {before_request_refused, NULL};

	/* Whether the request or the end comes first is the kernel's choice each time. */
	for (unsigned i = 0; i < 50; i++) {
		begin(scripts);
		is_refused(ask(NULL), EUSERS);
		end();
	}
}

static void a_refusal_before_the_end_is_the_answer(void **state)
{
	static const struct fake_action *const scripts[] = {after_request_refused, NULL};
	struct xsocket_client *client;

	begin(scripts);
	is_refused(ask(NULL), EACCES);
	client = xsocket_client_new(broker.server);
	is_refused(ask(client), EACCES);
	is_refused(ask(client), EACCES);
	xsocket_client_free(client);
	end();
}

static void a_handle_connects_again(void **state)
{
	static const struct fake_action *const scripts[] = {served_once, NULL};
	struct xsocket_client *client;

	begin(scripts);
	client = xsocket_client_new(broker.server);
	for (unsigned i = 1; i <= 20; i++) {
		is_served(ask(client));
		assert_int_equal(atomic_load(&broker.counts->connections), i);
		assert_int_equal(fds_count(), fds_before + 1);
	}
	xsocket_client_free(client);
	end();
}

static void the_end_of_a_kept_connection_does_not_count(void **state)
{
	static const struct fake_action *const scripts[] = {
		served_once, at_once, after_request, after_descriptors, fake_serve, NULL};
	struct xsocket_client *client;

	begin(scripts);
	client = xsocket_client_new(broker.server);
	is_served(ask(client));
	is_served(ask(client));
	assert_int_equal(atomic_load(&broker.counts->connections), 1 + ATTEMPTS);
	assert_int_equal(fds_count(), fds_before + 1);
	xsocket_client_free(client);
	end();
}

static void a_handle_outlives_brokers(void **state)
{
	static const struct fake_action *const scripts[] = {fake_serve, NULL};
	struct xsocket_client *client;

	begin(scripts);
	client = xsocket_client_new(broker.server);
	for (unsigned i = 0; i < 10; i++) {
		is_served(ask(client));
		is_served(ask(client));
		assert_int_equal(fds_count(), fds_before + 1);
		assert_int_equal(atomic_load(&broker.counts->connections), 1);
		fake_broker_stop(&broker);
		fake_broker_restart(&broker, scripts);
	}
	/* a client made anew, with the same number, is not mixed up with the old one */
	xsocket_client_free(client);
	end();
}

static void a_handle_waits_for_no_broker_that_is_gone(void **state)
{
	static const struct fake_action *const scripts[] = {fake_serve, NULL};
	struct xsocket_client *client;

	begin(scripts);
	client = xsocket_client_new(broker.server);
	is_served(ask(client));
	fake_broker_stop(&broker);
	for (unsigned i = 0; i < 3; i++) {
		is_refused(ask(client), ECONNREFUSED);
		assert_int_equal(fds_count(), fds_before - 1); /* the gate's is closed, too */
	}
	fake_broker_restart(&broker, scripts);
	is_served(ask(client));
	xsocket_client_free(client);
	end();
}

static void other_descriptors_may_take_the_number_of_the_connection(void **state)
{
	static const struct fake_action *const scripts[] = {served_once, NULL};
	struct xsocket_client *client;
	int taken[10];

	begin(scripts);
	client = xsocket_client_new(broker.server);
	/* each new connection gets another number than the one before */
	for (unsigned i = 0; i < ELEMENTS(taken); i++) {
		taken[i] = ask(client);
		assert_true(fd_is_socket(taken[i], SOCK_STREAM, IPPROTO_TCP));
		assert_int_equal(fds_count(), fds_before + 1 + i + 1);
	}
	for (unsigned i = 0; i < ELEMENTS(taken); i++) {
		is_served(ask(client));
		close(taken[i]);
	}
	xsocket_client_free(client);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_hang_ups_are_not_noticed),
		cmocka_unit_test(a_broker_that_always_hangs_up_is_down),
		cmocka_unit_test(signals_do_not_shorten_the_patience),
		cmocka_unit_test(a_refusal_before_the_request_is_the_answer),
		cmocka_unit_test(a_refusal_before_the_end_is_the_answer),
		cmocka_unit_test(a_handle_connects_again),
		cmocka_unit_test(the_end_of_a_kept_connection_does_not_count),
		cmocka_unit_test(a_handle_outlives_brokers),
		cmocka_unit_test(a_handle_waits_for_no_broker_that_is_gone),
		cmocka_unit_test(other_descriptors_may_take_the_number_of_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
