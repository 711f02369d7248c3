/* SPDX-License-Identifier: MIT */
/*
 * Descriptors go through a socket unharmed, close-on-exec from birth, and none that was not asked
 * for stays: not when there are too many, not when the table is full, not when the packet is too
 * long. Each test ends with as many descriptors as it began with.
 */
#include "tests/unit/unit.h"

#include "common/fdpass.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define SIZE 8

static int pair[2]; /* sent by the first, received by the second */
static unsigned fds_before;
static char buffers[2][SIZE];
static struct fdpass_packet packets[2];
static int fds[FDPASS_MAX + 3];

static int setup(void **state)
{
	fds_before = fds_count();
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	memset(buffers, 0, sizeof(buffers));
	memset(packets, 0xff, sizeof(packets));
	memset(fds, 0xff, sizeof(fds));
	return 0;
}

static int teardown(void **state)
{
	fds_close(pair, 2);
	assert_int_equal(fds_count(), fds_before);
	return 0;
}

static int receive(unsigned n, unsigned max, int flags)
{
	void *const pointers[] = {buffers[0], buffers[1]};

	return fdpass_receive(pair[1], pointers, SIZE, packets, n, max ? fds : NULL, max, flags);
}

/* Sends "text" and count descriptors, past the limits of fdpass_send(). */
static void send_raw(const char *text, size_t size, unsigned count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDPASS_MAX)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)text, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * count);
		for (unsigned i = 0; i < count; i++)
			((int *)CMSG_DATA(&control.align))[i] = pair[0];
	}
	must(sendmsg(pair[0], &msg, 0) == (ssize_t)size);
}

/* Whether the other end of pair[1] is what was received. */
static bool is_first_end(int fd)
{
	struct stat a, b;

	must(fstat(pair[0], &a) == 0 && fstat(fd, &b) == 0);
	return a.st_ino == b.st_ino;
}

static void passes_count(unsigned count)
{
	int sent[FDPASS_MAX] = {0};

	for (unsigned i = 0; i < count; i++)
		sent[i] = pair[0];
	assert_int_equal(fdpass_send(pair[0], "request", 7, sent, count, 0), 0);
	assert_int_equal(receive(1, FDPASS_MAX, 0), 1);
	assert_int_equal(packets[0].size, 7);
	assert_int_equal(packets[0].count, count);
	assert_memory_equal(buffers[0], "request", 8);
	assert_int_equal(fds_count(), fds_before + 2 + count);
	for (unsigned i = 0; i < count; i++) {
		assert_true(is_first_end(fds[i]));
		assert_true(fd_is_cloexec(fds[i]));
	}
	assert_int_equal(fds[count], -1);
	fds_close(fds, count);
}

static void none_one_and_the_most_descriptors_pass(void **state)
{
	passes_count(0);
	passes_count(1);
	passes_count(2);
	passes_count(FDPASS_MAX - 1);
	passes_count(FDPASS_MAX);
}

static void one_more_than_the_most_is_refused(void **state)
{
	int sent[FDPASS_MAX + 1];

	for (unsigned i = 0; i <= FDPASS_MAX; i++)
		sent[i] = pair[0];
	assert_int_equal(fdpass_send(pair[0], "x", 1, sent, FDPASS_MAX + 1, 0), -EINVAL);
	assert_int_equal(receive(1, FDPASS_MAX, MSG_DONTWAIT), -EAGAIN);
	assert_int_equal(receive(1, FDPASS_MAX + 1, MSG_DONTWAIT), -EINVAL);
	assert_int_equal(receive(0, 0, MSG_DONTWAIT), -EINVAL);
	assert_int_equal(receive(3, 0, MSG_DONTWAIT), -EINVAL);
}

static void sending_leaves_the_descriptors_with_the_sender(void **state)
{
	int sent = dup(pair[0]);

	assert_int_equal(fdpass_send(pair[0], "x", 1, &sent, 1, 0), 0);
	assert_true(fcntl(sent, F_GETFD) >= 0);
	close(sent);
	assert_int_equal(receive(1, 1, 0), 1);
	fds_close(fds, 1);
}

static void a_bad_descriptor_is_not_sent(void **state)
{
	int sent[] = {pair[0], -1};

	assert_int_equal(fdpass_send(pair[0], "x", 1, sent, 2, 0), -EBADF);
	assert_int_equal(receive(1, 2, MSG_DONTWAIT), -EAGAIN);
}

static void stray_descriptors_never_get_a_number(void **state)
{
	send_raw("stray", 5, 3);
	/* A full table would be noticed if the kernel tried to hand one over. */
	fds_limit(0);
	assert_int_equal(receive(1, 0, 0), -EPROTO);
	fds_unlimit();
	assert_int_equal(fds_count(), fds_before + 2);
}

static void more_than_asked_for_are_refused_and_closed(void **state)
{
	static const struct {
		unsigned sent, max;
	} cases[] = {{2, 1}, {253, 1}, {253, 252}, {1, 0}, {253, 0}};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		send_raw("x", 1, cases[i].sent);
		assert_int_equal(receive(1, cases[i].max, 0), -EPROTO);
		assert_int_equal(fds_count(), fds_before + 2);
	}
	assert_int_equal(fds[0], -1);
}

static void descriptors_lost_for_want_of_numbers_are_an_error(void **state)
{
	for (unsigned spare = 0; spare < 5; spare++) {
		send_raw("x", 1, 5);
		fds_limit(spare);
		assert_int_equal(receive(1, 5, 0), -EMFILE);
		fds_unlimit();
		assert_int_equal(fds_count(), fds_before + 2);
	}
	send_raw("x", 1, 5);
	fds_limit(5);
	assert_int_equal(receive(1, 5, 0), 1);
	fds_unlimit();
	fds_close(fds, 5);
}

static void a_packet_that_is_too_long_is_refused(void **state)
{
	send_raw("longer than eight", 17, 2);
	assert_int_equal(receive(1, 2, 0), -EMSGSIZE);
	assert_int_equal(fds_count(), fds_before + 2);
	send_raw("longer than eight", 17, 0);
	assert_int_equal(receive(1, 0, 0), -EMSGSIZE);
	send_raw("exactly8", 8, 0);
	assert_int_equal(receive(1, 0, 0), 1);
	assert_int_equal(packets[0].size, 8);
}

static void end_of_file_is_a_packet_of_nothing(void **state)
{
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(receive(1, 1, 0), 1);
	assert_int_equal(packets[0].size, 0);
	assert_int_equal(packets[0].count, 0);
}

static void waiting_ends_with_the_receive_timeout(void **state)
{
	struct timeval timeout = {.tv_usec = 20000};
	int64_t begin = now_ms();

	must(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
	assert_int_equal(receive(2, 1, 0), -EAGAIN);
	assert_true(now_ms() - begin >= 19);
	assert_int_equal(receive(1, 0, MSG_DONTWAIT), -EAGAIN);
}

static void two_packets_come_by_one_call(void **state)
{
	send_raw("one", 3, 2);
	send_raw("second", 6, 0);
	assert_int_equal(receive(2, 2, 0), 2);
	assert_int_equal(packets[0].size, 3);
	assert_int_equal(packets[0].count, 2);
	assert_int_equal(packets[1].size, 6);
	assert_int_equal(packets[1].count, 0);
	assert_memory_equal(buffers[1], "second", 7);
	fds_close(fds, 2);
}

static void a_second_packet_is_not_waited_for(void **state)
{
	send_raw("one", 3, 1);
	assert_int_equal(receive(2, 1, 0), 1);
	assert_int_equal(packets[0].count, 1);
	fds_close(fds, 1);
}

static void descriptors_of_a_second_packet_are_refused(void **state)
{
	send_raw("one", 3, 2);
	send_raw("two", 3, 2);
	assert_int_equal(receive(2, 2, 0), -EPROTO);
	assert_int_equal(fds_count(), fds_before + 2);
	send_raw("one", 3, 0);
	send_raw("two", 3, 1);
	assert_int_equal(receive(2, 2, 0), -EPROTO);
	assert_int_equal(fds_count(), fds_before + 2);
}

static void a_second_packet_that_is_too_long_is_refused(void **state)
{
	send_raw("one", 3, 2);
	send_raw("much too long", 13, 0);
	assert_int_equal(receive(2, 2, 0), -EMSGSIZE);
	assert_int_equal(fds_count(), fds_before + 2);
}

static void end_of_file_can_be_the_second_packet(void **state)
{
	send_raw("one", 3, 1);
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(receive(2, 1, 0), 2);
	assert_int_equal(packets[0].count, 1);
	assert_int_equal(packets[1].size, 0);
	fds_close(fds, 1);
}

static void a_peer_that_is_gone_raises_no_signal(void **state)
{
	int other[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, other) == 0);
	close(other[1]);
	/* SIGPIPE would end this process. */
	assert_int_equal(fdpass_send(other[0], "x", 1, NULL, 0, 0), -EPIPE);
	assert_int_equal(fdpass_send(other[0], "x", 1, pair, 2, 0), -EPIPE);
	close(other[0]);
}

static void a_full_peer_would_block(void **state)
{
	int r = 0;

	for (unsigned i = 0; i < 100000 && r == 0; i++)
		r = fdpass_send(pair[0], "x", 1, NULL, 0, MSG_DONTWAIT);
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(fdpass_send(pair[0], "x", 1, pair, 2, MSG_DONTWAIT), -EAGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none_one_and_the_most_descriptors_pass),
		TEST(one_more_than_the_most_is_refused),
		TEST(sending_leaves_the_descriptors_with_the_sender),
		TEST(a_bad_descriptor_is_not_sent),
		TEST(stray_descriptors_never_get_a_number),
		TEST(more_than_asked_for_are_refused_and_closed),
		TEST(descriptors_lost_for_want_of_numbers_are_an_error),
		TEST(a_packet_that_is_too_long_is_refused),
		TEST(end_of_file_is_a_packet_of_nothing),
		TEST(waiting_ends_with_the_receive_timeout),
		TEST(two_packets_come_by_one_call),
		TEST(a_second_packet_is_not_waited_for),
		TEST(descriptors_of_a_second_packet_are_refused),
		TEST(a_second_packet_that_is_too_long_is_refused),
		TEST(end_of_file_can_be_the_second_packet),
		TEST(a_peer_that_is_gone_raises_no_signal),
		TEST(a_full_peer_would_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
