/* SPDX-License-Identifier: MIT */
#include "preload/traits.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* Options that add to what was set before, and the ones that take it back (0: there is none). */
static const struct {
	int level, name, undo;
} additive[] = {
	{IPPROTO_IP, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP},
	{IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP},
	{IPPROTO_IP, IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE},
	{IPPROTO_IP, IP_MSFILTER, 0},
	{IPPROTO_IP, MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP},
	{IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP},
	{IPPROTO_IP, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE},
	{IPPROTO_IP, MCAST_MSFILTER, 0},
	{IPPROTO_IPV6, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP},
	{IPPROTO_IPV6, IPV6_JOIN_ANYCAST, IPV6_LEAVE_ANYCAST},
	{IPPROTO_IPV6, MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP},
	{IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP},
	{IPPROTO_IPV6, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE},
	{IPPROTO_IPV6, MCAST_MSFILTER, 0},
	{IPPROTO_TCP, TCP_MD5SIG, 0},
	{IPPROTO_TCP, TCP_MD5SIG_EXT, 0},
	{IPPROTO_TCP, 38 /* TCP_AO_ADD_KEY */, 0},
	{IPPROTO_TCP, 39 /* TCP_AO_DEL_KEY */, 0},
};

/* The three ways to set a program: as instructions, by a descriptor, and not at all any more. */
static const int programs[][3] = {
	{SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_DETACH_FILTER},
	{SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF, SO_DETACH_REUSEPORT_BPF},
};

struct trait trait_of(int level, int name)
{
	struct trait trait = {0};

	for (int i = 0; level == SOL_SOCKET && i < 2; i++) {
		for (int way = 0; way < 3; way++) {
			if (programs[i][way] != name)
				continue;
			trait.way = (enum way)(way + 1);
			trait.group = programs[i];
			trait.precious = i == 1 || trait.way == WAY_DESCRIPTOR;
		}
	}
	if (level == SOL_SOCKET)
		return trait;
	for (size_t i = 0; i < sizeof(additive) / sizeof(additive[0]); i++) {
		if (additive[i].level != level)
			continue;
		if (additive[i].name == name)
			trait.additive = true;
		if (additive[i].undo == name && name != 0)
			trait.undoes = additive[i].name;
	}
	trait.additive = trait.additive || trait.undoes;
	trait.precious = trait.additive;
	return trait;
}
