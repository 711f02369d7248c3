/* SPDX-License-Identifier: MIT */
/*
 * A socket that was moved here for an address in XREDIRECT_LOCAL (as in reach.c) reaches no other
 * one from here, whatever is done with it. Whoever listens here at addresses that are not in the
 * list must hear nothing. "strict use FD" is what another program does with a socket it was given.
 */
#include "tests/redirect/local.h"

#include <signal.h>
#include <sys/wait.h>

#define PORT 3200

/* Of this namespace: servers at the listed address, and who must not hear anything. */
static int udp_server, tcp_server, udp_ear, tcp_ear, udp6_ear;

static int heard(void)
{
	char byte;

	return recv(udp_ear, &byte, 1, 0) >= 0 || recv(udp6_ear, &byte, 1, 0) >= 0 ||
	       accept(tcp_ear, NULL, NULL) >= 0;
}

/* Everything that might reach somebody who is not in the list. Says what succeeded. */
static void try_all(int fd, int domain)
{
	const char *address = domain == AF_INET ? UNLISTED : "::ffff:" UNLISTED;
	struct sockaddr_storage to = address_of(domain, address, PORT), longer[2];
	struct sockaddr_storage four = address_of(AF_INET, UNLISTED, PORT);
	struct iovec data = {.iov_base = (char[]){"leak"}, .iov_len = 4};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_name = &to,
					       .msg_namelen = length_of(&to),
					       .msg_iov = &data,
					       .msg_iovlen = 1}}};

	SAY(sendto(fd, "leak", 4, 0, (struct sockaddr *)&to, length_of(&to)));
	SAY(sendto(fd, "leak", 4, MSG_FASTOPEN, (struct sockaddr *)&to, length_of(&to)));
	SAY(sendto(fd, "leak", 4, 0, (struct sockaddr *)&to, sizeof(to)));
	SAY(sendto(fd, "leak", 4, 0, (struct sockaddr *)&four, sizeof(struct sockaddr_in)));
	four.ss_family = AF_UNSPEC;
	SAY(sendto(fd, "leak", 4, 0, (struct sockaddr *)&four, sizeof(struct sockaddr_in)));
	SAY(sendmsg(fd, &messages[0].msg_hdr, 0));
	messages[0].msg_hdr.msg_name = &four;
	messages[0].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
	SAY(sendmsg(fd, &messages[0].msg_hdr, 0));
	/* Of a name that is too long the kernel takes the beginning. */
	memset(longer, 0, sizeof(longer));
	longer[0] = to;
	messages[0].msg_hdr.msg_name = longer;
	messages[0].msg_hdr.msg_namelen = sizeof(longer);
	SAY(sendmsg(fd, &messages[0].msg_hdr, 0));
	messages[1] = messages[0];
	SAY(sendmmsg(fd, messages, 2, 0));
	SAY(connect(fd, (struct sockaddr *)&to, length_of(&to)));
	SAY(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	/* Disconnected, it still is the same. */
	to = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
	connect(fd, (struct sockaddr *)&to, sizeof(struct sockaddr_in));
	SAY(send_to(fd, "leak", domain, address, PORT));
	SAY(connect_to(fd, domain, address, PORT));
	SAY(bind_to(fd, domain, domain == AF_INET ? "127.0.0.1" : "::1", 0));
	SAY(connect_to(fd, domain, address, PORT));
	SAY(send(fd, "leak", 4, MSG_NOSIGNAL));
	WHERE(fd);
}

static int used(int domain, int type)
{
	int fd = socket(domain, type, 0);
	const char *address = domain == AF_INET ? LISTED : "::ffff:" LISTED;

	if (type == SOCK_DGRAM)
		MUST(send_to(fd, "fine", domain, address, PORT) == 4);
	else
		MUST(connect_to(fd, domain, address, PORT) == 0);
	MUST(strcmp(where(fd), "here") == 0);
	return fd;
}

static void wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	printf("status: %x\n", (unsigned)status);
	fflush(stdout);
}

/* In another process, by the same library, which has seen nothing of its history. */
static void in_others(const char *self)
{
	int fd = used(AF_INET, SOCK_DGRAM), pair[2], received;
	char number[16];
	pid_t pid;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	printf("-- a child\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		try_all(fd, AF_INET);
		_exit(0);
	}
	wait_for(pid);
	printf("-- another program\n");
	fflush(stdout);
	snprintf(number, sizeof(number), "%d", fd);
	pid = fork();
	if (pid == 0) {
		execl(self, self, "use", number, NULL);
		_exit(1);
	}
	wait_for(pid);
	printf("-- who received it\n");
	send_fds(pair[0], &fd, 1);
	close(fd);
	receive_fds(pair[1], &received, 1);
	try_all(received, AF_INET);
}

/* What was connected, or refused, or only bound. */
static void in_any_state(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), peer;

	printf("-- refused\n");
	SAY(connect_to(fd, AF_INET, LISTED, PORT + 1));
	WHERE(fd);
	try_all(fd, AF_INET);
	printf("-- bound\n");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	SAY(bind_to(fd, AF_INET, LISTED, 0));
	try_all(fd, AF_INET);
	printf("-- reset\n");
	fd = used(AF_INET, SOCK_STREAM);
	MUST((peer = accept(tcp_server, NULL, NULL)) >= 0);
	setsockopt(
		peer, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	close(peer);
	try_all(fd, AF_INET);
}

/* As long as nothing has come of it, it can go back. */
static void back(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), same = dup(fd), there, udp6;
	char text[8] = "";

	printf("-- back\n");
	SAY(bind_to(fd, AF_INET, LISTED, PORT));
	WHERE(fd);
	there = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(there, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 2},
		sizeof(struct timeval));
	SAY(bind_to(there, AF_INET, UNLISTED, PORT));
	SAY(send_to(same, "back", AF_INET, UNLISTED, PORT));
	WHERE(fd);
	WHERE(same);
	SAY(recv(there, text, sizeof(text), 0));
	/* Now it has been used there, and stays. */
	SAY(send_to(fd, "fine", AF_INET, LISTED, PORT));
	SAY(connect_to(fd, AF_INET, LISTED, PORT));
	WHERE(fd);
	udp6 = socket(AF_INET6, SOCK_DGRAM, 0);
	SAY(send_to(udp6, "back", AF_INET6, "::ffff:" UNLISTED, PORT));
	WHERE(udp6);
}

/* Of messages for both sides the first ones are sent. */
static void mixed(void)
{
	struct sockaddr_storage listed = address_of(AF_INET, LISTED, PORT);
	struct sockaddr_storage unlisted = address_of(AF_INET, UNLISTED, PORT);
	struct iovec data = {.iov_base = (char[]){"mixed"}, .iov_len = 5};
	struct mmsghdr messages[4];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	printf("-- mixed\n");
	for (int i = 0; i < 4; i++)
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = i == 2 ? &unlisted : &listed,
						       .msg_namelen = sizeof(struct sockaddr_in),
						       .msg_iov = &data,
						       .msg_iovlen = 1}};
	SAY(sendmmsg(fd, messages, 4, 0));
	SAY(sendmmsg(fd, messages + 2, 2, 0));
	unlisted.ss_family = AF_UNSPEC;
	SAY(sendmmsg(fd, messages, 4, 0));
	SAY(sendmmsg(fd, messages + 3, 1, 0));
	WHERE(fd);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 2) {
		try_all(atoi(argv[2]), AF_INET);
		return 0;
	}
	udp_server = listen_here(AF_INET, SOCK_DGRAM, LISTED, PORT);
	tcp_server = listen_here(AF_INET, SOCK_STREAM, LISTED, PORT);
	udp_ear = listen_here(AF_INET, SOCK_DGRAM, UNLISTED, PORT);
	tcp_ear = listen_here(AF_INET, SOCK_STREAM, UNLISTED, PORT);
	udp6_ear = listen_here(AF_INET6, SOCK_DGRAM, "::1", PORT);
	printf("-- udp\n");
	try_all(used(AF_INET, SOCK_DGRAM), AF_INET);
	printf("-- udp6\n");
	try_all(used(AF_INET6, SOCK_DGRAM), AF_INET6);
	printf("-- tcp\n");
	try_all(used(AF_INET, SOCK_STREAM), AF_INET);
	printf("-- tcp6\n");
	try_all(used(AF_INET6, SOCK_STREAM), AF_INET6);
	in_others(argv[0]);
	in_any_state();
	back();
	mixed();
	printf("leaked: %d\n", heard());
	return 0;
}
