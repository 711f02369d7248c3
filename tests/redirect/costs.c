/* SPDX-License-Identifier: MIT */
/* Calls whose system calls are counted, between two of getppid(2). "costs sockets" or "costs use".
 */
#include "tests/redirect/program.h"

#include <pthread.h>

#define TIMES 3

static void mark(void)
{
	syscall(SYS_getppid);
}

static void *nothing(void *data)
{
	return data;
}

static void use(int tcp, int udp)
{
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.5", 3600);
	struct iovec data = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct mmsghdr message = {.msg_hdr = {.msg_name = &to,
					  .msg_namelen = sizeof(struct sockaddr_in),
					  .msg_iov = &data,
					  .msg_iovlen = 1}};

	for (int i = 0; i < TIMES; i++) {
		set_int(tcp, SOL_SOCKET, SO_KEEPALIVE, 1);
		bind_to(udp, AF_INET, "127.0.0.1", 0);
		connect_to(tcp, AF_INET, "127.0.0.5", 3600);
		send_to(udp, "x", AF_INET, "127.0.0.5", 3600);
		sendmsg(udp, &message.msg_hdr, 0);
		sendmmsg(udp, &message, 1, 0);
	}
}

int main(int argc, char **argv)
{
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pthread_t thread;

	MUST(tcp >= 0 && udp >= 0 && argc > 1);
	/* so that a stack is there */
	MUST(pthread_create(&thread, NULL, nothing, NULL) == 0);
	pthread_join(thread, NULL);
	mark();
	if (strcmp(argv[1], "use") == 0)
		use(tcp, udp);
	for (int i = 0; strcmp(argv[1], "sockets") == 0 && i < TIMES; i++)
		close(socket(AF_INET, SOCK_STREAM, 0));
	mark();
	return 0;
}
