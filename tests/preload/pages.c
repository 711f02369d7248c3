/* SPDX-License-Identifier: MIT */
/*
 * Arguments that end where a page ends, with nothing behind it, shorter than they are said to be;
 * and pointers to nothing at all. What the kernel takes, or refuses, the library does.
 */
#include "tests/preload/program.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/mman.h>

/* A page, behind which there is nothing. */
static uint8_t *page_end(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || munmap(pages + size, size) < 0)
		exit(1);
	return pages + size;
}

/* A copy of a value that ends with its page. */
static void *at_end(const void *value, size_t size)
{
	return memcpy(page_end() - size, value, size);
}

static void options(void)
{
	static const struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	struct sock_fprog program = {.len = 1, .filter = at_end(&all, sizeof(all))};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(0xef010203)};
	char congestion[16] = "";
	socklen_t length = sizeof(congestion);
	uint8_t ttl = 33;

	printf("-- options\n");
	group.imr_address.s_addr = htonl(INADDR_LOOPBACK);
	SAY(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, at_end(&one, sizeof(one)), 8));
	SAY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, at_end(&one, sizeof(one)), 300));
	SAY(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, at_end("reno", 5), 16));
	SAY(setsockopt(fd, IPPROTO_IP, IP_TTL, at_end(&ttl, 1), 1));
	SAY(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, at_end(&program, sizeof(program)),
		sizeof(program)));
	SAY(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, page_end(), sizeof(int)));
	SAY(bind_port(fd, 3083));
	SAY(in_target(fd));
	SAY(get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	SAY(get_int(fd, IPPROTO_TCP, TCP_NODELAY));
	SAY(get_int(fd, IPPROTO_IP, IP_TTL));
	SAY(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length));
	printf("%s\n", congestion);
	length = 0;
	SAY(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &length));
	printf("filter: %u\n", length);

	printf("-- a membership\n");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, at_end(&group, sizeof(group)), 100));
	SAY(bind_port(fd, 3084));
	SAY(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(group)));
}

static void addresses(void)
{
	struct sockaddr_storage in = address_of(AF_INET, "127.0.0.1", 3085);
	struct sockaddr_storage in6 = address_of(AF_INET6, "::1", 3086);
	int fd = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);

	printf("-- addresses\n");
	SAY(bind(fd, (void *)UINTPTR_MAX, sizeof(struct sockaddr_in)));
	SAY(bind(fd, (void *)(UINTPTR_MAX - 7), sizeof(struct sockaddr_in)));
	SAY(bind(fd, (void *)8, sizeof(struct sockaddr_in)));
	SAY(bind(six, at_end(&in6, 16), sizeof(struct sockaddr_in6)));
	SAY(bind(six, at_end(&in6, 24), sizeof(struct sockaddr_in6)));
	SAY(bind(fd, at_end(&in, sizeof(struct sockaddr_in)), 100));
	SAY(bind(fd, at_end(&in, sizeof(struct sockaddr_in)), sizeof(struct sockaddr_in)));
	SAY(in_target(fd));
	SAY(bind(six, at_end(&in6, 24), 24));
	SAY(in_target(six));
}

int main(void)
{
	options();
	addresses();
	return 0;
}
