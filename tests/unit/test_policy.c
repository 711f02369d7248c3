/* SPDX-License-Identifier: MIT */
/*
 * Which sockets are handed out: with no kind allowed none at all, with all kinds allowed only
 * those of the table, with one kind allowed only that one. Raw, packet, unix, vsock and ALG
 * sockets never, whatever is allowed, and of netlink no other protocol than that of routes.
 */
#include "tests/unit/unit.h"

#include "server/policy.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define EVERY_KIND                                                                                 \
	(POLICY_TCP | POLICY_UDP | POLICY_MPTCP | POLICY_SCTP | POLICY_UDPLITE | POLICY_PING |     \
		POLICY_ROUTE)
#define MPTCP	262
#define UDPLITE 136

static const struct {
	int domain, type, protocol;
	unsigned kind; /* 0: never */
} sockets[] = {
	{AF_INET, SOCK_STREAM, 0, POLICY_TCP},
	{AF_INET, SOCK_STREAM, IPPROTO_TCP, POLICY_TCP},
	{AF_INET6, SOCK_STREAM, 0, POLICY_TCP},
	{AF_INET6, SOCK_STREAM, IPPROTO_TCP, POLICY_TCP},
	{AF_INET, SOCK_DGRAM, 0, POLICY_UDP},
	{AF_INET, SOCK_DGRAM, IPPROTO_UDP, POLICY_UDP},
	{AF_INET6, SOCK_DGRAM, 0, POLICY_UDP},
	{AF_INET6, SOCK_DGRAM, IPPROTO_UDP, POLICY_UDP},
	{AF_INET, SOCK_STREAM, MPTCP, POLICY_MPTCP},
	{AF_INET6, SOCK_STREAM, MPTCP, POLICY_MPTCP},
	{AF_INET, SOCK_STREAM, IPPROTO_SCTP, POLICY_SCTP},
	{AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP, POLICY_SCTP},
	{AF_INET, SOCK_SEQPACKET, 0, POLICY_SCTP},
	{AF_INET, SOCK_DGRAM, UDPLITE, POLICY_UDPLITE},
	{AF_INET6, SOCK_DGRAM, UDPLITE, POLICY_UDPLITE},
	{AF_INET, SOCK_DGRAM, IPPROTO_ICMP, POLICY_PING},
	{AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, POLICY_PING},
	{AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, POLICY_ROUTE},
	{AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE, POLICY_ROUTE},

	{AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6, 0},
	{AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, 0},
	{AF_INET, SOCK_DGRAM, IPPROTO_TCP, 0},
	{AF_INET, SOCK_STREAM, IPPROTO_UDP, 0},
	{AF_INET, SOCK_STREAM, UDPLITE, 0},
	{AF_INET, SOCK_DGRAM, MPTCP, 0},
	{AF_INET, SOCK_DGRAM, IPPROTO_SCTP, 0},
	{AF_INET, SOCK_STREAM, -1, 0},
	{AF_INET, SOCK_RAW, 0, 0},
	{AF_INET, SOCK_RAW, IPPROTO_TCP, 0},
	{AF_INET, SOCK_RAW, IPPROTO_ICMP, 0},
	{AF_INET, SOCK_RAW, IPPROTO_RAW, 0},
	{AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, 0},
	{AF_INET, SOCK_PACKET, 0, 0},
	{AF_INET, SOCK_RDM, 0, 0},
	{AF_INET, SOCK_DCCP, 0, 0},
	{AF_INET, 0, 0, 0},
	{AF_INET, -1, 0, 0},
	{AF_INET, 0x7fff0000 | SOCK_STREAM, 0, 0},
	{AF_UNSPEC, SOCK_STREAM, 0, 0},
	{AF_UNIX, SOCK_STREAM, 0, 0},
	{AF_UNIX, SOCK_DGRAM, 0, 0},
	{AF_UNIX, SOCK_SEQPACKET, 0, 0},
	{AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE, 0},
	{AF_NETLINK, SOCK_SEQPACKET, NETLINK_ROUTE, 0},
	{AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK, 0},
	{AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, 0},
	{AF_NETLINK, SOCK_RAW, NETLINK_XFRM, 0},
	{AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, 0},
	{AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, 0},
	{AF_NETLINK, SOCK_DGRAM, NETLINK_GENERIC, 0},
	{AF_NETLINK, SOCK_RAW, -1, 0},
	{AF_PACKET, SOCK_RAW, 0, 0},
	{AF_PACKET, SOCK_DGRAM, 0, 0},
	{AF_VSOCK, SOCK_STREAM, 0, 0},
	{AF_ALG, SOCK_SEQPACKET, 0, 0},
	{AF_BLUETOOTH, SOCK_SEQPACKET, 0, 0},
	{-1, SOCK_STREAM, 0, 0},
	{0x10000 | AF_INET, SOCK_STREAM, 0, 0},
};

static enum policy_verdict decide(unsigned kinds, size_t index, int type_flags)
{
	const struct policy policy = {.kinds = kinds};
	const struct peer peer = {.uid = 1000, .gid = 1000, .pid = 1};
	const struct policy_request request = {
		sockets[index].domain, sockets[index].type | type_flags, sockets[index].protocol};

	return policy_decide(&policy, &peer, &request);
}

static void each_kind_is_granted_where_it_is_allowed(void **state)
{
	for (size_t i = 0; i < ELEMENTS(sockets); i++) {
		for (unsigned kinds = 0; kinds <= EVERY_KIND; kinds++)
			assert_int_equal(decide(kinds, i, 0),
				kinds & sockets[i].kind ? POLICY_GRANT : POLICY_DENY_KIND);
		assert_int_equal(decide(UINT32_MAX, i, 0),
			sockets[i].kind ? POLICY_GRANT : POLICY_DENY_KIND);
	}
}

static void flags_of_the_type_do_not_count(void **state)
{
	static const int flags[] = {SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};

	for (size_t i = 0; i < ELEMENTS(sockets); i++) {
		for (size_t k = 0; k < ELEMENTS(flags); k++)
			assert_int_equal(decide(EVERY_KIND, i, flags[k]), decide(EVERY_KIND, i, 0));
	}
}

static void the_default_is_tcp_udp_and_mptcp(void **state)
{
	assert_int_equal(POLICY_KINDS_DEFAULT, POLICY_TCP | POLICY_UDP | POLICY_MPTCP);
}

static void names_are_those_of_the_documentation(void **state)
{
	assert_int_equal(policy_kind_from_name("tcp"), POLICY_TCP);
	assert_int_equal(policy_kind_from_name("udp"), POLICY_UDP);
	assert_int_equal(policy_kind_from_name("mptcp"), POLICY_MPTCP);
	assert_int_equal(policy_kind_from_name("sctp"), POLICY_SCTP);
	assert_int_equal(policy_kind_from_name("udplite"), POLICY_UDPLITE);
	assert_int_equal(policy_kind_from_name("ping"), POLICY_PING);
	assert_int_equal(policy_kind_from_name("route"), POLICY_ROUTE);
	assert_int_equal(policy_kind_from_name(""), 0);
	assert_int_equal(policy_kind_from_name("TCP"), 0);
	assert_int_equal(policy_kind_from_name("tcp "), 0);
	assert_int_equal(policy_kind_from_name("raw"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_granted_where_it_is_allowed),
		cmocka_unit_test(flags_of_the_type_do_not_count),
		cmocka_unit_test(the_default_is_tcp_udp_and_mptcp),
		cmocka_unit_test(names_are_those_of_the_documentation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
