/* SPDX-License-Identifier: MIT */
/*
 * Under libxbind, too: the program connects by one broker, and what it binds to port 3000 is bound
 * by another one. 127.1.0.0/16 is in XREDIRECT_LOCAL.
 */
#include "tests/redirect/program.h"

#include <sys/epoll.h>

int main(void)
{
	int server = socket(AF_INET, SOCK_STREAM, 0), inner = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_INET, SOCK_STREAM, 0);
	int same = dup(server), set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};

	set_int(server, SOL_SOCKET, SO_KEEPALIVE, 1);
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, same, &event));
	WHERE(server);
	SAY(bind_to(server, AF_INET, "0.0.0.0", 3000));
	WHERE(server);
	WHERE(same);
	SAY(get_int(server, SOL_SOCKET, SO_KEEPALIVE));
	SAY(listen(server, 5));
	SAY(epoll_wait(set, &event, 1, 0));
	SAY(bind_to(inner, AF_INET, "127.0.0.1", 4000));
	SAY(listen(inner, 5));
	WHERE(inner);
	SAY(connect_to(client, AF_INET, "127.0.0.1", 4000));
	WHERE(client);
	SAY(accept(inner, NULL, NULL) >= 0);
	SAY(bind_to(local, AF_INET, "127.1.2.3", 4000));
	WHERE(local);
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, same, &event));
	return 0;
}
