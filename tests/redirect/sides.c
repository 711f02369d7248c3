/* SPDX-License-Identifier: MIT */
/*
 * XREDIRECT_LOCAL (as in reach.c) and contexts: which sockets it is about, and where one goes back
 * to. SERVER and OTHER_SERVER name two brokers.
 */
#include "tests/redirect/local.h"

#include "lib/xsocket.h"

#define PORT 3300

static int udp(void)
{
	return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Moved here, and as good as new. */
static int moved(void)
{
	int fd = udp(), taken = raw_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage at = address_of(AF_INET, LISTED, PORT);

	MUST(syscall(SYS_bind, taken, &at, length_of(&at)) == 0);
	MUST(bind_to(fd, AF_INET, LISTED, PORT) < 0 && errno == EADDRINUSE);
	close(taken);
	return fd;
}

static void after_its_context(void)
{
	int fd, second;

	printf("-- after its context\n");
	xsocket_push(getenv("SERVER"));
	fd = moved();
	second = moved();
	WHERE(fd);
	xsocket_pop();
	SAY(send_to(fd, "late", AF_INET, UNLISTED, PORT));
	WHERE(fd);
	SAY(send_to(fd, "fine", AF_INET, LISTED, PORT));
	xsocket_push(getenv("OTHER_SERVER"));
	SAY(send_to(second, "late", AF_INET, UNLISTED, PORT));
	WHERE(second);
	xsocket_pop();
}

static void of_a_context(void)
{
	int fd;

	printf("-- of a context\n");
	xsocket_push(getenv("SERVER"));
	fd = udp();
	xsocket_pop();
	SAY(send_to(fd, "there", AF_INET, UNLISTED, PORT));
	WHERE(fd);
	xsocket_push(getenv("SERVER"));
	fd = udp();
	xsocket_pop();
	/* There is nowhere to go back to, but it can come. */
	SAY(send_to(fd, "here", AF_INET, LISTED, PORT));
	WHERE(fd);
}

/* What was wanted here, or given, is nobody's business. */
static void of_this_namespace(void)
{
	int fd, given = raw_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int bound = raw_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	printf("-- of this namespace\n");
	xsocket_push(".");
	fd = udp();
	SAY(send_to(fd, "here", AF_INET, UNLISTED, PORT));
	SAY(send_to(fd, "here", AF_INET, LISTED, PORT));
	SAY(send_to(fd, "here", AF_INET, UNLISTED, PORT));
	WHERE(fd);
	xsocket_pop();
	xsocket_push(getenv("SERVER"));
	SAY(send_to(given, "given", AF_INET, UNLISTED, PORT));
	SAY(send_to(given, "given", AF_INET, LISTED, PORT));
	SAY(connect_to(given, AF_INET, UNLISTED, PORT));
	WHERE(given);
	SAY(bind_to(bound, AF_INET, LISTED, PORT));
	SAY(send_to(bound, "bound", AF_INET, UNLISTED, PORT));
	WHERE(bound);
	xsocket_pop();
}

int main(void)
{
	after_its_context();
	of_a_context();
	of_this_namespace();
	return 0;
}
