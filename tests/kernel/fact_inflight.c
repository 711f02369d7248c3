/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that were sent and not received count against their sender's user: beyond
 * RLIMIT_NOFILE nothing more can be sent (ETOOMANYREFS, unix(7)). They count until the peer
 * receives them or closes its end; that the sender closes its own changes nothing. Hence the shares
 * of server/user.h, and the connections that server/conn.c keeps.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 64
#define USER  64377 /* that nobody is; where there is just one user, it is us */

static int send_fd(int sock)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			     .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};

	memcpy(CMSG_DATA(&control.align), &sock, sizeof(sock));
	return sendmsg(sock, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void make_pair(int pair[2])
{
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
}

/* Sends until nothing more can be sent. */
static void fill(int sock)
{
	int r = 0;

	for (unsigned i = 0; i <= 2 * LIMIT && r == 0; i++)
		r = send_fd(sock);
	must(r == -ETOOMANYREFS);
}

/* Other processes of this user send and receive, too, where there is just one. */
static bool can_send_again(int sock)
{
	int64_t deadline = now_ms() + 10000;

	while (send_fd(sock) == -ETOOMANYREFS) {
		if (now_ms() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

/* In a process that has no right to go beyond limits. */
static void by_an_ordinary_user(void (*run)(void))
{
	const struct rlimit limit = {LIMIT, LIMIT};
	int status;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		/* without effect where we are root of a user namespace with one user: harmless */
		if (setresuid(USER, USER, USER) < 0)
			must(errno == EINVAL);
		must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		run();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void fill_and_receive(void)
{
	int pair[2], other[2];
	char byte;

	make_pair(pair);
	make_pair(other);
	fill(pair[0]);
	/* another socket is no help, it is the user that counts */
	must(send_fd(other[0]) == -ETOOMANYREFS);
	/* receiving without taking them is receiving, too */
	while (recv(pair[1], &byte, 1, MSG_DONTWAIT) == 1)
		continue;
	must(can_send_again(other[0]));
}

static void fill_and_close_our_end(void)
{
	int pair[2], other[2];

	make_pair(pair);
	make_pair(other);
	fill(pair[0]);
	close(pair[0]);
	must(send_fd(other[0]) == -ETOOMANYREFS);
	/* the peer's end is what counts */
	close(pair[1]);
	must(can_send_again(other[0]));
}

static void what_is_in_flight_counts_until_it_is_received(void **state)
{
	by_an_ordinary_user(fill_and_receive);
}

static void or_until_the_peer_closes(void **state)
{
	by_an_ordinary_user(fill_and_close_our_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_flight_counts_until_it_is_received),
		cmocka_unit_test(or_until_the_peer_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
