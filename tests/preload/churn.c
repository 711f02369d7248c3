/* SPDX-License-Identifier: MIT */
/*
 * Very many sockets, with options that have to be remembered: the process does not grow, and those
 * that have just been made are remembered.
 *
 *   churn SOCKETS
 */
#include "tests/preload/program.h"

#include <netinet/tcp.h>

static long pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long size = 0, resident = -1;

	if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
		resident = -1;
	if (file)
		fclose(file);
	return resident;
}

/* One that joins many groups, and one with many options. */
static void churn(long sockets)
{
	for (long i = 0; i < sockets; i++) {
		struct group_req request = {.gr_interface = 1};
		struct sockaddr_in *group = (struct sockaddr_in *)&request.gr_group;
		int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);

		set_int(tcp, IPPROTO_TCP, TCP_KEEPIDLE, 100);
		set_int(tcp, IPPROTO_TCP, TCP_KEEPCNT, 5);
		group->sin_family = AF_INET;
		for (unsigned k = 0; k < 8; k++) {
			group->sin_addr.s_addr = htonl(0xef000000 + k);
			setsockopt(udp, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request));
		}
		close(tcp);
		close(udp);
	}
}

int main(int argc, char **argv)
{
	long before, fd;

	churn(1000);
	before = pages();
	churn(argc > 1 ? atol(argv[1]) : 100);
	/* 16 MiB is what all slots have, full. */
	printf("grown: %d\n", before < 0 || pages() - before > 16 * 1024 * 1024 / getpagesize());
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(set_int((int)fd, IPPROTO_TCP, TCP_KEEPIDLE, 100));
	SAY(bind_port((int)fd, 3000));
	SAY(in_target((int)fd));
	SAY(get_int((int)fd, IPPROTO_TCP, TCP_KEEPIDLE));
	return 0;
}
