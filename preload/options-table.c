/* SPDX-License-Identifier: MIT */
/*
 * Most options of a fresh socket are the same in all namespaces: for these a look at the program's
 * socket tells whether it was set, and nothing has to be remembered when it is. So the options
 * that programs set most (SO_REUSEADDR, SO_KEEPALIVE, TCP_NODELAY) cost nothing when they are set.
 *
 * Not here: SO_ERROR and TCP_SAVED_SYN, which reading changes; TCP_TIMESTAMP, a clock; SO_RCVBUF
 * and SO_SNDBUF, filters and SO_LOCK_FILTER, which need more than that (options.c); memberships,
 * keys and programs, which only the journal has.
 *
 * Numbers stand where the oldest supported kernel headers have no name.
 */
#include "preload/options-table.h"

/* First: the kernel's headers leave out what musl has declared by then. */
#include <netinet/in.h>

#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

const struct option_row option_rows[] = {
	{SOL_SOCKET, SO_REUSEADDR, 0},
	{SOL_SOCKET, SO_REUSEPORT, 0},
	{SOL_SOCKET, SO_BINDTODEVICE, 0},
	{SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, 0}, /* one that does not exist has no name */
	{SOL_SOCKET, SO_MARK, 0},
	{SOL_SOCKET, SO_DEBUG, 0},
	{SOL_SOCKET, SO_DONTROUTE, 0},
	{SOL_SOCKET, SO_BROADCAST, 0},
	{SOL_SOCKET, SO_KEEPALIVE, 0},
	{SOL_SOCKET, SO_OOBINLINE, 0},
	{SOL_SOCKET, SO_NO_CHECK, 0},
	{SOL_SOCKET, SO_LINGER, 0},
	{SOL_SOCKET, SO_RCVLOWAT, OPTIONS_ONE},
	{SOL_SOCKET, SO_RCVTIMEO, 0},
	{SOL_SOCKET, SO_SNDTIMEO, 0},
	/* The newest of these says in which form all are told. */
	{SOL_SOCKET, SO_TIMESTAMP, OPTIONS_OTHER},
	{SOL_SOCKET, SO_TIMESTAMPNS, OPTIONS_OTHER},
	{SOL_SOCKET, SO_TIMESTAMPING, OPTIONS_OTHER},
	{SOL_SOCKET, 63 /* SO_TIMESTAMP_NEW */, OPTIONS_OTHER},
	{SOL_SOCKET, 64 /* SO_TIMESTAMPNS_NEW */, OPTIONS_OTHER},
	{SOL_SOCKET, 65 /* SO_TIMESTAMPING_NEW */, OPTIONS_OTHER},
	{SOL_SOCKET, SO_RXQ_OVFL, 0},
	{SOL_SOCKET, SO_WIFI_STATUS, 0},
	{SOL_SOCKET, SO_PEEK_OFF, OPTIONS_ONES},
	{SOL_SOCKET, SO_SELECT_ERR_QUEUE, 0},
	{SOL_SOCKET, SO_BUSY_POLL, OPTIONS_VARIES},
	{SOL_SOCKET, SO_MAX_PACING_RATE, OPTIONS_ONES},
	{SOL_SOCKET, SO_INCOMING_CPU, OPTIONS_ONES},
	{SOL_SOCKET, SO_ZEROCOPY, 0},
	{SOL_SOCKET, SO_TXTIME, OPTIONS_OTHER},
	{SOL_SOCKET, 69 /* SO_PREFER_BUSY_POLL */, 0},
	{SOL_SOCKET, 70 /* SO_BUSY_POLL_BUDGET */, 0},
	{SOL_SOCKET, 73 /* SO_RESERVE_MEM */, OPTIONS_OTHER},
	{SOL_SOCKET, 74 /* SO_TXREHASH */, OPTIONS_VARIES},
	{SOL_SOCKET, 75 /* SO_RCVMARK */, 0},
	{SOL_SOCKET, 82 /* SO_RCVPRIORITY */, 0},

	{IPPROTO_IP, IP_TRANSPARENT, 0},
	{IPPROTO_IP, IP_FREEBIND, 0},
	{IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0},
	{IPPROTO_IP, 51 /* IP_LOCAL_PORT_RANGE */, 0},
	{IPPROTO_IP, IP_TOS, 0}, /* before SO_PRIORITY, which it changes */
	{SOL_SOCKET, SO_PRIORITY, OPTIONS_AFTER},
	{IPPROTO_IP, IP_TTL, OPTIONS_VARIES},
	{IPPROTO_IP, IP_MINTTL, 0},
	{IPPROTO_IP, IP_OPTIONS, OPTIONS_OTHER},
	{IPPROTO_IP, IP_RECVOPTS, 0},
	{IPPROTO_IP, IP_RETOPTS, 0},
	{IPPROTO_IP, IP_PKTINFO, 0},
	{IPPROTO_IP, IP_RECVTTL, 0},
	{IPPROTO_IP, IP_RECVTOS, 0},
	{IPPROTO_IP, IP_RECVORIGDSTADDR, 0},
	{IPPROTO_IP, IP_RECVFRAGSIZE, 0},
	{IPPROTO_IP, IP_CHECKSUM, 0},
	{IPPROTO_IP, IP_PASSSEC, 0},
	{IPPROTO_IP, IP_MTU_DISCOVER, OPTIONS_VARIES},
	{IPPROTO_IP, IP_RECVERR, 0},
	{IPPROTO_IP, 26 /* IP_RECVERR_RFC4884 */, 0},
	{IPPROTO_IP, IP_MULTICAST_TTL, OPTIONS_ONE},
	{IPPROTO_IP, IP_MULTICAST_LOOP, OPTIONS_ONE},
	{IPPROTO_IP, IP_MULTICAST_ALL, OPTIONS_VARIES}, /* AF_INET6 has 0 */
	{IPPROTO_IP, IP_MULTICAST_IF, OPTIONS_OTHER},
	{IPPROTO_IP, IP_UNICAST_IF, 0},

	{IPPROTO_IPV6, IPV6_TRANSPARENT, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_FREEBIND, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_UNICAST_HOPS, OPTIONS_IPV6 | OPTIONS_VARIES},
	{IPPROTO_IPV6, IPV6_MULTICAST_HOPS, OPTIONS_IPV6 | OPTIONS_ONE},
	{IPPROTO_IPV6, IPV6_MULTICAST_LOOP, OPTIONS_IPV6 | OPTIONS_ONE},
	{IPPROTO_IPV6, 29 /* IPV6_MULTICAST_ALL */, OPTIONS_IPV6 | OPTIONS_ONE},
	{IPPROTO_IPV6, IPV6_MULTICAST_IF, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_UNICAST_IF, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_MINHOPCOUNT, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_TCLASS, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_DONTFRAG, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_MTU_DISCOVER, OPTIONS_IPV6 | OPTIONS_VARIES},
	{IPPROTO_IPV6, IPV6_RECVERR, OPTIONS_IPV6},
	{IPPROTO_IPV6, 31 /* IPV6_RECVERR_RFC4884 */, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, OPTIONS_IPV6 | OPTIONS_VARIES},
	{IPPROTO_IPV6, IPV6_FLOWINFO_SEND, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, OPTIONS_IPV6 | OPTIONS_VARIES},
	{IPPROTO_IPV6, IPV6_RECVPKTINFO, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_2292PKTINFO, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_2292HOPLIMIT, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVRTHDR, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVHOPOPTS, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVDSTOPTS, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVTCLASS, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVPATHMTU, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, OPTIONS_IPV6},
	{IPPROTO_IPV6, IPV6_RECVFRAGSIZE, OPTIONS_IPV6},

	{IPPROTO_TCP, TCP_NODELAY, 0},
	{IPPROTO_TCP, TCP_CORK, 0},
	{IPPROTO_TCP, TCP_MAXSEG, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_KEEPIDLE, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_KEEPINTVL, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_KEEPCNT, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_SYNCNT, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_LINGER2, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, OPTIONS_OTHER},
	{IPPROTO_TCP, TCP_WINDOW_CLAMP, OPTIONS_OTHER},
	{IPPROTO_TCP, TCP_QUICKACK, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_CONGESTION, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 0},
	{IPPROTO_TCP, TCP_USER_TIMEOUT, 0},
	{IPPROTO_TCP, TCP_FASTOPEN, 0},
	{IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0},
	{IPPROTO_TCP, TCP_FASTOPEN_KEY, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 0},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT, OPTIONS_VARIES},
	{IPPROTO_TCP, TCP_SAVE_SYN, 0},
	{IPPROTO_TCP, TCP_INQ, 0},
	{IPPROTO_TCP, TCP_TX_DELAY, 0},
	{IPPROTO_TCP, 44 /* TCP_RTO_MAX_MS */, OPTIONS_VARIES},
	{IPPROTO_TCP, 45 /* TCP_RTO_MIN_US */, OPTIONS_VARIES},
	{IPPROTO_TCP, 46 /* TCP_DELACK_MAX_US */, OPTIONS_VARIES},

	{IPPROTO_UDP, UDP_CORK, 0},
	{IPPROTO_UDP, UDP_ENCAP, 0},
	{IPPROTO_UDP, UDP_NO_CHECK6_TX, 0},
	{IPPROTO_UDP, UDP_NO_CHECK6_RX, 0},
	{IPPROTO_UDP, UDP_SEGMENT, 0},
	{IPPROTO_UDP, UDP_GRO, 0},
	{IPPROTO_UDPLITE, 10 /* UDPLITE_SEND_CSCOV */, 0},
	{IPPROTO_UDPLITE, 11 /* UDPLITE_RECV_CSCOV */, 0},
};

const size_t option_rows_count = sizeof(option_rows) / sizeof(option_rows[0]);

const struct option_row *option_row_of(int level, int name)
{
	for (size_t i = 0; i < option_rows_count; i++) {
		if (option_rows[i].level == level && option_rows[i].name == name)
			return option_rows[i].flags & OPTIONS_OTHER ? NULL : &option_rows[i];
	}
	return NULL;
}

bool option_is_fresh(const struct option_row *row, const void *value, size_t length)
{
	static const int one = 1;
	const uint8_t *bytes = value;
	uint8_t expected = row->flags & OPTIONS_ONES ? 0xff : 0;

	if (row->flags & OPTIONS_VARIES)
		return false;
	if (row->flags & OPTIONS_ONE)
		return length == sizeof(one) && memcmp(value, &one, sizeof(one)) == 0;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != expected)
			return false;
	}
	return true;
}

/* A bit for each option that reads back, by level. */
#define NAMES 128

static const int levels[] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

static _Atomic uint64_t reads_back[LEVELS][NAMES / 64];

static void remember(int level, int name)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (levels[i] == level && name >= 0 && name < NAMES)
			atomic_fetch_or(&reads_back[i][name / 64], UINT64_C(1) << name % 64);
	}
}

__attribute__((constructor)) static void options_table_init(void)
{
	for (size_t i = 0; i < option_rows_count; i++) {
		if (!(option_rows[i].flags & (OPTIONS_VARIES | OPTIONS_OTHER)))
			remember(option_rows[i].level, option_rows[i].name);
	}
	/* options.c reads these in its own way. */
	remember(IPPROTO_IPV6, IPV6_V6ONLY);
	remember(SOL_SOCKET, SO_LOCK_FILTER);
}

bool option_reads_back(int level, int name)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (levels[i] == level)
			return name >= 0 && name < NAMES &&
			       (atomic_load_explicit(
					&reads_back[i][name / 64], memory_order_relaxed) >>
					       name % 64 &
				       1);
	}
	return false;
}

#define MUST(level, name)                                                                          \
	{                                                                                          \
		level, name, OPTION_MUST, #name                                                    \
	}
#define TELL(level, name)                                                                          \
	{                                                                                          \
		level, name, OPTION_TELL, #name                                                    \
	}

static const struct {
	int level, name;
	enum option_weight weight;
	const char *text;
} weights[] = {
	MUST(SOL_SOCKET, SO_REUSEADDR),
	MUST(SOL_SOCKET, SO_REUSEPORT),
	MUST(SOL_SOCKET, SO_BINDTODEVICE),
	{SOL_SOCKET, 62, OPTION_MUST, "SO_BINDTOIFINDEX"},
	MUST(SOL_SOCKET, SO_MARK),
	MUST(IPPROTO_IP, IP_TRANSPARENT),
	MUST(IPPROTO_IP, IP_FREEBIND),
	MUST(IPPROTO_IPV6, IPV6_V6ONLY),
	MUST(IPPROTO_IPV6, IPV6_TRANSPARENT),
	MUST(IPPROTO_IPV6, IPV6_FREEBIND),
	TELL(SOL_SOCKET, SO_ATTACH_FILTER),
	TELL(SOL_SOCKET, SO_ATTACH_BPF),
	TELL(SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF),
	TELL(SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF),
	TELL(IPPROTO_IP, IP_ADD_MEMBERSHIP),
	TELL(IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP),
	TELL(IPPROTO_IP, IP_BLOCK_SOURCE),
	TELL(IPPROTO_IP, IP_MSFILTER),
	TELL(IPPROTO_IP, MCAST_JOIN_GROUP),
	TELL(IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP),
	TELL(IPPROTO_IP, MCAST_BLOCK_SOURCE),
	TELL(IPPROTO_IP, MCAST_MSFILTER),
	TELL(IPPROTO_IP, IP_MULTICAST_IF),
	TELL(IPPROTO_IP, IP_UNICAST_IF),
	TELL(IPPROTO_IPV6, IPV6_JOIN_GROUP),
	TELL(IPPROTO_IPV6, IPV6_JOIN_ANYCAST),
	TELL(IPPROTO_IPV6, MCAST_JOIN_GROUP),
	TELL(IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP),
	TELL(IPPROTO_IPV6, MCAST_BLOCK_SOURCE),
	TELL(IPPROTO_IPV6, MCAST_MSFILTER),
	TELL(IPPROTO_IPV6, IPV6_MULTICAST_IF),
	TELL(IPPROTO_IPV6, IPV6_UNICAST_IF),
	TELL(IPPROTO_IPV6, IPV6_PKTINFO),
	TELL(IPPROTO_TCP, TCP_MD5SIG),
	TELL(IPPROTO_TCP, TCP_MD5SIG_EXT),
	{IPPROTO_TCP, 38, OPTION_TELL, "TCP_AO_ADD_KEY"},
};

enum option_weight option_weight(int level, int name, const char **ret_text)
{
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		if (weights[i].level == level && weights[i].name == name) {
			*ret_text = weights[i].text;
			return weights[i].weight;
		}
	}
	return OPTION_LIGHT;
}
