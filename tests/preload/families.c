/* SPDX-License-Identifier: MIT */
/* Address families, protocols, the port that the kernel chooses. */
#include "tests/preload/program.h"

static void print_name(int fd)
{
	struct sockaddr_in6 address = {0};
	socklen_t length = sizeof(address);
	char text[INET6_ADDRSTRLEN];
	void *source = &address.sin6_addr;

	SAY(getsockname(fd, (struct sockaddr *)&address, &length));
	if (address.sin6_family == AF_INET)
		source = &((struct sockaddr_in *)&address)->sin_addr;
	inet_ntop(address.sin6_family, source, text, sizeof(text));
	printf("%s %u %u\n", text, length,
		ntohs(address.sin6_port) > 3099 ? 1 : ntohs(address.sin6_port));
	SAY(in_target(fd));
	SAY(get_int(fd, SOL_SOCKET, SO_DOMAIN));
	SAY(get_int(fd, SOL_SOCKET, SO_TYPE));
	SAY(get_int(fd, SOL_SOCKET, SO_PROTOCOL));
}

static int one(int domain, int type, int protocol, const char *text, unsigned port, int v6only)
{
	int fd = socket(domain, type, protocol);

	printf("-- %d %d %d %s %u %d\n", domain, type, protocol, text, port, v6only);
	if (fd < 0) {
		printf("no such socket: %s\n", strerrorname_np(errno));
		return -1;
	}
	if (v6only >= 0)
		SAY(set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only));
	SAY(bind_to(fd, domain, text, port));
	if (type == SOCK_STREAM)
		SAY(listen(fd, 3));
	print_name(fd);
	if (domain == AF_INET6)
		SAY(get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	return fd;
}

static void connected(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", 4001);

	printf("-- connected\n");
	SAY(bind_port(listener, 4001));
	SAY(listen(listener, 5));
	SAY(connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in)));
	SAY(bind_port(fd, 3049));
	SAY(in_own(fd));
}

int main(void)
{
	one(AF_INET, SOCK_STREAM, 0, "0.0.0.0", 3040, -1);
	one(AF_INET, SOCK_STREAM, IPPROTO_TCP, "127.0.0.2", 3041, -1);
	one(AF_INET6, SOCK_STREAM, 0, "::", 3042, 0);
	one(AF_INET6, SOCK_STREAM, 0, "::", 3043, 1);
	one(AF_INET, SOCK_STREAM, 0, "0.0.0.0", 3043, -1);
	one(AF_INET6, SOCK_STREAM, 0, "::", 3044, -1);
	one(AF_INET6, SOCK_DGRAM, 0, "::1", 3040, -1);
	one(AF_INET, SOCK_DGRAM, IPPROTO_UDP, "0.0.0.0", 3041, -1);
	one(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, "0.0.0.0", 3045, -1);
	one(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, "::", 3046, -1);
	one(AF_INET, SOCK_STREAM, 0, "0.0.0.0", 0, -1);
	one(AF_INET6, SOCK_DGRAM, 0, "::", 0, -1);
	connected();
	return 0;
}
