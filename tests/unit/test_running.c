/* SPDX-License-Identifier: MIT */
/* What /proc tells about a process: this one, and children that are as a sandbox leaves them. */
#include "tests/unit/unit.h"

#include "common/program.h"
#include "common/running.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(obstacle) (1u << RUNNING_##obstacle)
#define NAME	      "libxbind.so"

/* What is in the way of this process. */
static struct running look(const char *socket)
{
	struct running running;

	assert_int_equal(running_inspect(getpid(), NAME, socket, 0, &running), 0);
	return running;
}

static void a_library_that_is_mapped(void **state)
{
	static const struct {
		const char *name;
		enum running_state loaded;
	} cases[] = {
		{"libxbind.so.1", RUNNING_NO},
		{"xlibxbind.so", RUNNING_NO},
		{"libxbind.so", RUNNING_YES},
	};
	char path[128];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		void *memory;
		int fd;

		temp_path(&temp_fixture, cases[i].name, path);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		must(fd >= 0 && ftruncate(fd, 4096) == 0);
		memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		must(memory != MAP_FAILED);
		assert_int_equal(look(NULL).loaded, cases[i].loaded);
		/* as after an upgrade */
		must(unlink(path) == 0);
		assert_int_equal(look(NULL).loaded, cases[i].loaded);
		must(munmap(memory, 4096) == 0);
		close(fd);
	}
	assert_true(look(NULL).obstacles & BIT(NOT_LOADED));
	/* It was not ignored: there was none. */
	assert_false(look(NULL).obstacles & BIT(SECURE));
	assert_int_equal(look(NULL).secure, RUNNING_NO);
}

static void a_control_socket(void **state)
{
	static const unsigned mask = BIT(SOCKET_HIDDEN) | BIT(SOCKET_OTHER) | BIT(SOCKET_DENIED);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[128], link[128];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	temp_path(&temp_fixture, "control", path);
	assert_int_equal(look(path).obstacles & mask, BIT(SOCKET_HIDDEN));
	must(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	assert_int_equal(look(path).obstacles & mask, 0);
	temp_path(&temp_fixture, "link", link);
	must(symlink(path, link) == 0);
	assert_int_equal(look(link).obstacles & mask, 0);
	must(unlink(link) == 0 && symlink("link", link) == 0);
	assert_int_equal(look(link).obstacles & mask, BIT(SOCKET_DENIED));
	must(unlink(path) == 0);
	close(fd);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(look(path).obstacles & mask, BIT(SOCKET_OTHER));
	close(fd);
}

/* A child that waits until its end of a pipe is closed; with a filter that allows everything. */
static pid_t child_make(bool filtered, int *ret_fd)
{
	struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = 1, .filter = all};
	int down[2], up[2];
	char byte;
	pid_t pid;

	must(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		close(down[1]);
		must(!filtered ||
			(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
				prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0));
		must(write(up[1], "", 1) == 1);
		must(read(down[0], &byte, 1) == 0);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	must(read(up[0], &byte, 1) == 1);
	close(up[0]);
	*ret_fd = down[1];
	return pid;
}

static void child_end(pid_t pid, int fd)
{
	int status;

	close(fd);
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

static void a_filter(void **state)
{
	struct running running;
	int fd;
	pid_t pid = child_make(true, &fd);

	assert_int_equal(running_inspect(pid, NAME, NULL, 0, &running), 0);
	assert_int_equal(running.seccomp, SECCOMP_MODE_FILTER);
	assert_int_equal(running.no_new_privs, 1);
	assert_true(running.obstacles & BIT(FILTERED));
	child_end(pid, fd);
	pid = child_make(false, &fd);
	assert_int_equal(running_inspect(pid, NAME, NULL, 0, &running), 0);
	assert_int_equal(running.seccomp, look(NULL).seccomp);
	assert_int_equal(!(running.obstacles & BIT(FILTERED)), running.seccomp == 0);
	child_end(pid, fd);
}

static void namespaces(void **state)
{
	struct running running;
	struct stat st;

	must(stat("/proc/self/ns/net", &st) == 0);
	assert_int_equal(running_inspect(getpid(), NAME, NULL, getpid(), &running), 0);
	assert_true(running.obstacles & BIT(SAME_NAMESPACE));
	assert_int_equal(running.net_inode, st.st_ino);
	assert_int_equal(running.net_device, st.st_dev);
	assert_false(look(NULL).obstacles & BIT(SAME_NAMESPACE));
}

static void a_process_that_is_gone(void **state)
{
	struct running running;
	int fd;
	pid_t pid = child_make(false, &fd);

	child_end(pid, fd);
	assert_int_equal(running_inspect(pid, NAME, NULL, 0, &running), -ESRCH);
	assert_int_equal(running_inspect(0, NAME, NULL, 0, &running), -ESRCH);
	assert_int_equal(running_inspect(-1, NAME, NULL, 0, &running), -ESRCH);
}

static void nothing_is_left_open(void **state)
{
	unsigned before = fds_count();

	look("/nowhere/control");
	assert_int_equal(fds_count(), before);
}

static void every_obstacle_has_its_texts(void **state)
{
	for (int i = 0; i < RUNNING_OBSTACLES; i++) {
		const struct program_text *text = running_text((enum running_obstacle)i);

		assert_true(text->name && text->reason && text->advice);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_library_that_is_mapped),
		TEST(a_control_socket),
		cmocka_unit_test(a_filter),
		cmocka_unit_test(namespaces),
		cmocka_unit_test(a_process_that_is_gone),
		cmocka_unit_test(nothing_is_left_open),
		cmocka_unit_test(every_obstacle_has_its_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
