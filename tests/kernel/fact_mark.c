/* SPDX-License-Identifier: MIT */
/*
 * fchmod(2) sets S_ISVTX on the inode of a socket, and whoever made the socket needs no privilege
 * for that. The bit stays as long as the socket does, for all its descriptors in all processes; no
 * other socket has it; and it means nothing. xredirect/destination.c relies on it.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_marked(int fd)
{
	struct stat status;

	must(fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode));
	return status.st_mode & S_ISVTX;
}

static void mark(int fd)
{
	struct stat status;

	must(fstat(fd, &status) == 0);
	must(fchmod(fd, (status.st_mode & 0777) | S_ISVTX) == 0);
	must(is_marked(fd));
}

static int made(int domain, int type)
{
	int fd = socket(domain, type | SOCK_CLOEXEC, 0);

	must(fd >= 0 && !is_marked(fd));
	return fd;
}

/* Runs in a child and waits for it. */
static void in_child(void (*run)(int), int fd)
{
	int status;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		run(fd);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void without_privilege(int unused)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	int fd;

	must(syscall(SYS_capset, &header, none) == 0);
	fd = made(AF_INET, SOCK_STREAM);
	mark(fd);
	fd = made(AF_INET6, SOCK_DGRAM);
	mark(fd);
}

static void whoever_made_it_may(void **state)
{
	in_child(without_privilege, -1);
}

static void has_it(int fd)
{
	must(is_marked(fd));
}

static void sets_it(int fd)
{
	mark(fd);
}

static void it_is_that_of_the_socket(void **state)
{
	int fd = made(AF_INET, SOCK_STREAM), same = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int another = made(AF_INET, SOCK_STREAM);

	in_child(sets_it, same);
	assert_true(is_marked(fd) && is_marked(same));
	in_child(has_it, fd);
	close(fd);
	assert_true(is_marked(same));
	assert_false(is_marked(another));
	/* What takes its number is another one. */
	assert_int_equal(dup2(another, same), same);
	assert_false(is_marked(same));
	close(same);
	close(another);
}

static int bound(int type, struct sockaddr_in *ret)
{
	socklen_t length = sizeof(*ret);
	int fd = made(AF_INET, type);

	mark(fd);
	*ret = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must(bind(fd, (struct sockaddr *)ret, sizeof(*ret)) == 0);
	must(getsockname(fd, (struct sockaddr *)ret, &length) == 0);
	return fd;
}

static void it_means_nothing(void **state)
{
	struct sockaddr_in address;
	int listener = bound(SOCK_STREAM, &address), client = made(AF_INET, SOCK_STREAM), peer;
	int receiver, sender = made(AF_INET, SOCK_DGRAM);
	char text[8] = "";

	mark(client);
	mark(sender);
	must(listen(listener, 1) == 0);
	must(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	peer = accept(listener, NULL, NULL);
	assert_false(is_marked(peer));
	assert_int_equal(write(client, "hello", 5), 5);
	assert_int_equal(read(peer, text, sizeof(text)), 5);
	receiver = bound(SOCK_DGRAM, &address);
	assert_int_equal(
		sendto(sender, "udp", 3, 0, (struct sockaddr *)&address, sizeof(address)), 3);
	assert_int_equal(recv(receiver, text, sizeof(text), 0), 3);
	assert_true(is_marked(listener) && is_marked(client) && is_marked(sender));
	fds_close((int[]){listener, client, peer, receiver, sender}, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_made_it_may),
		cmocka_unit_test(it_is_that_of_the_socket),
		cmocka_unit_test(it_means_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
