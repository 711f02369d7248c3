/* SPDX-License-Identifier: MIT */
/*
 * Batches of any size come whole, by as few messages as they need; what came before an error is
 * kept; a broker with a smaller MaxBatch= is asked again.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MOST 1000

static struct rlimit limit_before;
static struct fake_broker broker;
static struct xsocket_client *client;
static unsigned fds_before;
static int fds[MOST + 1];

static void begin(const struct fake_action *script)
{
	const struct fake_action *const scripts[] = {script, NULL};

	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
	client = xsocket_client_new(broker.server);
	assert_non_null(client);
	for (unsigned i = 0; i <= MOST; i++)
		fds[i] = -7;
}

static void end(void)
{
	xsocket_client_free(client);
	fake_broker_end(&broker, fds_before);
}

static int ask(unsigned n)
{
	return xsocket_client_sockets(client, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds, n);
}

/* Whether the first n are sockets, and nothing is written behind them. Closes them. */
static void has(unsigned n)
{
	assert_int_equal(fds_count(), fds_before + 1 + n);
	for (unsigned i = 0; i < n; i++) {
		assert_true(fd_is_socket(fds[i], SOCK_DGRAM, IPPROTO_UDP));
		assert_true(fd_is_cloexec(fds[i]));
	}
	assert_int_equal(fds[n], -7);
	fds_close(fds, n);
	for (unsigned i = 0; i <= MOST; i++)
		fds[i] = -7;
}

static void any_number_comes_by_as_few_messages_as_it_needs(void **state)
{
	static const struct {
		unsigned n, requests;
	} cases[] = {{0, 0}, {1, 1}, {2, 1}, {252, 1}, {253, 1}, {254, 2}, {506, 2}, {507, 3},
		{MOST, 4}};

	begin(fake_serve);
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		unsigned before = atomic_load(&broker.counts->requests);

		assert_int_equal(ask(cases[i].n), cases[i].n);
		has(cases[i].n);
		assert_int_equal(
			atomic_load(&broker.counts->requests) - before, cases[i].requests);
	}
	assert_int_equal(atomic_load(&broker.counts->connections), 1);
	end();
}

static void a_smaller_limit_of_the_broker_only_takes_more_messages(void **state)
{
	begin(fake_serve);
	atomic_store(&broker.counts->max_batch, 10);
	assert_int_equal(ask(25), 25);
	has(25);
	assert_int_equal(atomic_load(&broker.counts->requests), 3);
	end();
}

static void what_came_before_an_error_is_kept(void **state)
{
	static const struct fake_action script[] = {FAKE_REQUEST,
		FAKE_DESCRIPTORS(7, 7, FAKE_ASKED), FAKE_VERDICT(0, 7), FAKE_REQUEST,
		FAKE_VERDICT(EMFILE, 0), FAKE_REQUEST, FAKE_VERDICT(ENFILE, 0), FAKE_SERVE,
		FAKE_HANG_UP};

	begin(script);
	errno = 12345;
	assert_int_equal(ask(9), 7);
	assert_int_equal(errno, 12345);
	has(7);
	errno = 0;
	assert_int_equal(ask(9), -1);
	assert_int_equal(errno, ENFILE);
	has(0);
	assert_int_equal(ask(9), 9);
	has(9);
	end();
}

static void nonsense_after_the_first_ones_leaves_those(void **state)
{
	static const struct fake_action script[] = {FAKE_REQUEST,
		FAKE_DESCRIPTORS(3, 3, FAKE_ASKED), FAKE_VERDICT(0, 3), FAKE_REQUEST,
		FAKE_DESCRIPTORS(2, 3, FAKE_ASKED), FAKE_VERDICT(0, 3), FAKE_WAIT, FAKE_HANG_UP};

	begin(script);
	assert_int_equal(ask(100), 3);
	assert_int_equal(fds_count(), fds_before + 3); /* that connection is no good any more */
	fds_close(fds, 3);
	end();
}

static void a_table_that_gets_full_leaves_none_of_the_last_message(void **state)
{
	begin(fake_serve);
	fds_limit(300);
	assert_int_equal(ask(MOST), 253);
	fds_unlimit();
	assert_int_equal(fds_count(), fds_before + 253);
	fds_close(fds, 253);
	fds_limit(100);
	errno = 0;
	assert_int_equal(ask(MOST), -1);
	assert_int_equal(errno, EMFILE);
	fds_unlimit();
	assert_int_equal(fds_count(), fds_before);
	assert_int_equal(ask(5), 5);
	fds_close(fds, 5);
	end();
}

static void not_close_on_exec_holds_for_each(void **state)
{
	begin(fake_serve);
	assert_int_equal(xsocket_client_sockets(client, AF_INET, SOCK_STREAM, 0, fds, 254), 254);
	for (unsigned i = 0; i < 254; i++)
		assert_false(fd_is_cloexec(fds[i]));
	fds_close(fds, 254);
	end();
}

static int raise_limit(void **state)
{
	struct rlimit limit;

	must(getrlimit(RLIMIT_NOFILE, &limit_before) == 0);
	limit = limit_before;
	if (limit.rlim_cur < MOST + 100)
		limit.rlim_cur = limit.rlim_max < MOST + 100 ? limit.rlim_max : MOST + 100;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_comes_by_as_few_messages_as_it_needs),
		cmocka_unit_test(a_smaller_limit_of_the_broker_only_takes_more_messages),
		cmocka_unit_test(what_came_before_an_error_is_kept),
		cmocka_unit_test(nonsense_after_the_first_ones_leaves_those),
		cmocka_unit_test(a_table_that_gets_full_leaves_none_of_the_last_message),
		cmocka_unit_test(not_close_on_exec_holds_for_each),
	};

	return cmocka_run_group_tests(tests, raise_limit, NULL);
}
