/* SPDX-License-Identifier: MIT */
/*
 * Ways round XREDIRECT_LOCAL that a reader found: connect(2) by another name; a message without an
 * address in front of one for somebody who is not in the list; a connection that a listener here
 * accepted, dissolved and used again; a stream that is sent to with an address, which means nothing
 * to it. Here somebody listens at an address that is not in the list, and must hear nothing.
 */
#include "tests/redirect/local.h"

#include <netinet/ip.h>
#include <sys/stat.h>

#define PORT 3300

/* glibc's other name for it, which no header has. */
#ifdef __GLIBC__
int __connect(int fd, const struct sockaddr *address, socklen_t length);
#else
#define __connect connect
#endif

static void by_another_name(void)
{
	int server = listen_here(AF_INET, SOCK_STREAM, LISTED, PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage at = address_of(AF_INET, LISTED, PORT);

	puts("-- by another name");
	SAY(__connect(fd, (struct sockaddr *)&at, length_of(&at)));
	WHERE(fd);
	close(fd);
	close(server);
}

static void messages(void)
{
	int server = listen_here(AF_INET, SOCK_DGRAM, LISTED, PORT),
	    ear = listen_here(AF_INET, SOCK_DGRAM, UNLISTED, PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage to = address_of(AF_INET, UNLISTED, PORT);
	struct iovec data = {.iov_base = (char[]){"text"}, .iov_len = 4};
	struct mmsghdr both[2] = {{.msg_hdr = {.msg_iov = &data, .msg_iovlen = 1}},
		{.msg_hdr = {.msg_iov = &data,
			 .msg_iovlen = 1,
			 .msg_name = &to,
			 .msg_namelen = length_of(&to)}}};
	char text[8];

	puts("-- messages");
	SAY(connect_to(fd, AF_INET, LISTED, PORT));
	WHERE(fd);
	SAY(sendmmsg(fd, both, 2, 0));
	SAY(sendmmsg(fd, both + 1, 1, 0));
	to.ss_family = AF_UNSPEC;
	SAY(sendmmsg(fd, both, 2, 0));
	SAY(recv(server, text, sizeof(text), 0));
	SAY(recv(ear, text, sizeof(text), 0));
	close(fd);
	close(server);
	close(ear);
}

static void accepted(void)
{
	int ear = listen_here(AF_INET, SOCK_STREAM, UNLISTED, PORT), fd, client;
	struct sockaddr_storage at = address_of(AF_INET, LISTED, PORT), none = {0};
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	puts("-- accepted");
	SAY(bind(server, (struct sockaddr *)&at, length_of(&at)));
	WHERE(server);
	MUST(listen(server, 10) == 0);
	client = raw_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(syscall(SYS_connect, client, &at, length_of(&at)) == 0);
	fd = accept(server, NULL, NULL);
	MUST(fd >= 0);
	SAY(connect(fd, (struct sockaddr *)&none, sizeof(none)));
	SAY(connect_to(fd, AF_INET, UNLISTED, PORT));
	SAY(accept(ear, NULL, NULL));
	close(fd);
	close(client);
	close(server);
	close(ear);
}

static void stream(void)
{
	int server = listen_here(AF_INET, SOCK_STREAM, LISTED, PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	puts("-- stream");
	SAY(connect_to(fd, AF_INET, LISTED, PORT));
	SAY(send_to(fd, "text", AF_INET, UNLISTED, PORT));
	WHERE(fd);
	close(fd);
	close(server);
}

/* A broker that keeps a copy of what it hands out can mark it, too, at any time. */
static void marked_by_somebody_else(void)
{
	int server = listen_here(AF_INET, SOCK_DGRAM, LISTED, PORT),
	    ear = listen_here(AF_INET, SOCK_DGRAM, UNLISTED, PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int used = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[8];

	puts("-- marked by somebody else");
	MUST(fchmod(fd, S_ISVTX | 0777) == 0 && fchmod(used, S_ISVTX | 0777) == 0);
	SAY(send_to(fd, "word", AF_INET, LISTED, PORT));
	WHERE(fd);
	SAY(recv(server, text, sizeof(text), 0));
	MUST(bind_to(used, AF_INET, UNLISTED, 0) == 0 && strcmp(where(used), "there") == 0);
	MUST(fchmod(used, S_ISVTX | 0777) == 0);
	SAY(send_to(used, "word", AF_INET, LISTED, PORT));
	WHERE(used);
	SAY(recv(ear, text, sizeof(text), 0));
	close(fd);
	close(used);
	close(server);
	close(ear);
}

/* What such a socket is sent goes to the first address on its way. */
static void with_a_route_of_its_own(void)
{
	/* record, and route by 127.0.0.5 */
	unsigned char plain[] = {IPOPT_NOP, IPOPT_RR, 7, IPOPT_MINOFF, 131, 0, 0, 0};
	unsigned char by[] = {IPOPT_LSRR, 7, IPOPT_MINOFF, 127, 0, 0, 5, IPOPT_EOL};
	int server = listen_here(AF_INET, SOCK_DGRAM, LISTED, PORT);
	int recording = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	puts("-- with a route of its own");
	MUST(setsockopt(recording, IPPROTO_IP, IP_OPTIONS, plain, sizeof(plain)) == 0);
	MUST(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, by, sizeof(by)) == 0);
	SAY(send_to(recording, "word", AF_INET, LISTED, PORT));
	WHERE(recording);
	SAY(send_to(fd, "word", AF_INET, LISTED, PORT));
	WHERE(fd);
	close(recording);
	close(fd);
	close(server);
}

int main(void)
{
	by_another_name();
	messages();
	accepted();
	stream();
	marked_by_somebody_else();
	with_a_route_of_its_own();
	return 0;
}
