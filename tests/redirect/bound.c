/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are bound to any address and any port before they are used, as some programs do
 * (XREDIRECT_LOCAL as in reach.c): the first address they are used with says where they belong.
 */
#include "tests/redirect/local.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define PORT 3800

static int udp_server, tcp_server; /* here, at the listed address */

static int bound(int domain, int type, const char *address, unsigned port)
{
	int fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	MUST(bind_to(fd, domain, address, port) == 0);
	MUST(strcmp(where(fd), "there") == 0 && port_of(fd) > 0);
	return fd;
}

/* What it was told before is as true of its successor. */
static void datagrams(int domain, const char *any, const char *listed, const char *unlisted)
{
	int fd = bound(domain, SOCK_DGRAM, any, 0), set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	char text[8];

	printf("-- %s\n", any);
	set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	SAY(send_to(fd, "word", domain, listed, PORT));
	WHERE(fd);
	SAY(port_of(fd) > 0);
	SAY(get_int(fd, SOL_SOCKET, SO_BROADCAST));
	MUST(recvfrom(udp_server, text, sizeof(text), 0, (struct sockaddr *)&from, &length) == 4);
	MUST(sendto(udp_server, "answer", 6, 0, (struct sockaddr *)&from, length) == 6);
	SAY(epoll_wait(set, &event, 1, 10000));
	SAY(recv(fd, text, sizeof(text), 0));
	SAY(send_to(fd, "word", domain, unlisted, PORT));
	SAY(send_to(fd, "word", domain, listed, PORT));
	MUST(recv(udp_server, text, sizeof(text), 0) == 4);
	close(fd);
	close(set);
}

static void connected(void)
{
	int fd = bound(AF_INET, SOCK_STREAM, "0.0.0.0", 0);
	struct pollfd server = {.fd = tcp_server, .events = POLLIN};

	printf("-- connected\n");
	SAY(connect_to(fd, AF_INET, LISTED, PORT));
	WHERE(fd);
	SAY(poll(&server, 1, 10000));
	close(accept(tcp_server, NULL, NULL));
	close(fd);
}

static void not_moved(const char *what, int fd)
{
	printf("%s: ", what);
	if (send_to(fd, "word", AF_INET, LISTED, PORT) >= 0)
		printf("sent, ");
	printf("%s\n", where(fd));
	close(fd);
}

/* What belongs over there already. */
static void used(void)
{
	int fd = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0), other;
	pid_t child;

	printf("-- used\n");
	MUST(send_to(fd, "word", AF_INET, UNLISTED, PORT) == 4);
	not_moved("sent", fd);

	fd = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0);
	MUST(connect_to(fd, AF_INET, UNLISTED, PORT) == 0);
	not_moved("connected", fd);

	fd = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0);
	other = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0);
	MUST(send_to(other, "", AF_INET, "127.0.0.1", port_of(fd)) == 0);
	not_moved("received", fd);
	close(other);

	not_moved("of a port", bound(AF_INET, SOCK_DGRAM, "0.0.0.0", PORT));
	not_moved("of an address", bound(AF_INET, SOCK_DGRAM, UNLISTED, 0));

	/* Nothing is remembered in another program. */
	fd = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0);
	child = fork();
	if (child == 0) {
		not_moved("in a child", fd);
		exit(0);
	}
	waitpid(child, NULL, 0);
	not_moved("in its parent", fd);
}

static void listening(void)
{
	int fd = bound(AF_INET, SOCK_STREAM, "0.0.0.0", 0);

	printf("-- listening\n");
	MUST(listen(fd, 5) == 0);
	SAY(connect_to(fd, AF_INET, LISTED, PORT));
	WHERE(fd);
	close(fd);
}

/* The kernel chooses a port for it later, and not the address. */
static int bound_without_port(const char *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	MUST(set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) == 0);
	MUST(bind_to(fd, AF_INET, address, 0) == 0 && port_of(fd) == 0);
	return fd;
}

static void without_a_port(void)
{
	int there = bound_without_port(UNLISTED), here = bound_without_port(LISTED);
	int anything = bound_without_port("0.0.0.0");

	printf("-- without a port\n");
	WHERE(here);
	SAY(connect_to(here, AF_INET, UNLISTED, PORT));
	WHERE(here);
	SAY(connect_to(there, AF_INET, LISTED, PORT));
	WHERE(there);
	SAY(connect_to(anything, AF_INET, LISTED, PORT));
	WHERE(anything);
	close(accept(tcp_server, NULL, NULL));
	close(here);
	close(there);
	close(anything);
}

/* A second bind(2) fails, whatever the address is. */
static void bound_twice(void)
{
	int fd = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0);

	printf("-- bound twice\n");
	SAY(bind_to(fd, AF_INET, LISTED, 0));
	WHERE(fd);
	SAY(send_to(fd, "word", AF_INET, LISTED, PORT));
	WHERE(fd);
	close(fd);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	udp_server = listen_here(AF_INET, SOCK_DGRAM, LISTED, PORT);
	tcp_server = listen_here(AF_INET, SOCK_STREAM, LISTED, PORT);
	datagrams(AF_INET, "0.0.0.0", LISTED, UNLISTED);
	datagrams(AF_INET6, "::", "::ffff:" LISTED, "::ffff:" UNLISTED);
	connected();
	used();
	listening();
	bound_twice();
	without_a_port();
	return 0;
}
