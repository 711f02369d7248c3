/* SPDX-License-Identifier: MIT */
/*
 * Sockets are held ready where descriptors are few: they are not missing when the program needs
 * them, and are never in the way of low numbers.
 */
#include "tests/unit/test_redirect_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SIZE 200

static struct fake_broker broker;
static unsigned fds_before;
static struct rlimit unlimited;

static int setup(void **state)
{
	static const struct fake_action *const serve[] = {fake_serve, NULL};

	fake_broker_start(&broker, serve);
	must(getrlimit(RLIMIT_NOFILE, &unlimited) == 0);
	fds_before = fds_count();
	return 0;
}

static int teardown(void **state)
{
	must(setrlimit(RLIMIT_NOFILE, &unlimited) == 0);
	fake_broker_end(&broker, fds_count());
	close_range(3, ~0u, 0);
	return 0;
}

static void with_hardly_any_descriptors(void **state)
{
	for (unsigned spare = 0; spare < 30; spare++) {
		int fds[30], n = 0;

		fds_limit(spare);
		while (n < 30 && (fds[n] = ask(&broker, SIZE, AF_INET, SOCK_STREAM, 0)) >= 0)
			n++;
		/* At most the connection and one in transit are missing. */
		assert_true(n + 3 >= (int)spare);
		if (n < 30)
			assert_int_equal(fds[n], -EMFILE);
		fds_unlimit();
		fds_close(fds, (unsigned)n);
		for (unsigned i = 0; i < 3; i++)
			is_ready(&broker, SIZE, SOCK_STREAM, IPPROTO_TCP);
		teardown(state);
		setup(state);
	}
}

static void limit_numbers(rlim_t to)
{
	struct rlimit limit = unlimited;

	limit.rlim_cur = to;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void hold_some(void)
{
	for (unsigned i = 0; i < 1000 && fds_count() < fds_before + 15; i++)
		is_ready(&broker, SIZE, SOCK_STREAM, IPPROTO_TCP);
	assert_true(fds_count() >= fds_before + 15);
}

/* Takes all numbers from one on. Returns how many that were. */
static int fill(int from, int fds[KEPT_NUMBERS])
{
	int n = 0;

	while ((fds[n] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, from)) >= 0)
		n++;
	return n;
}

/* A program that has run out of descriptors gets those that are held. */
static void what_is_held_is_not_missing(void **state)
{
	int fds[KEPT_NUMBERS], n, got[KEPT_NUMBERS];
	unsigned there;

	limit_numbers(100);
	hold_some();
	there = fds_count() - fds_before - kept_connections();
	n = fill(0, fds);
	for (unsigned i = 0; i < there; i++) {
		got[i] = ask(&broker, SIZE, AF_INET, SOCK_STREAM, 0);
		is_kind(got[i], AF_INET, SOCK_STREAM, IPPROTO_TCP);
	}
	limit_numbers(unlimited.rlim_cur);
	fds_close(got, there);
	fds_close(fds, (unsigned)n);
}

/* ... and one that has run out of those of another kind. */
static void what_is_held_makes_room(void **state)
{
	int fds[KEPT_NUMBERS], n, fd;

	limit_numbers(100);
	hold_some();
	n = fill(0, fds);
	fd = ask(&broker, SIZE, AF_INET, SOCK_DGRAM, 0);
	is_kind(fd, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	close(fd);
	limit_numbers(unlimited.rlim_cur);
	fds_close(fds, (unsigned)n);
}

/* Where all numbers that are out of the way are taken, none is held. */
static void low_numbers_are_the_programs(void **state)
{
	int fds[KEPT_NUMBERS], n;

	limit_numbers(100);
	n = fill(50, fds);
	for (unsigned i = 0; i < 50; i++) {
		int fd = ask(&broker, SIZE, AF_INET, SOCK_STREAM, 0);

		assert_true(fd >= 0 && close(fd) == 0);
		assert_int_equal(fds_count() - kept_connections(), fds_before + (unsigned)n);
	}
	limit_numbers(unlimited.rlim_cur);
	fds_close(fds, (unsigned)n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_hardly_any_descriptors),
		TEST(what_is_held_is_not_missing),
		TEST(what_is_held_makes_room),
		TEST(low_numbers_are_the_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
