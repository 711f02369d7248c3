/* SPDX-License-Identifier: MIT */
/*
 * A client with a connected socket is told ECONNREFUSED by its kernel when an ICMP message arrives
 * that quotes one of its datagrams: headers of IP and UDP with the client's address and ours. The
 * message that the bridge has got quotes the bridge's own datagram to the target, so these headers
 * are made anew; what stands behind them is the same.
 *
 * Where client and target are of different families, codes are translated as RFC 7915 (4.2, 5.2)
 * does.
 */
#include "bridge/bounce.h"

#include "bridge/place.h"
#include "bridge/sockopt.h"

#include "common/cleanup.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>

#ifndef ICMP_FILTER
#define ICMP_FILTER 1 /* raw(7) */
#endif

#define HOPS	   64
#define SECOND_MAX 1000
/* How much longer the header of IPv6 is. */
#define HEADERS_DIFFER (sizeof(struct ip6_hdr) - sizeof(struct ip))

/* ---- what comes ---- */

int bounce_prepare(int fd, int family)
{
	/* An IPv6 socket may have IPv4 peers, too. */
	int r = sockopt_set(fd, IPPROTO_IP, IP_RECVERR, 1);

	return family == AF_INET6 ? sockopt_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) : r;
}

static void take_error(const struct cmsghdr *cmsg, struct bounce *ret)
{
	struct sock_extended_err e;

	memcpy(&e, CMSG_DATA(cmsg), sizeof(e));
	ret->error = (int)e.ee_errno;
	ret->of_network = e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6;
	ret->family = e.ee_origin == SO_EE_ORIGIN_ICMP6 ? AF_INET6 : AF_INET;
	ret->type = e.ee_type;
	ret->code = e.ee_code;
	ret->mtu = e.ee_info;
}

static void take_local(const struct cmsghdr *cmsg, struct bounce *ret)
{
	struct in_pktinfo in;
	struct in6_pktinfo in6;

	if (cmsg->cmsg_level == IPPROTO_IP) {
		memcpy(&in, CMSG_DATA(cmsg), sizeof(in));
		ret->local = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
		memcpy(ret->local.s6_addr + 12, &in.ipi_addr, 4); /* where the message came to */
		ret->interface = (uint32_t)in.ipi_ifindex;
	} else {
		memcpy(&in6, CMSG_DATA(cmsg), sizeof(in6));
		ret->local = in6.ipi6_addr;
		ret->interface = in6.ipi6_ifindex;
	}
}

int bounce_receive(int fd, struct bounce *ret)
{
	_Alignas(struct cmsghdr) unsigned char control[512];
	struct iovec iov = {ret->quote, sizeof(ret->quote)};
	struct msghdr msg = {
		.msg_name = &ret->peer.in6,
		.msg_namelen = sizeof(ret->peer.in6),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length;

	memset(ret, 0, offsetof(struct bounce, quote));
	length = recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (length < 0)
		return -errno;
	ret->quoted = (size_t)length;
	ret->peer.length = msg.msg_namelen;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		int level = cmsg->cmsg_level, type = cmsg->cmsg_type;

		if ((level == IPPROTO_IP && type == IP_RECVERR) ||
			(level == IPPROTO_IPV6 && type == IPV6_RECVERR))
			take_error(cmsg, ret);
		else if ((level == IPPROTO_IP && type == IP_PKTINFO) ||
			 (level == IPPROTO_IPV6 && type == IPV6_PKTINFO))
			take_local(cmsg, ret);
	}
	return 0;
}

/* ---- what goes ---- */

void bounce_open(struct bounce_sockets *sockets, struct place *place)
{
	struct icmp6_filter nothing6;
	uint32_t nothing = UINT32_MAX;
	int fd;

	/* These only send. What they receive by default would fill their buffers. */
	*sockets = (struct bounce_sockets){.ipv4 = -1, .ipv6 = -1};
	fd = place_socket(place, AF_INET, SOCK_RAW, IPPROTO_ICMP, NULL, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_RAW, ICMP_FILTER, &nothing, sizeof(nothing));
		sockets->ipv4 = fd;
	}
	ICMP6_FILTER_SETBLOCKALL(&nothing6);
	fd = place_socket(place, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, NULL, 0);
	if (fd >= 0) {
		setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &nothing6, sizeof(nothing6));
		sockets->ipv6 = fd;
	}
}

void bounce_close(struct bounce_sockets *sockets)
{
	close_fd(&sockets->ipv4);
	close_fd(&sockets->ipv6);
}

static uint16_t checksum(const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (length % 2)
		sum += (uint32_t)bytes[length - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static bool is_for_ipv4(const struct bounce *bounce, uint8_t *type, uint8_t *code)
{
	if (bounce->family == AF_INET && bounce->of_network) {
		*type = bounce->type;
		*code = bounce->code;
		return *type == ICMP_DEST_UNREACH || *type == ICMP_TIME_EXCEEDED;
	}
	*type = ICMP_DEST_UNREACH;
	switch (bounce->error) {
	case ECONNREFUSED:
		*code = ICMP_PORT_UNREACH;
		return true;
	case EMSGSIZE:
		*code = ICMP_FRAG_NEEDED;
		return bounce->mtu > 0;
	case EACCES:
		*code = ICMP_HOST_ANO;
		return true;
	case ENETUNREACH:
	case EHOSTUNREACH:
		*code = ICMP_HOST_UNREACH;
		return true;
	}
	return false;
}

static bool is_for_ipv6(const struct bounce *bounce, uint8_t *type, uint8_t *code)
{
	if (bounce->family == AF_INET6 && bounce->of_network) {
		*type = bounce->type;
		*code = bounce->code;
		return *type <= ICMP6_TIME_EXCEEDED && *type > 0;
	}
	*type = ICMP6_DST_UNREACH;
	*code = 0;
	switch (bounce->error) {
	case ECONNREFUSED:
		*code = ICMP6_DST_UNREACH_NOPORT;
		return true;
	case EMSGSIZE:
		*type = ICMP6_PACKET_TOO_BIG;
		return bounce->mtu > 0;
	case EACCES:
		*code = ICMP6_DST_UNREACH_ADMIN;
		return true;
	case ENETUNREACH:
	case EHOSTUNREACH:
		*code = ICMP6_DST_UNREACH_NOROUTE;
		return true;
	}
	return false;
}

/* The largest packet that the client may send, if the error is about that. */
static uint32_t client_mtu(const struct bounce *bounce, sa_family_t client, size_t header)
{
	uint32_t mtu = bounce->mtu;

	if (bounce->error != EMSGSIZE)
		return 0;
	if (bounce->family == AF_INET6 && client == AF_INET)
		mtu -= HEADERS_DIFFER;
	else if (bounce->family == AF_INET && client == AF_INET6)
		mtu += HEADERS_DIFFER;
	return mtu - (uint32_t)header;
}

static unsigned char *put_udp(unsigned char *p, const struct netaddr *client,
	const struct netaddr *local, size_t length)
{
	struct udphdr udp = {
		.source = htons(netaddr_port(client)),
		.dest = htons(netaddr_port(local)),
		.len = htons((uint16_t)(sizeof(udp) + length)),
	};

	memcpy(p, &udp, sizeof(udp));
	return p + sizeof(udp);
}

static bool send_from(int fd, const struct iovec *iov, const struct netaddr *to,
	const struct netaddr *from)
{
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {
		0};
	struct netaddr name = *to;
	struct msghdr msg = {
		.msg_name = &name.sa,
		.msg_namelen = name.length,
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = 1,
		.msg_control = control,
	};
	struct cmsghdr *cmsg = (struct cmsghdr *)control;

	netaddr_set_port(&name, 0);
	if (to->sa.sa_family == AF_INET) {
		struct in_pktinfo pktinfo = {.ipi_spec_dst = from->in.sin_addr};

		cmsg->cmsg_level = IPPROTO_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(pktinfo));
		memcpy(CMSG_DATA(cmsg), &pktinfo, sizeof(pktinfo));
	} else {
		struct in6_pktinfo pktinfo = {.ipi6_addr = from->in6.sin6_addr};

		pktinfo.ipi6_ifindex = to->in6.sin6_scope_id;
		cmsg->cmsg_level = IPPROTO_IPV6;
		cmsg->cmsg_type = IPV6_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(pktinfo));
		memcpy(CMSG_DATA(cmsg), &pktinfo, sizeof(pktinfo));
	}
	msg.msg_controllen = CMSG_ALIGN(cmsg->cmsg_len);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool send_ipv4(int fd, const struct bounce *bounce, const struct netaddr *client,
	const struct netaddr *local, size_t header)
{
	unsigned char packet[sizeof(struct icmphdr) + sizeof(struct ip) + 8 + BOUNCE_QUOTE_MAX];
	struct icmphdr icmp = {0};
	struct ip ip = {.ip_v = 4, .ip_hl = 5, .ip_ttl = HOPS, .ip_p = IPPROTO_UDP};
	size_t quoted = bounce->quoted > header ? bounce->quoted - header : 0;
	unsigned char *p = packet + sizeof(icmp);
	struct iovec iov = {packet, sizeof(packet) - BOUNCE_QUOTE_MAX + quoted};

	if (!is_for_ipv4(bounce, &icmp.type, &icmp.code))
		return false;
	icmp.un.frag.mtu = htons((uint16_t)client_mtu(bounce, AF_INET, header));
	ip.ip_len = htons((uint16_t)(sizeof(ip) + sizeof(struct udphdr) + quoted));
	ip.ip_src = client->in.sin_addr;
	ip.ip_dst = local->in.sin_addr;
	ip.ip_sum = checksum(&ip, sizeof(ip));
	memcpy(p, &ip, sizeof(ip));
	p = put_udp(p + sizeof(ip), client, local, quoted);
	memcpy(p, bounce->quote + header, quoted);
	memcpy(packet, &icmp, sizeof(icmp));
	icmp.checksum = checksum(packet, iov.iov_len);
	memcpy(packet, &icmp, sizeof(icmp));
	return send_from(fd, &iov, client, local);
}

/* The kernel fills in the checksum (ipv6(7)). */
static bool send_ipv6(int fd, const struct bounce *bounce, const struct netaddr *client,
	const struct netaddr *local, size_t header)
{
	unsigned char packet[sizeof(struct icmp6_hdr) + sizeof(struct ip6_hdr) + 8 +
		BOUNCE_QUOTE_MAX];
	struct icmp6_hdr icmp = {0};
	struct ip6_hdr ip = {0};
	size_t quoted = bounce->quoted > header ? bounce->quoted - header : 0;
	unsigned char *p = packet + sizeof(icmp);
	struct iovec iov = {packet, sizeof(packet) - BOUNCE_QUOTE_MAX + quoted};

	if (!is_for_ipv6(bounce, &icmp.icmp6_type, &icmp.icmp6_code))
		return false;
	icmp.icmp6_mtu = htonl(client_mtu(bounce, AF_INET6, header));
	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons((uint16_t)(sizeof(struct udphdr) + quoted));
	ip.ip6_nxt = IPPROTO_UDP;
	ip.ip6_hlim = HOPS;
	ip.ip6_src = client->in6.sin6_addr;
	ip.ip6_dst = local->in6.sin6_addr;
	memcpy(p, &ip, sizeof(ip));
	p = put_udp(p + sizeof(ip), client, local, quoted);
	memcpy(p, bounce->quote + (quoted ? header : 0), quoted);
	memcpy(packet, &icmp, sizeof(icmp));
	return send_from(fd, &iov, client, local);
}

static bool is_too_often(struct bounce_sockets *sockets)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec != sockets->second) {
		sockets->second = now.tv_sec;
		sockets->sent = 0;
	}
	return sockets->sent++ >= SECOND_MAX;
}

bool bounce_send(struct bounce_sockets *sockets, const struct bounce *bounce,
	const struct netaddr *client, const struct netaddr *local, size_t header)
{
	if (is_too_often(sockets))
		return false;
	if (!client->length || !local->length || client->sa.sa_family != local->sa.sa_family)
		return false;
	if (client->sa.sa_family == AF_INET)
		return sockets->ipv4 >= 0 &&
			send_ipv4(sockets->ipv4, bounce, client, local, header);
	if (IN6_IS_ADDR_UNSPECIFIED(&local->in6.sin6_addr))
		return false;
	return sockets->ipv6 >= 0 && send_ipv6(sockets->ipv6, bounce, client, local, header);
}
