/* SPDX-License-Identifier: MIT */
/*
 * Who may do what by a socket for routes (rtnetlink(7)), which server/policy.h hands out as
 * "route". To look takes no capability, neither of who made the socket nor of who uses it. To
 * change something takes CAP_NET_ADMIN of who asks, always, in the user namespace that owns the
 * network namespace; and of who made the socket as well, unless the request names a destination
 * (Linux 3.16, netlink_ns_capable()). So whoever has that capability there is not held back by a
 * socket that was made without it, but neither is it by any other socket: ioctl(2) looks at who
 * asks, and only at it.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOPBACK 1 /* the number of that interface, in each namespace */

struct request {
	struct nlmsghdr header;
	union {
		struct ifaddrmsg address;
		struct ifinfomsg link;
		struct rtmsg route;
		struct rtgenmsg any;
	};
	char attributes[64];
};

/* Of this thread, without losing them for good. */
static void set_capabilities(bool on)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	must(syscall(SYS_capget, &header, sets) == 0);
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].effective = on ? sets[i].permitted : 0;
	must(syscall(SYS_capset, &header, sets) == 0);
}

static int make_socket(bool with)
{
	int fd;

	set_capabilities(with);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	set_capabilities(true);
	must(fd >= 0);
	return fd;
}

static struct request begin(int type, int flags, size_t body)
{
	return (struct request){.header = {.nlmsg_len = NLMSG_LENGTH((uint32_t)body),
					.nlmsg_type = (uint16_t)type,
					.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
					.nlmsg_seq = 1}};
}

static void add(struct request *request, int type, const char *address)
{
	struct rtattr *attribute =
		(struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = (uint16_t)type;
	attribute->rta_len = RTA_LENGTH(4);
	must(inet_pton(AF_INET, address, RTA_DATA(attribute)) == 1);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_LENGTH(4);
}

static struct request new_address(const char *address)
{
	struct request request =
		begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, sizeof(struct ifaddrmsg));

	request.address = (struct ifaddrmsg){
		.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = LOOPBACK};
	add(&request, IFA_LOCAL, address);
	return request;
}

static struct request new_route(const char *destination)
{
	struct request request =
		begin(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, sizeof(struct rtmsg));

	request.route = (struct rtmsg){.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_type = RTN_BLACKHOLE};
	add(&request, RTA_DST, destination);
	return request;
}

static struct request link_up(void)
{
	struct request request = begin(RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));

	request.link = (struct ifinfomsg){
		.ifi_index = LOOPBACK, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	return request;
}

/* Sends it, with or without saying that it is for the kernel. Returns what came of it. */
static int ask(int fd, const struct request *request, bool destination)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char more[512];
	} answer;

	must(sendto(fd, request, request->header.nlmsg_len, 0,
		     destination ? (struct sockaddr *)&kernel : NULL,
		     destination ? sizeof(kernel) : 0) == (ssize_t)request->header.nlmsg_len);
	must(recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)NLMSG_LENGTH(sizeof(int)));
	must(answer.header.nlmsg_type == NLMSG_ERROR);
	return answer.error.error;
}

/* What comes of each way to change something. */
static void changes_are(int fd, bool capable, bool destination, int expected)
{
	const struct request requests[] = {
		new_address("127.0.0.9"), new_route("192.0.2.1"), link_up()};

	set_capabilities(capable);
	for (unsigned i = 0; i < ELEMENTS(requests); i++) {
		int r = ask(fd, &requests[i], destination);

		/* the second time it is there already */
		assert_int_equal(r == -EEXIST ? 0 : r, expected);
	}
	set_capabilities(true);
}

/* Reads a whole table. Returns how many entries there are. */
static unsigned dump(int fd, int type)
{
	struct request request = begin(type, NLM_F_DUMP, sizeof(struct rtgenmsg));
	char buffer[32768];
	unsigned count = 0;

	must(send(fd, &request, request.header.nlmsg_len, 0) > 0);
	for (;;) {
		ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;

		must(size > 0);
		for (; NLMSG_OK(header, (size_t)size); header = NLMSG_NEXT(header, size)) {
			if (header->nlmsg_type == NLMSG_DONE)
				return count;
			must(header->nlmsg_type != NLMSG_ERROR);
			count++;
		}
	}
}

/* Each test changes a namespace of its own. */
static int setup(void **state)
{
	const struct request request = link_up();
	int fd;

	must(unshare(CLONE_NEWNET) == 0);
	fd = make_socket(true);
	must(ask(fd, &request, false) == 0);
	close(fd);
	return 0;
}

static void everybody_may_look(void **state)
{
	int fd = make_socket(false);

	set_capabilities(false);
	assert_true(dump(fd, RTM_GETLINK) > 0);
	assert_true(dump(fd, RTM_GETADDR) > 0);
	assert_true(dump(fd, RTM_GETROUTE) > 0);
	set_capabilities(true);
	close(fd);
}

static void who_asks_needs_the_capability(void **state)
{
	for (unsigned made_with = 0; made_with < 2; made_with++) {
		int fd = make_socket(made_with);

		changes_are(fd, false, false, -EPERM);
		changes_are(fd, false, true, -EPERM);
		close(fd);
	}
}

static void who_made_it_needs_it_where_no_destination_is_named(void **state)
{
	int without = make_socket(false), with = make_socket(true);

	changes_are(without, true, false, -EPERM);
	changes_are(without, true, true, 0);
	changes_are(with, true, false, 0);
	close(with);
	close(without);
}

/* A program in a container, root or not. */
static void another_user_namespace_does_not_count(void **state)
{
	int fd = make_socket(true), status;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		const struct request request = new_address("127.0.0.9");

		must(unshare(CLONE_NEWUSER) == 0);
		_exit(ask(fd, &request, true) == -EPERM && ask(fd, &request, false) == -EPERM ? 0
											      : 1);
	}
	must(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	close(fd);
}

static void so_it_is_with_ioctl_on_any_socket(void **state)
{
	struct ifreq request = {.ifr_name = "lo:1"};
	struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
	int fd;

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	must(inet_pton(AF_INET, "127.0.0.8", &address->sin_addr) == 1);
	set_capabilities(false);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), -1);
	assert_int_equal(errno, EPERM);
	set_capabilities(true);
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, NULL)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_may_look),
		TEST(who_asks_needs_the_capability),
		TEST(who_made_it_needs_it_where_no_destination_is_named),
		TEST(another_user_namespace_does_not_count),
		TEST(so_it_is_with_ioctl_on_any_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
