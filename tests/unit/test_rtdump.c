/* SPDX-License-Identifier: MIT */
/*
 * Dumps of interfaces and addresses: from the kernel, and from somebody who has answers of all
 * kinds ready before they are asked for.
 */
#include "tests/unit/rtnl_packet.h"

#include "common/cleanup.h"
#include "common/rtdump.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

static struct packet packet;
static struct rtdump dump;
static int asked, answers = -1;

static int setup(void **state)
{
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
	asked = pair[0];
	answers = pair[1];
	packet = (struct packet){0};
	return 0;
}

static int teardown(void **state)
{
	rtdump_free(&dump);
	close_fd(&asked);
	close_fd(&answers);
	return 0;
}

/* Sends what has been put together, as one datagram. */
static void answer(void)
{
	must(send(answers, packet.bytes, packet.length, 0) == (ssize_t)packet.length);
	packet = (struct packet){0};
}

static void answer_done(uint32_t sequence)
{
	packet_end(&packet, NLMSG_DONE, NLM_F_MULTI, sequence, 0);
	answer();
}

/* The numbers of the interfaces that came, as text. */
static const char *links(void)
{
	static char text[256];
	struct rtnl_span left = rtdump_span(&dump);
	struct rtnl_message message;
	struct rtnl_link link;

	*text = '\0';
	while (rtnl_next(&left, &message)) {
		must(rtnl_link_read(&message, &link) && strlen(text) < sizeof(text) - 12);
		sprintf(text + strlen(text), "%u ", link.index);
	}
	must(left.length == 0);
	return text;
}

static void test_request(void **state)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
	} request;

	for (uint32_t sequence = 1; sequence <= 3; sequence++) {
		answer_done(sequence);
		assert_int_equal(rtdump_ask(&dump, asked, RTM_GETADDR), 0);
		memset(&request, 0xff, sizeof(request));
		assert_int_equal(recv(answers, &request, sizeof(request), MSG_DONTWAIT), 20);
		assert_int_equal(request.header.nlmsg_len, 20);
		assert_int_equal(request.header.nlmsg_type, RTM_GETADDR);
		assert_int_equal(request.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
		assert_int_equal(request.header.nlmsg_seq, sequence);
		assert_int_equal(request.family.rtgen_family, AF_UNSPEC);
	}
}

static void test_datagrams(void **state)
{
	packet_link(&packet, 1, 1, "lo");
	packet_link(&packet, 1, 2, "eth0");
	answer();
	packet_link(&packet, 1, 3, "eth1");
	answer();
	packet_link(&packet, 1, 4, "eth2");
	answer_done(1);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), 0);
	assert_string_equal(links(), "1 2 3 4 ");
	/* Again, with an answer that is shorter. */
	packet_link(&packet, 2, 5, "lo");
	answer_done(2);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), 0);
	assert_string_equal(links(), "5 ");
}

/* Of what was not asked for nothing is kept: answers to others, other types. */
static void test_strangers(void **state)
{
	packet_link(&packet, 7, 9, "old");
	packet_end(&packet, NLMSG_DONE, 0, 7, 0);
	packet_end(&packet, NLMSG_ERROR, 0, 7, -EPERM);
	packet_link(&packet, 1, 1, "lo");
	packet_begin(&packet, NLMSG_NOOP, 0, 1);
	packet_address(&packet, 1, 1, AF_INET, 8);
	packet_end(&packet, NLMSG_ERROR, 0, 1, 0);
	packet_link(&packet, 1, 2, "eth0");
	answer_done(1);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), 0);
	assert_string_equal(links(), "1 2 ");
}

/* It is read to its end, so that the next answer is that to the next question. */
static void test_interrupted(void **state)
{
	packet_link(&packet, 1, 1, "lo");
	answer();
	packet_begin(&packet, NLMSG_NOOP, NLM_F_DUMP_INTR, 1);
	answer();
	packet_link(&packet, 1, 3, "eth1");
	answer_done(1);
	packet_link(&packet, 2, 1, "lo");
	answer_done(2);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), -EAGAIN);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), 0);
	assert_string_equal(links(), "1 ");
	packet_end(&packet, NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, 3, 0);
	answer();
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), -EAGAIN);
}

static void test_errors(void **state)
{
	static const struct {
		int type, told, error;
	} errors[] = {
		{NLMSG_ERROR, -EPERM, -EPERM},
		{NLMSG_ERROR, 1, -EPROTO},
		{NLMSG_DONE, -ENOMEM, -ENOMEM},
		{NLMSG_OVERRUN, 0, -ENOBUFS},
	};

	for (uint32_t i = 0; i < ELEMENTS(errors); i++) {
		packet_link(&packet, i + 1, 1, "lo");
		packet_end(&packet, errors[i].type, 0, i + 1, errors[i].told);
		answer();
		assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), errors[i].error);
	}
}

/* A message that is cut off, one that is too short to be one, bytes that are none. */
static void test_nonsense(void **state)
{
	static const uint32_t lengths[] = {0, 15, 48, 0xffffffff};

	for (uint32_t i = 0; i < ELEMENTS(lengths); i++) {
		packet_link(&packet, i + 1, 1, "eth0");
		packet_set_length(&packet, lengths[i]);
		answer();
		assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), -EPROTO);
	}
	packet_link(&packet, 5, 1, "eth0");
	packet_put(&packet, "....", 4);
	answer();
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), -EPROTO);
	answer();
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), -EPROTO);
}

/* The last message may end anywhere; what it is filled up with does not belong to the datagram. */
static void test_ragged_end(void **state)
{
	packet_link(&packet, 1, 1, "eth0");
	packet_set_length(&packet, packet.length - 1);
	packet.length -= 1;
	answer();
	packet_link(&packet, 1, 2, "eth0");
	answer_done(1);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), 0);
	assert_string_equal(links(), "1 2 ");
}

static void test_closed(void **state)
{
	close_fd(&answers);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), -ECONNREFUSED);
	assert_int_equal(rtdump_ask(&dump, -1, RTM_GETLINK), -EBADF);
}

/* An answer without its end is not waited for for ever. */
static void test_no_end(void **state)
{
	int64_t begin = now_ms();

	packet_link(&packet, 1, 1, "lo");
	answer();
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), -ETIMEDOUT);
	assert_true(now_ms() - begin >= 49);
}

/* More than the first piece of memory, in datagrams that are longer than the kernel makes them. */
static void test_much(void **state)
{
	static unsigned char much[100000];
	size_t length = 0;

	for (int i = 0; i < 2; i++) {
		for (length = 0; length + 8192 + 64 <= sizeof(much);) {
			packet = (struct packet){0};
			packet_link(&packet, 1, 1 + i, "eth0");
			packet_attribute(&packet, IFLA_STATS, much, 8192);
			memcpy(much + length, packet.bytes, packet.length);
			length += packet.length;
		}
		must(send(answers, much, length, 0) == (ssize_t)length);
	}
	packet = (struct packet){0};
	answer_done(1);
	assert_int_equal(rtdump_ask(&dump, asked, RTM_GETLINK), 0);
	assert_string_equal(links(), "1 1 1 1 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2 2 2 2 2 ");
	assert_int_equal(dump.length, 2 * length);
}

/* That all of it is so with the kernel. There is a loopback interface everywhere. */
static void test_kernel(void **state)
{
	_cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct rtnl_message message;
	struct rtnl_span left;
	struct rtnl_link link;
	int r;

	do
		r = rtdump_ask(&dump, fd, RTM_GETLINK);
	while (r == -EAGAIN);
	assert_int_equal(r, 0);
	left = rtdump_span(&dump);
	assert_true(rtnl_next(&left, &message) && rtnl_link_read(&message, &link));
	assert_int_equal(link.index, 1);
	assert_int_equal(link.name.length, 2);
	assert_memory_equal(link.name.bytes, "lo", 2);
	assert_true(link.flags & IFF_LOOPBACK);
	do
		r = rtdump_ask(&dump, fd, RTM_GETADDR);
	while (r == -EAGAIN);
	assert_int_equal(r, 0);
	assert_int_equal(rtdump_ask(&dump, fd, 0xffff), -EOPNOTSUPP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_request),
		TEST(test_datagrams),
		TEST(test_strangers),
		TEST(test_interrupted),
		TEST(test_errors),
		TEST(test_nonsense),
		TEST(test_ragged_end),
		TEST(test_closed),
		TEST(test_no_end),
		TEST(test_much),
		TEST(test_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
