/* SPDX-License-Identifier: MIT */
/*
 * SO_COOKIE tells sockets apart where descriptors cannot: it is the same for each duplicate, also
 * in another process, and never that of another socket, even one with the same number.
 * lib/client.c and preload/journal.c rely on it.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t cookie(int fd)
{
	uint64_t value = 0;
	socklen_t length = sizeof(value);

	must(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &value, &length) == 0);
	must(value != 0);
	return value;
}

static void duplicates_share_it(void **state)
{
	int fds[2] = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, status;
	uint64_t first = cookie(fds[0]);
	pid_t pid;

	fds[1] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	assert_int_equal(cookie(fds[1]), first);
	pid = fork();
	must(pid >= 0);
	if (pid == 0)
		_exit(cookie(fds[0]) != first);
	must(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	close(fds[0]);
	assert_int_equal(cookie(fds[1]), first);
	close(fds[1]);
}

static void a_socket_with_the_same_number_has_another(void **state)
{
	static const int domains[] = {AF_INET, AF_INET6, AF_UNIX};
	uint64_t last = 0;

	for (unsigned i = 0; i < 300; i++) {
		int number = fds_lowest();
		int fd = socket(domains[i % 3], SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 && domains[i % 3] == AF_INET6)
			continue;
		assert_int_equal(fd, number);
		assert_int_not_equal(cookie(fd), last);
		last = cookie(fd);
		close(fd);
	}
}

static void both_ends_of_a_pair_have_their_own(void **state)
{
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	assert_int_not_equal(cookie(pair[0]), cookie(pair[1]));
	fds_close(pair, 2);
}

static void other_files_have_none(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint64_t value;
	socklen_t length = sizeof(value);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &value, &length), -1);
	assert_int_equal(errno, ENOTSOCK);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicates_share_it),
		cmocka_unit_test(a_socket_with_the_same_number_has_another),
		cmocka_unit_test(both_ends_of_a_pair_have_their_own),
		cmocka_unit_test(other_files_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
