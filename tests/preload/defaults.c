/* SPDX-License-Identifier: MIT */
/*
 * Options whose value on a fresh socket is a matter of the namespace: not set they are what is
 * usual there, and set they are what the program said, also where that is usual here.
 */
#include "tests/preload/program.h"

#include <linux/in6.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

/* The values are what is usual in the namespace that the program is run in under the library. */
static const struct {
	const char *text;
	int level, name, value;
} ints[] = {
	{"IP_TTL", IPPROTO_IP, IP_TTL, 61},
	{"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT},
	{"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 6001},
	{"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 61},
	{"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 6},
	{"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 4},
	{"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 31},
	{"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 62},
	{"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, 0},
	{"IPV6_AUTOFLOWLABEL", IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 1},
	{"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 65536},
};

#define INTS (sizeof(ints) / sizeof(ints[0]))

static void print_all(int fd)
{
	char congestion[16] = "";
	socklen_t length = sizeof(congestion);

	for (size_t i = 0; i < INTS; i++)
		program_say(ints[i].text, get_int(fd, ints[i].level, ints[i].name));
	getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length);
	printf("TCP_CONGESTION: %s\n", congestion);
}

int main(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0), child;

	printf("-- nothing set\n");
	SAY(bind_to(fd, AF_INET6, "::1", 3000));
	SAY(in_target(fd));
	print_all(fd);

	printf("-- set to what is usual here\n");
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	for (size_t i = 0; i < INTS; i++)
		program_say(ints[i].text, set_int(fd, ints[i].level, ints[i].name, ints[i].value));
	SAY(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	SAY(bind_to(fd, AF_INET6, "::1", 3001));
	SAY(in_target(fd));
	print_all(fd);

	printf("-- in a duplicate whose number had another socket before\n");
	child = socket(AF_INET6, SOCK_STREAM, 0);
	set_int(child, IPPROTO_IP, IP_TTL, 99);
	close(child);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	SAY(set_int(dup(fd), IPPROTO_IP, IP_TTL, 61));
	SAY(bind_to(fd, AF_INET6, "::1", 3002));
	print_all(fd);
	return 0;
}
