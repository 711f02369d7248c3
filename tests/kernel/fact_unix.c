/* SPDX-License-Identifier: MIT */
/*
 * Control sockets as daemon/unixlisten.c makes them. The file has the mode of the socket's inode when
 * it is made, so it never has another one; its inode is not the socket's. A file whose socket is
 * gone, or listens no more, refuses connections. A directory can be locked, and a lock ends with
 * its last descriptor.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct temp temp;
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static int setup(void **state)
{
	temp_make(&temp);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", temp.path);
	return 0;
}

static int teardown(void **state)
{
	temp_remove(&temp);
	return 0;
}

static int make_listener(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(fd, 5) == 0);
	return fd;
}

static int try_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static void a_mode_given_before_bind_is_the_mode_of_the_file(void **state)
{
	static const mode_t modes[] = {0600, 0660, 0666, 0700, 0};

	for (size_t i = 0; i < ELEMENTS(modes); i++) {
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		mode_t umask_before = umask(0);
		struct stat st, own;

		assert_int_equal(fchmod(fd, modes[i]), 0);
		must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
		umask(umask_before);
		must(lstat(address.sun_path, &st) == 0 && fstat(fd, &own) == 0);
		assert_int_equal(st.st_mode, S_IFSOCK | modes[i]);
		assert_false(st.st_ino == own.st_ino && st.st_dev == own.st_dev);
		must(unlink(address.sun_path) == 0);
		close(fd);
	}
}

static void the_umask_takes_from_it(void **state)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	mode_t umask_before = umask(027);
	struct stat st;

	must(fchmod(fd, 0666) == 0);
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	umask(umask_before);
	must(lstat(address.sun_path, &st) == 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0640);
	close(fd);
}

static void a_file_without_a_listener_refuses(void **state)
{
	int fd = make_listener(), other;

	assert_int_equal(try_connect(), 0);
	must(shutdown(fd, SHUT_RDWR) == 0);
	assert_int_equal(try_connect(), -ECONNREFUSED);
	close(fd);
	assert_int_equal(try_connect(), -ECONNREFUSED);
	/* nor is the name free */
	other = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, EADDRINUSE);
	close(other);
}

static void a_full_queue_and_another_type_are_told_apart(void **state)
{
	int fd = make_listener(), waiting[8], n = 0;

	must(listen(fd, 0) == 0);
	while (n < 8) {
		waiting[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(waiting[n++], (struct sockaddr *)&address, sizeof(address)) < 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(n, 2);
	fds_close(waiting, 2);
	close(fd);
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 5) == 0);
	assert_int_equal(try_connect(), -EPROTOTYPE);
	close(fd);
}

static int open_directory(void)
{
	int fd = open(temp.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0);
	return fd;
}

static void a_directory_has_one_lock(void **state)
{
	int fds[2] = {open_directory(), open_directory()};

	assert_int_equal(flock(fds[0], LOCK_EX | LOCK_NB), 0);
	assert_int_equal(flock(fds[1], LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(fds[0]);
	assert_int_equal(flock(fds[1], LOCK_EX | LOCK_NB), 0);
	close(fds[1]);
}

static void a_lock_ends_with_the_process(void **state)
{
	int fd = open_directory(), ready[2], status;
	pid_t pid;
	char c;

	must(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		must(flock(open_directory(), LOCK_EX | LOCK_NB) == 0);
		must(write(ready[1], "", 1) == 1);
		pause();
	}
	must(read(ready[0], &c, 1) == 1);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	must(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	fds_close(ready, 2);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mode_given_before_bind_is_the_mode_of_the_file),
		TEST(the_umask_takes_from_it),
		TEST(a_file_without_a_listener_refuses),
		TEST(a_full_queue_and_another_type_are_told_apart),
		TEST(a_directory_has_one_lock),
		TEST(a_lock_ends_with_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
