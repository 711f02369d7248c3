/* SPDX-License-Identifier: MIT */
/*
 * What socket(2) makes, with each flag: the kind, the descriptor flags, the lowest free number, an
 * errno that is left alone. Each kind a few times, so that all ways to get one are gone.
 */
#include "tests/redirect/program.h"

#include <linux/netlink.h>

#define TIMES 6

static const struct {
	int domain, type, protocol;
} kinds[] = {
	{AF_INET, SOCK_STREAM, 0},
	{AF_INET, SOCK_STREAM, IPPROTO_TCP},
	{AF_INET, SOCK_DGRAM, 0},
	{AF_INET, SOCK_DGRAM, IPPROTO_UDP},
	{AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
	{AF_INET6, SOCK_STREAM, 0},
	{AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
	{AF_INET6, SOCK_STREAM, IPPROTO_MPTCP},
};
static const int flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};

static void one(int domain, int type, int protocol)
{
	int fd;

	errno = EXDEV;
	fd = socket(domain, type, protocol);
	printf("%d %s; %d %d %d; %x %x; %d\n", fd, strerrorname_np(errno),
		get_int(fd, SOL_SOCKET, SO_DOMAIN), get_int(fd, SOL_SOCKET, SO_TYPE),
		get_int(fd, SOL_SOCKET, SO_PROTOCOL), (unsigned)fcntl(fd, F_GETFD),
		(unsigned)fcntl(fd, F_GETFL), in_target(fd));
}

static void each_kind(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (size_t j = 0; j < sizeof(flags) / sizeof(flags[0]); j++) {
			for (int times = 0; times < TIMES; times++)
				one(kinds[i].domain, kinds[i].type | flags[j], kinds[i].protocol);
			/* Numbers that are free in between are the next ones. */
			close(4);
			close(6);
			one(kinds[i].domain, kinds[i].type | flags[j], kinds[i].protocol);
			one(kinds[i].domain, kinds[i].type | flags[j], kinds[i].protocol);
			close_range(3, 300, 0);
		}
	}
}

/* As inetd and its like do it. */
static void as_standard_input(void)
{
	printf("-- number 0\n");
	for (int times = 0; times < TIMES; times++) {
		close(0);
		SAY(socket(AF_INET, SOCK_STREAM, 0));
		SAY(in_target(0));
	}
}

/* What is none of a broker's business, of this process's own namespace. */
static void others(void)
{
	static const struct {
		int domain, type, protocol;
	} other[] = {
		{AF_UNIX, SOCK_STREAM, 0},
		{AF_UNIX, SOCK_DGRAM, 0},
		{AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0},
		{AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT},
		{AF_NETLINK, SOCK_DGRAM, NETLINK_GENERIC},
		{AF_PACKET, SOCK_RAW, 0},
		{AF_VSOCK, SOCK_STREAM, 0},
		{AF_APPLETALK, SOCK_DGRAM, 0},
		{AF_UNSPEC, SOCK_STREAM, 0},
		{-1, SOCK_STREAM, 0},
		{1000, SOCK_STREAM, 0},
		{AF_UNIX, 99, 0},
	};
	int pair[2];

	printf("-- others\n");
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		int fd = socket(other[i].domain, other[i].type, other[i].protocol);

		program_say("socket", fd);
		if (fd >= 0)
			SAY(in_process(fd));
	}
	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	SAY(in_process(pair[0]));
	SAY(socketpair(AF_INET, SOCK_STREAM, 0, pair));
}

/* They work, in both directions. */
static void used(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET6, SOCK_DGRAM, 0), other = socket(AF_INET6, SOCK_DGRAM, 0), peer;
	char buffer[8] = "";

	printf("-- used\n");
	SAY(listen_to(listener, AF_INET, "127.0.0.1", 3000));
	SAY(connect_to(client, AF_INET, "127.0.0.1", 3000));
	SAY(peer = accept(listener, NULL, NULL));
	SAY(in_target(peer));
	SAY(write(client, "hello", 5));
	SAY(read(peer, buffer, sizeof(buffer)));
	SAY(bind_to(udp, AF_INET6, "::1", 3001));
	SAY(send_to(other, "udp", AF_INET6, "::1", 3001));
	SAY(recv(udp, buffer, sizeof(buffer), 0));
	printf("%s\n", buffer);
}

int main(void)
{
	each_kind();
	others();
	used();
	as_standard_input();
	return 0;
}
