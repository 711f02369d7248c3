/* SPDX-License-Identifier: MIT */
/*
 * No broker keeps a program waiting in socket(2) for longer than one deadline, whether a socket is
 * asked for alone or with others, by a connection that is new or kept. The library is compiled for
 * this with a deadline of DEADLINE_MS.
 */
#include "tests/unit/test_redirect_kept.h"

#include "preload/report.h"
#include "xredirect/source.h"

#include <errno.h>
#include <unistd.h>

#define SIZE	     8
#define AT_LEAST     (DEADLINE_MS - 20) /* socket timeouts are as exact as the clock tick */
#define FAR_TOO_LONG 5000		/* the usual deadline is 10 seconds */

static struct fake_broker broker;

static const struct fake_action silent[] = {FAKE_WAIT, FAKE_HANG_UP};
static const struct fake_action silent_after_descriptors[] = {
	FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_WAIT, FAKE_HANG_UP};
static const struct fake_action silent_the_second_time[] = {FAKE_REQUEST,
	FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_VERDICT(0, 1), FAKE_REQUEST, FAKE_WAIT,
	FAKE_HANG_UP};

static void begin(const struct fake_action *script)
{
	const struct fake_action *const scripts[] = {script, fake_serve, NULL};

	fake_broker_start(&broker, scripts);
}

static void end(void)
{
	fake_broker_stop(&broker);
	close_range(3, ~0u, 0);
}

static int ask_source(unsigned size)
{
	struct route route = {.server = broker.server, .pool = size};
	int fd = source_socket(&route, "socket()", AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd < 0 || (fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && close(fd) == 0));
	return fd < 0 ? fd : 0;
}

static void times_out(unsigned size)
{
	int64_t took = now_ms();

	assert_int_equal(ask_source(size), -ENETDOWN);
	took = now_ms() - took;
	assert_true(took >= AT_LEAST && took < FAR_TOO_LONG);
	/* Nobody asks a silent broker again. */
	assert_int_equal(atomic_load(&broker.counts->connections), 1);
}

static void a_silent_broker(void **state)
{
	for (unsigned size = 0; size <= SIZE; size += SIZE) {
		unsigned before;

		begin(silent);
		before = fds_count();
		times_out(size);
		assert_int_equal(fds_count(), before);
		/* and then it is well again */
		assert_int_equal(ask_source(size), 0);
		end();
	}
}

static void silent_in_the_middle(void **state)
{
	for (unsigned size = 0; size <= SIZE; size += SIZE) {
		unsigned before;

		begin(silent_after_descriptors);
		before = fds_count();
		times_out(size);
		/* The socket that came is of no use without a verdict. */
		assert_int_equal(fds_count(), before);
		end();
	}
}

static void silent_later(void **state)
{
	for (unsigned size = 0; size <= SIZE; size += SIZE) {
		begin(silent_the_second_time);
		assert_int_equal(ask_source(size), 0);
		times_out(size);
		assert_int_equal(ask_source(size), 0);
		end();
	}
}

static void in_a_storm_of_signals(void **state)
{
	for (unsigned size = 0; size <= SIZE; size += SIZE) {
		begin(silent);
		storm_begin();
		times_out(size);
		storm_end();
		assert_true(storm_signals() > 10);
		end();
	}
}

static int setup(void **state)
{
	report_configure("test", "", REPORT_SILENT);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_broker),
		cmocka_unit_test(silent_in_the_middle),
		cmocka_unit_test(silent_later),
		cmocka_unit_test(in_a_storm_of_signals),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
