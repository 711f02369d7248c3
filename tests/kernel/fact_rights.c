/* SPDX-License-Identifier: MIT */
/*
 * Descriptors in packets (SCM_RIGHTS, unix(7)), as common/fdpass.c takes them: 253 and no more go
 * in one; a full table loses some and says MSG_CTRUNC, with the first ones handed over; without a
 * buffer for them all are dropped before they get a number, and MSG_CTRUNC says so. No option
 * has to be set for any of this (SO_PASSRIGHTS, Linux 6.16, is on from birth).
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

#define MOST 253

static int pair[2];
static unsigned fds_before;

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * (MOST + 1))];
};

static int setup(void **state)
{
	fds_before = fds_count();
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	return 0;
}

static int teardown(void **state)
{
	fds_close(pair, 2);
	assert_int_equal(fds_count(), fds_before);
	return 0;
}

static int send_fds(int fd, unsigned count)
{
	union control control = {.align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(sizeof(int) * count)};

	control.align.cmsg_len = CMSG_LEN(sizeof(int) * count);
	for (unsigned i = 0; i < count; i++)
		((int *)CMSG_DATA(&control.align))[i] = fd;
	return sendmsg(pair[0], &msg, 0) < 0 ? -errno : 0;
}

/* Receives a packet with room for so many, and closes them. Returns how many there were. */
static unsigned receive_fds(unsigned room, int *ret_flags)
{
	union control control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = room ? CMSG_SPACE(sizeof(int) * room) : 0};
	const struct cmsghdr *cmsg;
	unsigned count;

	must(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) == 1);
	*ret_flags = msg.msg_flags;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg)
		return 0;
	must(cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS);
	must(!CMSG_NXTHDR(&msg, (struct cmsghdr *)cmsg));
	count = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	for (unsigned i = 0; i < count; i++) {
		int fd = ((const int *)CMSG_DATA(cmsg))[i];

		must(fd_is_cloexec(fd) && close(fd) == 0);
	}
	return count;
}

static void a_packet_has_room_for_253(void **state)
{
	int flags;

	assert_int_equal(send_fds(pair[0], MOST), 0);
	assert_int_equal(receive_fds(MOST, &flags), MOST);
	assert_int_equal(flags & MSG_CTRUNC, 0);
	assert_int_equal(send_fds(pair[0], MOST + 1), -EINVAL);
}

static void a_full_table_loses_some(void **state)
{
	for (unsigned spare = 0; spare <= 5; spare++) {
		unsigned count;
		int flags;

		assert_int_equal(send_fds(pair[0], 5), 0);
		fds_limit(spare);
		count = receive_fds(MOST, &flags);
		fds_unlimit();
		assert_int_equal(count, spare);
		assert_int_equal(!!(flags & MSG_CTRUNC), spare < 5);
	}
}

static void a_small_buffer_looks_the_same(void **state)
{
	int flags;

	assert_int_equal(send_fds(pair[0], 5), 0);
	/* an even number: the space of an odd one is rounded up to the next */
	assert_int_equal(receive_fds(2, &flags), 2);
	assert_true(flags & MSG_CTRUNC);
}

static void without_a_buffer_they_get_no_number(void **state)
{
	int ends[2], flags;

	must(pipe(ends) == 0);
	assert_int_equal(send_fds(ends[1], 1), 0);
	close(ends[1]);
	assert_int_equal(receive_fds(0, &flags), 0);
	assert_true(flags & MSG_CTRUNC);
	/* that was the last of the pipe's writers */
	assert_int_equal(poll(&(struct pollfd){.fd = ends[0]}, 1, 0), 1);
	close(ends[0]);
}

static void no_option_is_needed(void **state)
{
	socklen_t length = sizeof(int);
	int value = 1, flags;

	if (getsockopt(pair[1], SOL_SOCKET, SO_PASSRIGHTS, &value, &length) < 0)
		assert_int_equal(errno, ENOPROTOOPT);
	assert_int_equal(value, 1);
	assert_int_equal(send_fds(pair[0], 1), 0);
	assert_int_equal(receive_fds(MOST, &flags), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_has_room_for_253),
		TEST(a_full_table_loses_some),
		TEST(a_small_buffer_looks_the_same),
		TEST(without_a_buffer_they_get_no_number),
		TEST(no_option_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
