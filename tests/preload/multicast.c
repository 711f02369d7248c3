/* SPDX-License-Identifier: MIT */
/* Group memberships, which cannot be read back; nor can keys. */
#include "tests/preload/program.h"

#include <linux/tcp.h>
#include <net/if.h>

static void receive(int fd, int domain, const char *group, unsigned port, const char *text)
{
	int sender = socket(domain, SOCK_DGRAM, 0);
	struct sockaddr_storage to = address_of(domain, group, port);
	struct timeval timeout = {.tv_usec = 300000};
	int lo = (int)if_nametoindex("lo");
	struct in_addr local = {.s_addr = htonl(INADDR_LOOPBACK)};
	char buffer[16];
	ssize_t size;

	if (domain == AF_INET)
		setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof(local));
	else
		setsockopt(sender, IPPROTO_IPV6, IPV6_MULTICAST_IF, &lo, sizeof(lo));
	/* Makes it a socket of the target, too. */
	bind_to(sender, domain, domain == AF_INET ? "127.0.0.1" : "::1", 0);
	SAY(sendto(sender, "hello", 5, 0, (struct sockaddr *)&to,
		domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	size = recv(fd, buffer, sizeof(buffer), 0);
	printf("%s: heard %zd\n", text, size);
	close(sender);
}

/* A membership that is left takes along what was set on top of it. */
static void left_with_sources(int source_option, unsigned port)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ip_mreq group = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
	struct ip_mreq_source source = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK),
		.imr_sourceaddr.s_addr = htonl(INADDR_LOOPBACK + 1)};
	struct ip_msfilter filter = {.imsf_interface.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(filter);

	inet_pton(AF_INET, "239.1.2.6", &group.imr_multiaddr);
	source.imr_multiaddr = filter.imsf_multiaddr = group.imr_multiaddr;
	SAY(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
	SAY(setsockopt(fd, IPPROTO_IP, source_option, &source, sizeof(source)));
	SAY(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
	SAY(bind_to(fd, AF_INET, "0.0.0.0", port));
	SAY(getsockopt(fd, IPPROTO_IP, IP_MSFILTER, &filter, &length));
	close(fd);
}

int main(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), lo = (int)if_nametoindex("lo");
	struct ip_mreqn by_index = {.imr_ifindex = lo};
	struct ip_mreq by_address = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
	struct ipv6_mreq six = {.ipv6mr_interface = (unsigned)lo};
	struct tcp_md5sig key = {.tcpm_keylen = 3, .tcpm_key = "abc"};
	struct sockaddr_storage peer = address_of(AF_INET, "127.0.0.1", 0);

	inet_pton(AF_INET, "239.1.2.3", &by_index.imr_multiaddr);
	inet_pton(AF_INET, "239.1.2.4", &by_address.imr_multiaddr);
	SAY(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by_index, sizeof(by_index)));
	SAY(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by_address, sizeof(by_address)));
	inet_pton(AF_INET, "239.1.2.5", &by_address.imr_multiaddr);
	SAY(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by_address, sizeof(by_address)));
	SAY(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &by_address, sizeof(by_address)));
	SAY(set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0));
	SAY(bind_to(fd, AF_INET, "0.0.0.0", 3080));
	SAY(in_target(fd));
	receive(fd, AF_INET, "239.1.2.3", 3080, "by index");
	receive(fd, AF_INET, "239.1.2.4", 3080, "by address");
	receive(fd, AF_INET, "239.1.2.5", 3080, "left");

	left_with_sources(IP_ADD_SOURCE_MEMBERSHIP, 3083);
	left_with_sources(IP_BLOCK_SOURCE, 3084);

	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	inet_pton(AF_INET6, "ff01::1234", &six.ipv6mr_multiaddr);
	SAY(setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six)));
	SAY(bind_to(fd, AF_INET6, "::", 3081));
	receive(fd, AF_INET6, "ff01::1234", 3081, "IPv6");
	SAY(setsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &six, sizeof(six)));

	fd = socket(AF_INET, SOCK_STREAM, 0);
	memcpy(&key.tcpm_addr, &peer, sizeof(peer));
	SAY(setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)));
	SAY(bind_port(fd, 3082));
	/* A key that is there can be deleted. */
	key.tcpm_keylen = 0;
	SAY(setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)));
	return 0;
}
