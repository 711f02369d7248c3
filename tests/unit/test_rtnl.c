/* SPDX-License-Identifier: MIT */
/* What is read from messages of rtnetlink: right ones, and lengths that lie. */
#include "tests/unit/rtnl_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>

static struct packet packet;

static void is_text(struct rtnl_span span, const char *text)
{
	if (!text) {
		assert_null(span.bytes);
		return;
	}
	assert_int_equal(span.length, strlen(text));
	assert_memory_equal(span.bytes, text, span.length);
}

/* The message that the packet begins with. */
static struct rtnl_message first(void)
{
	struct rtnl_span left = packet_span(&packet);
	struct rtnl_message message;

	assert_true(rtnl_next(&left, &message));
	return message;
}

static struct rtnl_link first_link(void)
{
	struct rtnl_message message = first();
	struct rtnl_link link;

	assert_true(rtnl_link_read(&message, &link));
	return link;
}

static void test_link(void **state)
{
	struct rtnl_link link;

	packet = (struct packet){0};
	packet_link(&packet, 1, 7, "eth0");
	packet_attribute(&packet, IFLA_ADDRESS, "\1\2\3\4\5\6", 6);
	packet_attribute(&packet, IFLA_MTU, "\0\0\0\0", 4);
	packet_attribute(&packet, IFLA_BROADCAST, "\xff\xff\xff\xff\xff\xff", 6);
	packet_attribute(&packet, IFLA_STATS, "statistics", 10);
	link = first_link();
	assert_int_equal(link.index, 7);
	assert_int_equal(link.flags, IFF_UP | IFF_BROADCAST);
	assert_int_equal(link.kind, ARPHRD_ETHER);
	is_text(link.name, "eth0");
	is_text(link.address, "\1\2\3\4\5\6");
	is_text(link.broadcast, "\xff\xff\xff\xff\xff\xff");
	is_text(link.stats, "statistics");
}

static void test_address(void **state)
{
	struct rtnl_message message;
	struct rtnl_address address;

	packet = (struct packet){0};
	packet_address(&packet, 1, 3, AF_INET, 24);
	packet.bytes[sizeof(struct nlmsghdr) + offsetof(struct ifaddrmsg, ifa_flags)] = 0x80;
	packet.bytes[sizeof(struct nlmsghdr) + offsetof(struct ifaddrmsg, ifa_scope)] = 253;
	packet_attribute(&packet, IFA_ADDRESS, "peer", 4);
	packet_attribute(&packet, IFA_LOCAL, "ours", 4);
	packet_attribute(&packet, IFA_BROADCAST, "all.", 4);
	packet_text(&packet, IFA_LABEL, "eth0:1");
	message = first();
	assert_true(rtnl_address_read(&message, &address));
	assert_int_equal(address.index, 3);
	assert_int_equal(address.family, AF_INET);
	assert_int_equal(address.prefix, 24);
	assert_int_equal(address.flags, 0x80);
	assert_int_equal(address.scope, 253);
	is_text(address.peer, "peer");
	is_text(address.local, "ours");
	is_text(address.broadcast, "all.");
	is_text(address.label, "eth0:1");
}

/* Each reads its own type only. */
static void test_other_types(void **state)
{
	struct rtnl_message message;
	struct rtnl_address address;
	struct rtnl_link link;

	packet = (struct packet){0};
	packet_link(&packet, 1, 7, "eth0");
	message = first();
	assert_false(rtnl_address_read(&message, &address));
	packet = (struct packet){0};
	packet_address(&packet, 1, 3, AF_INET, 24);
	message = first();
	assert_false(rtnl_link_read(&message, &link));
	packet = (struct packet){0};
	packet_begin(&packet, RTM_NEWROUTE, 0, 1);
	packet_add(&packet, "0123456789abcdef0123456789abcdef", 32);
	message = first();
	assert_false(rtnl_link_read(&message, &link));
	assert_false(rtnl_address_read(&message, &address));
}

static const struct {
	const char *value;
	size_t length;
	const char *name;
} names[] = {
	{"lo", 3, "lo"},
	{"lo", 2, "lo"},
	{"0123456789abcde", 16, "0123456789abcde"},
	{"0123456789abcdef", 16, NULL},
	{"0123456789abcdefg", 18, NULL},
	{"", 1, NULL},
	{"", 0, NULL},
	{"a\0b\0c", 5, "a"},
};

static void test_names(void **state)
{
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		packet = (struct packet){0};
		packet_link(&packet, 1, 1, NULL);
		packet_attribute(&packet, IFLA_IFNAME, names[i].value, names[i].length);
		is_text(first_link().name, names[i].name);
	}
}

/* Behind a length that lies nothing is read, and what was before it is. */
static void test_attribute_lengths(void **state)
{
	static const unsigned short lengths[] = {0, 1, 3, 13, 4096, 65535};

	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		struct rtnl_link link;

		packet = (struct packet){0};
		packet_link(&packet, 1, 1, "eth0");
		packet_attribute(&packet, IFLA_ADDRESS, "address.", 8);
		packet_set_attribute_length(&packet, lengths[i]);
		link = first_link();
		is_text(link.name, "eth0");
		is_text(link.address, NULL);
	}
}

/* What does not fit into its message is not read from the next one. */
static void test_attribute_across(void **state)
{
	packet = (struct packet){0};
	packet_link(&packet, 1, 1, "eth0");
	packet_attribute(&packet, IFLA_ADDRESS, "address.", 8);
	packet_set_length(&packet, packet.length - 4);
	packet_link(&packet, 1, 2, "eth1");
	is_text(first_link().address, NULL);
}

static void test_message_lengths(void **state)
{
	static const struct {
		uint32_t length;
		bool valid;
	} lengths[] = {
		{0, false},
		{15, false},
		{16, true},
		{31, true},
		{32, true},
		{44, true},
		{45, false},
		{0x7fffffff, false},
		{0xffffffff, false},
	};

	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		struct rtnl_span left;
		struct rtnl_message message;
		struct rtnl_link link;

		packet = (struct packet){0};
		packet_link(&packet, 1, 1, "eth0");
		assert_int_equal(packet.length, 44);
		packet_set_length(&packet, lengths[i].length);
		left = packet_span(&packet);
		assert_int_equal(rtnl_next(&left, &message), lengths[i].valid);
		if (!lengths[i].valid)
			assert_int_equal(left.length, 44);
		else
			assert_int_equal(rtnl_link_read(&message, &link), lengths[i].length >= 32);
	}
}

/* All of them, one after the other, wherever they begin and however much of the last is there. */
static void test_next(void **state)
{
	packet = (struct packet){0};
	packet_link(&packet, 1, 1, "lo");
	packet_link(&packet, 1, 2, "eth0");
	packet_link(&packet, 1, 3, "a");
	for (size_t missing = 0; missing < 44; missing++) {
		/* Of just that size, so that sanitizers see what is read behind it. */
		size_t length = packet.length - missing;
		unsigned char *copy = test_malloc(length + 1);
		struct rtnl_span left = {memcpy(copy + 1, packet.bytes, length), length};
		struct rtnl_message message;
		struct rtnl_link link;
		unsigned n = 0;

		while (rtnl_next(&left, &message)) {
			n++;
			assert_true(rtnl_link_read(&message, &link));
			assert_int_equal(link.index, n);
		}
		assert_int_equal(n, missing == 0 ? 3 : missing <= 40 ? 2 : 1);
		test_free(copy);
	}
}

static void test_error(void **state)
{
	static const struct {
		int type;
		int32_t told;
		int error;
	} errors[] = {
		{NLMSG_ERROR, -EPERM, -EPERM},
		{NLMSG_ERROR, 0, 0},
		{NLMSG_ERROR, 5, -EPROTO},
		{NLMSG_ERROR, -4096, -EPROTO},
		{NLMSG_ERROR, INT32_MIN, -EPROTO},
		{NLMSG_DONE, 0, 0},
		{NLMSG_DONE, -ENOBUFS, -ENOBUFS},
	};
	struct rtnl_message message;

	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		packet = (struct packet){0};
		packet_end(&packet, errors[i].type, 0, 1, errors[i].told);
		message = first();
		assert_int_equal(rtnl_error(&message), errors[i].error);
	}
	packet_set_length(&packet, 18);
	message = first();
	assert_int_equal(rtnl_error(&message), -EPROTO);
	packet_set_length(&packet, 16);
	message = first();
	assert_int_equal(rtnl_error(&message), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_attribute_lengths),
		cmocka_unit_test(test_attribute_across),
		cmocka_unit_test(test_message_lengths),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
