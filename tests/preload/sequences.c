/* SPDX-License-Identifier: MIT */
/*
 * The calls around bind(2), in orders that programs have: clients with a port of their own, one
 * bind after another, the port that the kernel chooses, sockets that share a port. With an
 * argument: what becomes of the socket of that number, which is bound already.
 */
#include "tests/preload/program.h"

#include <poll.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static int connect_port(int fd, unsigned port)
{
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", port);

	return connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in));
}

static int listener_at(unsigned port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	SAY(bind_port(fd, port));
	SAY(listen(fd, 5));
	return fd;
}

static void clients(void)
{
	int listener = listener_at(3000), fd = socket(AF_INET, SOCK_STREAM, 0), served;
	struct sockaddr_in peer = {0};
	socklen_t length = sizeof(peer);
	struct linger reset = {.l_onoff = 1};
	char text[8] = "";

	printf("-- a client with a port, TCP\n");
	SAY(bind_port(fd, 3001));
	SAY(connect_port(fd, 3000));
	served = accept(listener, (struct sockaddr *)&peer, &length);
	SAY(ntohs(peer.sin_port));
	SAY(send(fd, "there", 5, 0));
	SAY(recv(served, text, 5, MSG_WAITALL));
	SAY(send(served, "back", 4, 0));
	SAY(recv(fd, text, 4, MSG_WAITALL));
	printf("%s\n", text);
	SAY(bind_port(fd, 3002));
	/* The next one to run this is to have the port, too. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);

	printf("-- UDP\n");
	served = socket(AF_INET, SOCK_DGRAM, 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(bind_port(served, 3000));
	SAY(bind_port(fd, 3001));
	SAY(connect_port(fd, 3000));
	SAY(send(fd, "there", 5, 0));
	SAY(recvfrom(served, text, 5, 0, (struct sockaddr *)&peer, &length));
	SAY(ntohs(peer.sin_port));
	SAY(sendto(served, "again", 5, 0, (struct sockaddr *)&peer, length));
	SAY(recv(fd, text, 5, 0));
	printf("%s\n", text);
	SAY(in_target(fd));
}

static void again(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);

	printf("-- bound once more\n");
	SAY(bind_port(fd, 3010));
	SAY(bind_port(fd, 3011));
	SAY(bind_port(fd, 3010));
	SAY(bind_port(fd, 4010));
	SAY(bind_to(fd, AF_INET, "192.0.2.1", 3011));
	SAY(port_of(fd));
	SAY(in_target(fd));
	SAY(listen(fd, 5));
	SAY(bind_port(fd, 3011));
	SAY(bind_port(udp, 3010));
	SAY(bind_port(udp, 3011));
	SAY(port_of(udp));

	printf("-- bound, not listed, then listed\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind_port(fd, 4011));
	SAY(bind_port(fd, 3012));
	SAY(in_own(fd));
	SAY(port_of(fd));
}

static void chosen(int type)
{
	int a = socket(AF_INET, type, 0), b = socket(AF_INET, type, 0);

	printf("-- the port that the kernel chooses\n");
	SAY(bind_port(a, 0));
	SAY(bind_port(b, 0));
	SAY(port_of(a) != 0 && port_of(b) != 0 && port_of(a) != port_of(b));
	SAY(in_target(a) && in_target(b));
	SAY(bind_port(a, 0));
	SAY(bind_port(a, 3013));

	printf("-- none before it connects\n");
	a = socket(AF_INET, type, 0);
	SAY(set_int(a, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1));
	SAY(bind_to(a, AF_INET, "127.0.0.3", 0));
	SAY(port_of(a) != 0);
	SAY(in_target(a));
	SAY(connect_port(a, 3000));
	SAY(port_of(a) != 0);
}

/* What a failed connection leaves of a socket is not bound. */
static void refused(int domain, int type, int protocol, unsigned port)
{
	const char *host = domain == AF_INET ? "127.0.0.1" : "::1";
	struct sockaddr_storage to = address_of(domain, host, 4999);
	int fd = socket(domain, type, protocol), before;

	printf("-- after a connection that failed: %d %d %d\n", domain, type, protocol);
	if (fd < 0) {
		printf("no such socket: %s\n", strerrorname_np(errno));
		return;
	}
	SAY(connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in6)));
	before = get_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	SAY(bind_to(fd, domain, host, port));
	SAY(get_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) == before);
	/* A datagram socket has been given a port, and nobody knows which. */
	if (type == SOCK_STREAM) {
		SAY(port_of(fd));
		SAY(in_target(fd));
		SAY(bind_to(fd, domain, host, port));
	}
}

/* Nor is what is left when both sides have closed. */
static void ended(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger reset = {.l_onoff = 1};
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	int served;

	printf("-- after a connection that was reset\n");
	SAY(bind_port(listener, 4998));
	SAY(listen(listener, 5));
	SAY(connect_port(fd, 4998));
	SAY(bind_port(fd, 3021));
	served = accept(listener, NULL, NULL);
	setsockopt(served, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(served);
	SAY(poll(&pollfd, 1, 10000));
	SAY(recv(fd, &reset, 1, 0));
	SAY(bind_port(fd, 3021));
	SAY(port_of(fd));
	SAY(in_target(fd));
}

static void shared(int type)
{
	int fds[4], client = socket(AF_INET, type, 0);
	struct pollfd polled[4];
	char byte = 'x';

	printf("-- a port that is shared\n");
	for (int i = 0; i < 4; i++) {
		fds[i] = socket(AF_INET, type, 0);
		SAY(set_int(fds[i], SOL_SOCKET, SO_REUSEPORT, i < 3));
		SAY(bind_port(fds[i], 3030));
		if (i < 3)
			SAY(in_target(fds[i]));
		if (i < 3 && type == SOCK_STREAM)
			SAY(listen(fds[i], 5));
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	}
	SAY(bind_port(client, 0));
	SAY(connect_port(client, 3030));
	SAY(send(client, &byte, 1, 0));
	SAY(poll(polled, 3, 10000));
}

static void not_bound(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);

	printf("-- never bound\n");
	SAY(listen(listener, 5));
	SAY(port_of(listener) != 0);
	SAY(in_own(listener));
	SAY(connect_port(udp, 3000));
	SAY(in_own(udp));
}

static void given(int fd)
{
	printf("-- given\n");
	SAY(port_of(fd));
	SAY(bind_port(fd, 3040));
	SAY(bind_port(fd, 0));
	SAY(listen(fd, 5));
	SAY(in_own(fd));
	SAY(port_of(fd));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		given(atoi(argv[1]));
		return 0;
	}
	clients();
	again();
	chosen(SOCK_STREAM);
	chosen(SOCK_DGRAM);
	refused(AF_INET, SOCK_STREAM, 0, 3020);
	refused(AF_INET6, SOCK_STREAM, 0, 3022);
	refused(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, 3023);
	refused(AF_INET, SOCK_DGRAM, 0, 3020);
	ended();
	shared(SOCK_STREAM);
	shared(SOCK_DGRAM);
	not_bound();
	return 0;
}
