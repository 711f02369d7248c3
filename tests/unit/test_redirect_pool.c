/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are held ready: what is handed out is what was asked for, as socket(2) makes it, and
 * never of a broker that is gone. There are never more than were allowed, out of the way, and none
 * in a child.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/test_redirect_kept.h"
#include "tests/unit/unit.h"

#include "xredirect/pool.h"
#include "xredirect/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 40

static struct fake_broker broker, other;
static unsigned fds_before;

/* What is held can only be given back by a broker that ends. */
static int setup(void **state)
{
	static const struct fake_action *const serve[] = {fake_serve, NULL};

	fake_broker_start(&broker, serve);
	fake_broker_start(&other, serve);
	fds_before = fds_count();
	return 0;
}

static unsigned requests(const struct fake_broker *of)
{
	return atomic_load(&of->counts->requests);
}

static void tcp_and_udp(unsigned times)
{
	static const int flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};

	for (unsigned i = 0; i < times; i++) {
		is_ready(&broker, SIZE, SOCK_STREAM | flags[i % 4], IPPROTO_TCP);
		is_ready(&broker, SIZE, SOCK_DGRAM | flags[i / 4 % 4], IPPROTO_UDP);
		must(held() <= SIZE);
	}
}

static int teardown(void **state)
{
	fake_broker_end(&broker, fds_count());
	fake_broker_end(&other, fds_count());
	/* What came from it is dropped when it is looked at. */
	close_range(3, ~0u, 0);
	return 0;
}

/* What one kind had for itself is shared with the next one. */
static void a_second_kind_gets_its_share(void **state)
{
	for (unsigned i = 0; i < 1000 && held() < SIZE; i++)
		is_ready(&broker, SIZE, SOCK_STREAM, IPPROTO_TCP);
	assert_int_equal(held(), SIZE);
	for (unsigned i = 0; i < 200; i++) {
		is_ready(&broker, SIZE, SOCK_DGRAM, IPPROTO_UDP);
		assert_true(held() <= SIZE);
	}
	assert_true(requests(&broker) < 40);
}

static void most_are_there_already(void **state)
{
	for (unsigned i = 0; i < 400; i++) {
		is_ready(&broker, SIZE, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
		assert_true(held() <= SIZE);
	}
	/* 1, 2, 4, 8, 16, and from then on 20 at least: the last test's kinds may still count */
	assert_true(requests(&broker) <= 5 + 400 / (SIZE / 3));
	assert_int_equal(kept_connections(), 1);
	assert_true(kept_lowest() >= WARM_LOWEST);
}

static void each_kind_with_its_flags(void **state)
{
	tcp_and_udp(200);
	assert_true(requests(&broker) < 60);
}

/* Whether this kernel has MPTCP, which only the protocol tells from TCP. */
static bool has_mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	return fd >= 0 && close(fd) == 0;
}

/* More kinds than there are shelves. */
static void no_more_than_allowed_of_all_together(void **state)
{
	int mptcp = has_mptcp() ? IPPROTO_MPTCP : IPPROTO_TCP;

	for (unsigned i = 0; i < 2000; i++) {
		const struct fake_broker *of = i / 7 % 2 ? &broker : &other;
		int domain = i % 3 == 0 ? AF_INET6 : AF_INET;
		int type = i % 2 ? SOCK_STREAM : SOCK_DGRAM;
		int protocol = type == SOCK_DGRAM ? IPPROTO_UDP : i % 5 ? IPPROTO_TCP : mptcp;
		int fd = ask(of, SIZE, domain, type, protocol == IPPROTO_TCP ? 0 : protocol);

		is_kind(fd, domain, type, protocol);
		close(fd);
		assert_true(held() <= SIZE);
		assert_true(kept_connections() <= 10);
	}
}

static void the_smallest_pools(void **state)
{
	for (unsigned size = 0; size < 4; size++) {
		for (unsigned i = 0; i < 20; i++) {
			is_ready(&broker, size, i % 3 ? SOCK_STREAM : SOCK_DGRAM,
				i % 3 ? IPPROTO_TCP : IPPROTO_UDP);
			assert_true(held() <= size);
		}
		teardown(state);
		setup(state);
	}
}

static void a_broker_that_ends_takes_them_along(void **state)
{
	static const struct fake_action *const serve[] = {fake_serve, NULL};
	int fd;

	tcp_and_udp(20);
	assert_true(held() > 0);
	fake_broker_stop(&broker);
	fd = pool_socket(SIZE, broker.server, AF_INET, SOCK_STREAM, 0);
	assert_true(fd == -ECONNREFUSED || fd == -EAGAIN);
	fd = pool_socket(SIZE, broker.server, AF_INET, SOCK_DGRAM, 0);
	assert_true(fd == -ECONNREFUSED || fd == -EAGAIN);
	assert_int_equal(held(), 0);
	fake_broker_restart(&broker, serve);
	tcp_and_udp(20);
	assert_true(requests(&broker) > 0);
}

static void what_the_program_closed_is_not_handed_out(void **state)
{
	int pair[2], number;
	char byte;

	tcp_and_udp(20);
	assert_true(held() > 2);
	number = kept_lowest();
	close_range(WARM_LOWEST, ~0u, 0);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	for (int i = 0; i < SIZE; i++)
		must(dup2(pair[0], WARM_LOWEST + i) == WARM_LOWEST + i);
	close(pair[0]);
	tcp_and_udp(20);
	assert_true(kept_lowest() >= WARM_LOWEST + SIZE && number < WARM_LOWEST + SIZE);
	for (int i = 0; i < SIZE; i++)
		must(close(WARM_LOWEST + i) == 0);
	/* nothing was written there, and the last one was closed just now */
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
	close(pair[1]);
}

/* All but the connection. */
static void what_the_program_replaced_is_not_handed_out(void **state)
{
	int pair[2], connection, replaced = 0;
	char byte;

	tcp_and_udp(20);
	connection = kept_lowest();
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	for (int fd = WARM_LOWEST; fd < WARM_LOWEST + 2 * SIZE; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 && !kept_is_connection(fd))
			must(dup2(pair[0], fd) == fd && ++replaced > 0);
	}
	assert_true(replaced > 2);
	tcp_and_udp(20);
	assert_int_equal(kept_lowest(), connection);
	for (int fd = WARM_LOWEST; fd < WARM_LOWEST + 2 * SIZE; fd++) {
		if (fd_is_socket(fd, SOCK_STREAM, 0))
			must(close(fd) == 0 && replaced-- > 0);
	}
	/* None of them was closed, or written to. */
	assert_int_equal(replaced, 0);
	close(pair[0]);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
	close(pair[1]);
}

static void in_child(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		run();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

static void child(void)
{
	must(held() == 0 && kept_connections() == 0);
	tcp_and_udp(20);
	must(held() > 0);
}

static void a_child_begins_with_none(void **state)
{
	unsigned before;

	tcp_and_udp(20);
	before = held();
	assert_true(before > 0);
	in_child(child);
	assert_int_equal(held(), before);
	tcp_and_udp(20);
}

/* Apart, since a child of vfork(2) runs on the stack of its parent. */
static __attribute__((noinline)) void in_child_of_vfork(void)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		is_ready(&broker, SIZE, SOCK_STREAM, IPPROTO_TCP);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

static void a_child_of_vfork_leaves_them_alone(void **state)
{
	unsigned before, asked;

	/* the first time nobody has used it */
	for (unsigned round = 0; round < 2; round++) {
		in_child_of_vfork();
		tcp_and_udp(20);
		before = held();
		assert_true(before > 0);
		in_child_of_vfork();
		assert_int_equal(held(), before);
	}
	asked = requests(&broker);
	tcp_and_udp(3);
	assert_true(requests(&broker) < asked + 6);
}

/* ---- forks while another thread asks ---- */

static atomic_bool stop;

static void *ask_all_the_time(void *data)
{
	while (!atomic_load(&stop)) {
		int fd = ask(&broker, SIZE, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		must(fd >= 0 && close(fd) == 0);
	}
	return data;
}

/* A copy there would keep alive what the parent has long closed. */
static void has_none(void)
{
	must(held() == 0);
	is_ready(&broker, SIZE, SOCK_STREAM, IPPROTO_TCP);
}

static void no_child_has_what_another_thread_holds(void **state)
{
	pthread_t thread;

	atomic_store(&stop, false);
	must(pthread_create(&thread, NULL, ask_all_the_time, NULL) == 0);
	for (unsigned i = 0; i < 300; i++)
		in_child(has_none);
	atomic_store(&stop, true);
	must(pthread_join(thread, NULL) == 0);
}

/* ---- brokers that do not give as many as that ---- */

static void a_broker_of_small_batches(void **state)
{
	atomic_store(&broker.counts->max_batch, 1);
	tcp_and_udp(30);
}

static const struct fake_action grudging[] = {FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED),
	FAKE_VERDICT(0, 1), FAKE_REQUEST, FAKE_VERDICT(ETOOMANYREFS, 0), FAKE_REQUEST,
	FAKE_VERDICT(ETOOMANYREFS, 0), FAKE_REQUEST, FAKE_VERDICT(ETOOMANYREFS, 0), FAKE_REQUEST,
	FAKE_VERDICT(ETOOMANYREFS, 0), FAKE_HANG_UP};

static void one_is_to_be_had_where_many_are_not(void **state)
{
	const struct fake_action *const scripts[] = {grudging, fake_serve, NULL};

	fake_broker_stop(&broker);
	fake_broker_restart(&broker, scripts);
	tcp_and_udp(10);
}

static const struct fake_action mixed[] = {FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED),
	FAKE_VERDICT(0, 1), FAKE_REQUEST, FAKE_DESCRIPTORS(2, 2, FAKE_ONE_ASKED),
	FAKE_VERDICT(0, 2), FAKE_REQUEST, FAKE_DESCRIPTORS(4, 4, FAKE_ONE_ASKED),
	FAKE_VERDICT(0, 4), FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_VERDICT(0, 1),
	FAKE_WAIT, FAKE_HANG_UP};

/* Only the first one of a batch is looked at when it comes. */
static void what_is_no_socket_is_not_kept(void **state)
{
	const struct fake_action *const scripts[] = {mixed, NULL};

	fake_broker_stop(&broker);
	fake_broker_restart(&broker, scripts);
	fds_before = fds_count();
	for (unsigned i = 0; i < 4; i++)
		is_ready(&broker, SIZE, SOCK_STREAM, IPPROTO_TCP);
	assert_int_equal(fds_count(), fds_before + kept_connections());
}

static void errors_are_the_brokers(void **state)
{
	assert_int_equal(ask(&broker, SIZE, AF_INET, 99, 0), -EINVAL);
	assert_int_equal(ask(&broker, SIZE, 99, SOCK_STREAM, 0), -EAFNOSUPPORT);
	assert_int_equal(pool_socket(SIZE, "..", AF_INET, SOCK_STREAM, 0), -EAGAIN);
	assert_int_equal(pool_socket(SIZE, "./relative", AF_INET, SOCK_STREAM, 0), -EAGAIN);
	assert_int_equal(pool_socket(0, broker.server, AF_INET, SOCK_STREAM, 0), -EAGAIN);
	tcp_and_udp(10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_second_kind_gets_its_share), /* first: there are no shelves of others */
		TEST(most_are_there_already),
		TEST(each_kind_with_its_flags),
		TEST(no_more_than_allowed_of_all_together),
		TEST(the_smallest_pools),
		TEST(a_broker_that_ends_takes_them_along),
		TEST(what_the_program_closed_is_not_handed_out),
		TEST(what_the_program_replaced_is_not_handed_out),
		TEST(a_child_begins_with_none),
		TEST(a_child_of_vfork_leaves_them_alone),
		TEST(no_child_has_what_another_thread_holds),
		TEST(a_broker_of_small_batches),
		TEST(one_is_to_be_had_where_many_are_not),
		TEST(what_is_no_socket_is_not_kept),
		TEST(errors_are_the_brokers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
