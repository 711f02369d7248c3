/* SPDX-License-Identifier: MIT */
/*
 * Datagrams by generic segmentation offload (UDP_SEGMENT and UDP_GRO, udp(7), Linux 5.0), which no
 * packaged program has.
 *
 *   bridge-udp receive PORT                            counts bytes, and tells whoever asks
 *   bridge-udp send ADDRESS PORT SIZE SEGMENTS SECONDS sends, asks, prints bytes that arrive in 1 s
 *
 * A datagram of one byte is the question, which the answer repeats, with the count. Both go the way
 * that the data goes, so a relay in between has to carry them, and what arrives before counts.
 */

#include "bench/figures.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ASK_AGAIN_MS 50
#define ASKS	     100

static char data[65536];

struct answer {
	uint64_t count;
	unsigned char question;
};

static struct sockaddr_in address_of(const char *host, const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
	};

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		errx(2, "not an IPv4 address: %s", host);
	return address;
}

static int receive(const char *port)
{
	struct sockaddr_in address = address_of("0.0.0.0", port), from;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
	struct answer answer = {0};

	if (fd < 0 || setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "port %s", port);
	for (;;) {
		socklen_t length = sizeof(from);
		struct sockaddr *peer = (struct sockaddr *)&from;
		ssize_t got = recvfrom(fd, data, sizeof(data), 0, peer, &length);

		answer.question = (unsigned char)data[0];
		if (got == 1)
			(void)!sendto(fd, &answer, sizeof(answer), 0, peer, length);
		else if (got > 0)
			answer.count += (uint64_t)got;
	}
}

/* What has been received so far. What is under way may be lost, and so may be the question. */
static uint64_t ask(int fd)
{
	static unsigned char question;
	struct answer answer;

	for (int i = 0; i < ASKS; i++) {
		question++;
		(void)!send(fd, &question, 1, 0);
		while (recv(fd, &answer, sizeof(answer), 0) == sizeof(answer))
			if (answer.question == question)
				return answer.count;
	}
	errx(1, "no answer");
}

static int send_all(char **args)
{
	struct sockaddr_in address = address_of(args[0], args[1]);
	struct timeval wait = {.tv_usec = ASK_AGAIN_MS * 1000};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = atoi(args[2]);
	size_t length = (size_t)size * (size_t)atoi(args[3]);
	double start, end = atof(args[4]);
	uint64_t before;

	if (size < 2 || length > 65507)
		errx(2, "a size of at least 2, and at most 65507 bytes at once");
	if (fd < 0 || setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s:%s", args[0], args[1]);
	before = ask(fd);
	start = now_s();
	for (end += start; now_s() < end;)
		if (send(fd, data, length, 0) < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
			err(1, "send");
	end = now_s();
	printf("%.0f\n", (double)(ask(fd) - before) / (end - start));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return receive(argv[2]);
	if (argc == 7 && !strcmp(argv[1], "send"))
		return send_all(argv + 2);
	fprintf(stderr, "usage: see the first comment of bridge-udp.c\n");
	return 2;
}
