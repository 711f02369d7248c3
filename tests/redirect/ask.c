/* SPDX-License-Identifier: MIT */
/*
 * "ask KIND...": makes a socket of each kind and keeps it, and tells where it is, or the errno.
 * "stop" waits for a line on standard input first, "nobody" becomes another user.
 */
#include "tests/redirect/program.h"

#include <linux/netlink.h>

static const struct {
	const char *name;
	int domain, type, protocol;
} kinds[] = {
	{"tcp", AF_INET, SOCK_STREAM, 0},
	{"tcp6", AF_INET6, SOCK_STREAM, 0},
	{"udp", AF_INET, SOCK_DGRAM, 0},
	{"udp6", AF_INET6, SOCK_DGRAM, 0},
	{"mptcp", AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
	{"sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP},
	{"ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
	{"raw", AF_INET, SOCK_RAW, IPPROTO_ICMP},
	{"nonsense", AF_INET, SOCK_STREAM, IPPROTO_UDP},
	{"type", AF_INET, 77, 0},
	{"protocol", AF_INET, SOCK_STREAM, -1},
	{"flags", AF_INET, SOCK_STREAM | 0x400000, 0},
	{"route", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
	{"unix", AF_UNIX, SOCK_STREAM, 0},
	{"generic", AF_NETLINK, SOCK_RAW, NETLINK_GENERIC},
};

static void ask(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int fd;

		if (strcmp(kinds[i].name, name) != 0)
			continue;
		errno = EXDEV;
		fd = socket(kinds[i].domain, kinds[i].type | SOCK_CLOEXEC, kinds[i].protocol);
		printf("%s: %s\n", name, fd < 0 ? strerrorname_np(errno) : where(fd));
		if (fd >= 0 && errno != EXDEV)
			printf("errno is %s\n", strerrorname_np(errno));
		fflush(stdout);
		return;
	}
	exit(2);
}

int main(int argc, char **argv)
{
	char line[16];

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "nobody") == 0)
			MUST(setresgid(65534, 65534, 65534) == 0 &&
				setresuid(65534, 65534, 65534) == 0);
		else if (strcmp(argv[i], "stop") != 0)
			ask(argv[i]);
		else if (!fgets(line, sizeof(line), stdin))
			return 1;
	}
	return 0;
}
