/* SPDX-License-Identifier: MIT */
/* Calls the old functions of libc that look names up and connect by themselves. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void said(const char *call, int r)
{
	printf("%s: %s\n", call, r < 0 ? strerrorname_np(errno) : "0");
}

static int connect_by(int fd)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};

	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&in, sizeof(in));
}

int main(void)
{
	char *host = (char[]){"web.example"};
	int port = 1023, r = -1, n;

	said("rcmd", n = rcmd(&host, htons(514), "a", "b", "true", NULL));
	r &= n;
	host = (char[]){"web.example"};
	said("rcmd_af", n = rcmd_af(&host, htons(514), "a", "b", "true", NULL, AF_UNSPEC));
	r &= n;
	host = (char[]){"web.example"};
	said("rexec", n = rexec(&host, htons(512), "a", "b", "true", NULL));
	r &= n;
	host = (char[]){"web.example"};
	said("rexec_af", n = rexec_af(&host, htons(512), "a", "b", "true", NULL, AF_UNSPEC));
	r &= n;
	said("rresvport", n = connect_by(rresvport(&port)));
	r &= n;
	said("rresvport_af", n = connect_by(rresvport_af(&port, AF_INET)));
	r &= n;
	said("ruserok", n = ruserok("web.example", 1, "a", "root"));
	said("ruserok_af", n = ruserok_af("web.example", 1, "a", "root", AF_UNSPEC));
	return r < 0;
}
