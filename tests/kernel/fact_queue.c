/* SPDX-License-Identifier: MIT */
/*
 * What a Unix socket tells of the packets in its queues. SIOCOUTQ is more than 0 as long as the
 * peer has not read all of them, and 0 once it has, or is gone (server/conn.c). A peer that closes
 * with something unread leaves a reset behind, which is reported before the packets that it sent
 * (lib/exchange.c).
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static int setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state)
{
	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	return 0;
}

static void send_one(int fd)
{
	must(send(fd, "packet", 6, MSG_NOSIGNAL) == 6);
}

static ssize_t receive_one(int fd)
{
	char buffer[16];
	ssize_t size = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	return size < 0 ? -errno : size;
}

static int unread(void)
{
	int size = -1;

	must(ioctl(pair[0], SIOCOUTQ, &size) == 0);
	return size;
}

static void hang_up(void)
{
	close(pair[1]);
	pair[1] = -1;
}

static void what_was_sent_is_unread_until_it_is_read(void **state)
{
	int one, two;

	assert_int_equal(unread(), 0);
	send_one(pair[0]);
	one = unread();
	assert_true(one > 0);
	send_one(pair[0]);
	two = unread();
	assert_true(two > one);
	assert_int_equal(receive_one(pair[1]), 6);
	assert_int_equal(unread(), one);
	assert_int_equal(receive_one(pair[1]), 6);
	assert_int_equal(unread(), 0);
}

static void what_a_peer_sends_does_not_count(void **state)
{
	send_one(pair[1]);
	assert_int_equal(unread(), 0);
}

static void nothing_is_unread_once_the_peer_is_gone(void **state)
{
	send_one(pair[0]);
	hang_up();
	assert_int_equal(unread(), 0);
}

static void a_peer_that_receives_no_more_has_not_read(void **state)
{
	send_one(pair[0]);
	must(shutdown(pair[1], SHUT_RDWR) == 0);
	assert_true(unread() > 0);
	assert_int_equal(receive_one(pair[1]), 6);
	assert_int_equal(unread(), 0);
}

static void a_reset_comes_before_the_packets(void **state)
{
	send_one(pair[0]);
	send_one(pair[1]);
	hang_up();
	assert_int_equal(receive_one(pair[0]), -ECONNRESET);
	assert_int_equal(receive_one(pair[0]), 6);
	assert_int_equal(receive_one(pair[0]), 0);
}

static void a_peer_that_read_all_leaves_no_reset(void **state)
{
	send_one(pair[0]);
	must(receive_one(pair[1]) == 6);
	send_one(pair[1]);
	hang_up();
	assert_int_equal(receive_one(pair[0]), 6);
	assert_int_equal(receive_one(pair[0]), 0);
}

static void sending_does_not_take_the_packets_away(void **state)
{
	send_one(pair[1]);
	hang_up();
	assert_int_equal(send(pair[0], "late", 4, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(receive_one(pair[0]), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_sent_is_unread_until_it_is_read),
		TEST(what_a_peer_sends_does_not_count),
		TEST(nothing_is_unread_once_the_peer_is_gone),
		TEST(a_peer_that_receives_no_more_has_not_read),
		TEST(a_reset_comes_before_the_packets),
		TEST(a_peer_that_read_all_leaves_no_reset),
		TEST(sending_does_not_take_the_packets_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
