/* SPDX-License-Identifier: MIT */
/*
 * A program that closes what it has not opened, and puts its own files at those numbers; and one
 * that has hardly any left. With the library, whose descriptors some of these are, and without.
 */
#include "tests/redirect/program.h"

#include <linux/close_range.h>
#include <stdlib.h>
#include <sys/resource.h>

#define HIGHEST 1024

/* Sockets of some kinds, each at the lowest number. */
static void make_some(const char *when)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	int bad = 0;

	for (int i = 0; i < 12; i++) {
		int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC), fd;

		close(lowest);
		fd = socket(AF_INET, types[i / 2 % 2] | SOCK_CLOEXEC, 0);
		bad += fd != lowest || !in_target(fd) ||
		       get_int(fd, SOL_SOCKET, SO_TYPE) != types[i / 2 % 2];
		close(fd);
	}
	printf("%s: %d\n", when, bad);
}

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* What is at a number of the library's then is the program's. */
static void replace_all(void)
{
	int pair[2], replaced = 0, intact = 0, at[HIGHEST];
	char byte;

	make_some("before");
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	for (int fd = pair[1] + 1; fd < HIGHEST; fd++) {
		if (is_open(fd))
			MUST((at[replaced++] = dup2(pair[0], fd)) == fd);
	}
	make_some("replaced");
	/* All are there, and nobody has written anything. */
	printf("silent: %d\n", recv(pair[1], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	for (int i = 0; i < replaced; i++) {
		if (send(at[i], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
			intact += recv(pair[1], &byte, 1, MSG_DONTWAIT) == 1;
	}
	printf("intact: %d\n", intact == replaced);
	close_range(3, ~0U, 0);
	make_some("closed again");
}

static void close_all(void)
{
	make_some("new");
	for (int fd = 3; fd < HIGHEST; fd++)
		close(fd);
	make_some("close");
	close_range(3, ~0U, 0);
	make_some("close_range");
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	make_some("close_range for exec");
#ifdef __GLIBC__
	closefrom(3);
	make_some("closefrom");
#endif
}

/* As many as the limit allows, but for those that the library needs for a moment. */
static void use_all(rlim_t limit)
{
	struct rlimit few = {.rlim_cur = limit, .rlim_max = limit};
	int fds[HIGHEST], n = 0;

	MUST(setrlimit(RLIMIT_NOFILE, &few) == 0);
	make_some("few");
	while ((fds[n] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0) {
		MUST(in_target(fds[n]));
		n++;
	}
	printf("%s, nearly all: %d\n", strerrorname_np(errno), n + 3 + 3 >= (int)limit);
	/* With one more it goes on. */
	for (int i = 0; i < 5 && n > 0; i++) {
		close(fds[--n]);
		close(fds[--n]);
		fds[n] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		printf("%d", fds[n] >= 0 && in_target(fds[n]));
		n++;
	}
	printf("\n");
	while (n > 0)
		close(fds[--n]);
	make_some("few again");
}

int main(int argc, char **argv)
{
	close_range(3, ~0U, 0);
	if (argc > 1) {
		use_all((rlim_t)atoi(argv[1]));
		return 0;
	}
	close_all();
	replace_all();
	return 0;
}
