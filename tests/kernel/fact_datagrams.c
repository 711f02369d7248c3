/* SPDX-License-Identifier: MIT */
/*
 * Datagrams that are sent as one (UDP_SEGMENT, udp(7)) are received one by one, in order, each with
 * its boundaries (bridge/gso.c); and what the kernel refuses to send so, it does not send at all.
 * An ICMP error is reported once by the next call, which does nothing else, and tells in the error
 * queue whom it was about (bridge/bounce.c).
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <time.h> /* which that does not include */
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int sender, receiver;
static struct sockaddr_in there;

static int bound_socket(const char *host, struct sockaddr_in *ret)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	must(fd >= 0 && inet_pton(AF_INET, host, &address.sin_addr) == 1);
	must(bind(fd, (struct sockaddr *)&address, length) == 0);
	must(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	if (ret)
		*ret = address;
	return fd;
}

static void set_mtu(int mtu)
{
	struct ifreq ifreq = {.ifr_name = "lo", .ifr_mtu = mtu};

	must(ioctl(sender, SIOCSIFMTU, &ifreq) == 0);
}

static void set(int fd, int level, int option)
{
	int one = 1;

	must(setsockopt(fd, level, option, &one, sizeof(one)) == 0);
}

static int setup(void **state)
{
	receiver = bound_socket("127.0.0.1", &there);
	sender = bound_socket("127.0.0.1", NULL);
	must(connect(sender, (struct sockaddr *)&there, sizeof(there)) == 0);
	return 0;
}

static int teardown(void **state)
{
	set_mtu(65536);
	close(sender);
	if (receiver >= 0)
		close(receiver);
	return 0;
}

/* Sends a message of several pieces; returns 0 or a negative errno. */
static int send_joined(size_t n_pieces, size_t piece, size_t last, uint16_t segment)
{
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(segment))] = {0};
	static unsigned char data[2 * 65536];
	struct iovec iov[128];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n_pieces, .msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	must(n_pieces <= 128 && n_pieces * piece <= sizeof(data));
	for (size_t i = 0; i < n_pieces; i++) {
		memset(data + i * piece, (int)i, piece);
		iov[i] = (struct iovec){data + i * piece, i + 1 < n_pieces ? piece : last};
	}
	*cmsg = (struct cmsghdr){.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT,
		.cmsg_len = CMSG_LEN(sizeof(segment))};
	memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
	return sendmsg(sender, &msg, 0) < 0 ? -errno : 0;
}

static ssize_t receive(unsigned char *first)
{
	unsigned char data[65536];
	ssize_t size = recv(receiver, data, sizeof(data), 0);

	*first = data[0];
	return size < 0 ? -errno : size;
}

/* How many datagrams of that size come, numbered from 0, and a last one. */
static void expect(unsigned count, ssize_t size, ssize_t last)
{
	unsigned char first;

	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(receive(&first), i + 1 < count ? size : last);
		assert_int_equal(first, i);
	}
	assert_int_equal(receive(&first), -EAGAIN);
}

static void joined_datagrams_are_received_apart(void **state)
{
	assert_int_equal(send_joined(20, 100, 100, 100), 0);
	expect(20, 100, 100);
	assert_int_equal(send_joined(20, 100, 7, 100), 0);
	expect(20, 100, 7);
	assert_int_equal(send_joined(1, 100, 100, 100), 0);
	expect(1, 100, 100);
}

static void sixty_four_can_be_joined(void **state)
{
	assert_int_equal(send_joined(64, 64, 64, 64), 0);
	expect(64, 64, 64);
}

static void all_of_65507_bytes_can_be_joined(void **state)
{
	assert_int_equal(send_joined(47, 1400, 1107, 1400), 0);
	expect(47, 1400, 1107);
}

static void who_asks_for_it_gets_them_joined(void **state)
{
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))];
	unsigned char data[65536];
	struct iovec iov = {data, sizeof(data)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg;
	int size;

	set(receiver, IPPROTO_UDP, UDP_GRO);
	assert_int_equal(send_joined(20, 100, 7, 100), 0);
	assert_int_equal(recvmsg(receiver, &msg, 0), 1907);
	cmsg = CMSG_FIRSTHDR(&msg);
	assert_non_null(cmsg);
	assert_int_equal(cmsg->cmsg_type, UDP_GRO);
	memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
	assert_int_equal(size, 100);
	assert_false(msg.msg_flags & MSG_TRUNC);
}

static void more_than_a_packet_is_refused_and_not_sent(void **state)
{
	int r;

	set_mtu(1500);
	assert_int_equal(send_joined(2, 1472, 1472, 1472), 0);
	expect(2, 1472, 1472);
	r = send_joined(2, 1473, 1473, 1473);
	assert_true(r == -EINVAL || r == -EMSGSIZE);
	expect(0, 0, 0);
}

/* ---- errors ---- */

static ssize_t send_once(int fd)
{
	ssize_t r = sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there));

	return r < 0 ? -errno : r;
}

static void an_error_is_reported_once_in_place_of_a_datagram(void **state)
{
	unsigned char first;

	set(sender, IPPROTO_IP, IP_RECVERR);
	close(receiver);
	assert_int_equal(send_once(sender), 1); /* the answer is there when it returns */
	receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(bind(receiver, (struct sockaddr *)&there, sizeof(there)) == 0);
	assert_int_equal(send_once(sender), -ECONNREFUSED);
	assert_int_equal(receive(&first), -EAGAIN);
	assert_int_equal(send_once(sender), 1);
	assert_int_equal(receive(&first), 1);
}

/* Of a socket that is not connected: whom it was sent to, and from which address of ours. */
static void the_error_queue_tells_both_addresses(void **state)
{
	_Alignas(struct cmsghdr) unsigned char control[512];
	unsigned char data[64];
	struct sockaddr_in whom = {0};
	struct iovec iov = {data, sizeof(data)};
	struct msghdr msg = {.msg_name = &whom, .msg_namelen = sizeof(whom), .msg_iov = &iov,
		.msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd = bound_socket("0.0.0.0", NULL);
	bool has_error = false, has_source = false;

	set(fd, IPPROTO_IP, IP_PKTINFO);
	set(fd, IPPROTO_IP, IP_RECVERR);
	close(receiver);
	receiver = -1;
	assert_int_equal(send_once(fd), 1);
	assert_int_equal(recvmsg(fd, &msg, MSG_ERRQUEUE), 1);
	assert_int_equal(whom.sin_addr.s_addr, there.sin_addr.s_addr);
	assert_int_equal(whom.sin_port, there.sin_port);
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		struct sock_extended_err error;
		struct in_pktinfo pktinfo;

		if (cmsg->cmsg_type == IP_RECVERR) {
			memcpy(&error, CMSG_DATA(cmsg), sizeof(error));
			has_error = error.ee_errno == ECONNREFUSED &&
				error.ee_origin == SO_EE_ORIGIN_ICMP;
		} else if (cmsg->cmsg_type == IP_PKTINFO) {
			memcpy(&pktinfo, CMSG_DATA(cmsg), sizeof(pktinfo));
			has_source = pktinfo.ipi_addr.s_addr == htonl(INADDR_LOOPBACK);
		}
	}
	assert_true(has_error);
	assert_true(has_source);
	/* and with that it is over */
	assert_int_equal(send_once(fd), 1);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(joined_datagrams_are_received_apart),
		TEST(sixty_four_can_be_joined),
		TEST(all_of_65507_bytes_can_be_joined),
		TEST(who_asks_for_it_gets_them_joined),
		TEST(more_than_a_packet_is_refused_and_not_sent),
		TEST(an_error_is_reported_once_in_place_of_a_datagram),
		TEST(the_error_queue_tells_both_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
