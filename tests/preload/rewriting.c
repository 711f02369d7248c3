/* SPDX-License-Identifier: MIT */
/*
 * Sockets of each kind, one after the other as the arguments say, and whether they serve:
 *
 *   rewriting KIND ADDRESS PORT...
 *
 * KIND is tcp4, udp4, tcp6, udp6 (which take IPv4, too), tcp6o or udp6o (IPv6 only). All stay open.
 * A client in the same namespace binds an address of the loopback interface and the port 0, which
 * has to be in XBIND, and exchanges data with whatever getsockname(2) says.
 */
#include "tests/preload/program.h"

static socklen_t length_of(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);
}

static void print_address(const char *what, const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char text[INET6_ADDRSTRLEN];
	unsigned port = ntohs(in->sin_port);

	inet_ntop(address->ss_family,
		address->ss_family == AF_INET ? (const void *)&in->sin_addr : &in6->sin6_addr, text,
		sizeof(text));
	printf("%s %s ", what, text);
	/* net.ipv4.ip_local_port_range */
	if (port >= 32768)
		printf("chosen\n");
	else
		printf("%u\n", port);
}

static struct sockaddr_storage name_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &length);
	return address;
}

/* An address by which a client reaches a socket bound to this one. */
static struct sockaddr_storage reachable(struct sockaddr_storage address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;
	static const uint8_t mapped_any[16] = {[10] = 0xff, [11] = 0xff};

	if (address.ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (address.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		in6->sin6_addr = in6addr_loopback;
	if (address.ss_family == AF_INET6 && memcmp(&in6->sin6_addr, mapped_any, 16) == 0)
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6->sin6_addr);
	return address;
}

/* Sends a byte to a socket that is bound, and prints who it says that was. */
static void exchange(int fd, int type)
{
	struct sockaddr_storage to = reachable(name_of(fd)), from = to, peer = {0};
	int client = socket(to.ss_family, type, 0), served = fd;
	socklen_t length = sizeof(peer);
	char byte = 'x';

	((struct sockaddr_in *)&from)->sin_port = 0;
	if (bind(client, (struct sockaddr *)&from, length_of(&from)) < 0 ||
		connect(client, (struct sockaddr *)&to, length_of(&to)) < 0 ||
		send(client, &byte, 1, 0) != 1) {
		printf("no exchange: %s\n", strerrorname_np(errno));
		close(client);
		return;
	}
	if (type == SOCK_STREAM)
		served = accept(fd, NULL, NULL);
	SAY(recvfrom(served, &byte, 1, 0, (struct sockaddr *)&peer, &length));
	if (type == SOCK_STREAM) {
		length = sizeof(peer);
		getpeername(served, (struct sockaddr *)&peer, &length);
		close(served);
	}
	print_address("served", &peer);
	close(client);
}

static int one(const char *kind, const char *text, unsigned port)
{
	int type = kind[0] == 't' ? SOCK_STREAM : SOCK_DGRAM, fd;
	int domain = kind[3] == '4' ? AF_INET : AF_INET6;
	struct sockaddr_storage name;

	printf("-- %s\n", kind);
	fd = socket(domain, type, 0);
	if (domain == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, kind[4] == 'o');
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	program_say("bind", bind_to(fd, domain, text, port));
	name = name_of(fd);
	print_address("name", &name);
	if (((struct sockaddr_in *)&name)->sin_port == 0) {
		SAY(in_own(fd));
		return fd;
	}
	SAY(in_target(fd));
	if (type == SOCK_STREAM)
		SAY(listen(fd, 5));
	exchange(fd, type);
	return fd;
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 2 < argc; i += 3)
		one(argv[i], argv[i + 1], (unsigned)atoi(argv[i + 2]));
	return 0;
}
