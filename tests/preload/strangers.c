/* SPDX-License-Identifier: MIT */
/*
 * Sockets that the library has not seen from birth: inherited by execve(2), received from another
 * process, made and set up by bare system calls. They have what was set on them.
 *
 *   strangers [inherited FD]
 */
#include "tests/preload/program.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int bare_set(int fd, int level, int name, int value)
{
	return (int)syscall(SYS_setsockopt, fd, level, name, &value, sizeof(value));
}

/* By bare system calls, which no library sees. */
static int made_bare(void)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	bare_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bare_set(fd, SOL_SOCKET, SO_SNDBUF, 70000);
	bare_set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	bare_set(fd, IPPROTO_IP, IP_TTL, 44);
	bare_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 444);
	bare_set(fd, IPPROTO_TCP, TCP_MAXSEG, 900);
	syscall(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void bind_and_print(int fd, unsigned port)
{
	SAY(bind_port(fd, port));
	SAY(in_target(fd));
	SAY(get_int(fd, SOL_SOCKET, SO_REUSEADDR));
	SAY(get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	SAY(get_int(fd, SOL_SOCKET, SO_SNDBUF));
	SAY(get_int(fd, SOL_SOCKET, SO_RCVBUF));
	SAY(get_int(fd, SOL_SOCKET, 72 /* SO_BUF_LOCK */));
	SAY(get_int(fd, SOL_SOCKET, SO_OOBINLINE));
	SAY(get_int(fd, IPPROTO_IP, IP_TTL));
	SAY(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE));
	SAY(get_int(fd, IPPROTO_TCP, TCP_KEEPCNT));
	SAY(get_int(fd, IPPROTO_TCP, TCP_MAXSEG));
	SAY(get_int(fd, IPPROTO_TCP, TCP_SYNCNT));
	SAY(fcntl(fd, F_GETFL));
}

int main(int argc, char **argv)
{
	char text[16];
	int channel[2], fd, status;

	if (argc > 2) {
		printf("-- inherited\n");
		bind_and_print(atoi(argv[2]), 3003);
		return 0;
	}
	printf("-- bare\n");
	fd = made_bare();
	bind_and_print(fd, 3000);
	printf("-- bare, then by the library\n");
	fd = made_bare();
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 60000);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 555);
	bind_and_print(fd, 3001);
	printf("-- received\n");
	fflush(stdout);
	socketpair(AF_UNIX, SOCK_STREAM, 0, channel);
	if (fork() == 0) {
		fd = made_bare();
		send_fds(channel[1], &fd, 1);
		_exit(0);
	}
	wait(&status);
	receive_fds(channel[0], &fd, 1);
	bind_and_print(fd, 3002);
	fflush(stdout);
	snprintf(text, sizeof(text), "%d", made_bare());
	execl(argv[0], argv[0], "inherited", text, (char *)NULL);
	return 1;
}
