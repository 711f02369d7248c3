/* SPDX-License-Identifier: MIT */
/*
 * A socket that one makes has mode 0600 and replaces a stale file; it replaces nothing that is alive
 * and nothing that is no socket. Of two processes that start at once exactly one gets the name. A
 * broker that ends removes its own file and no other.
 */
#include "tests/unit/unit.h"

#include "daemon/unixlisten.h"
#include "server/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 200

static struct temp temp;
static char path[128];
static struct address address;
static char error[256];
static unsigned fds_before;

static int setup(void **state)
{
	temp_make(&temp);
	temp_path(&temp, "broker", path);
	fds_before = fds_count();
	return address_from_server(path, &address);
}

static int teardown(void **state)
{
	temp_remove(&temp);
	assert_int_equal(fds_count(), fds_before);
	return 0;
}

static int client(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	r = connect(fd, (struct sockaddr *)&address.un, address.length) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int own(void)
{
	int fd = unixlisten_open(&address, SOCK_SEQPACKET, 0600, error, sizeof(error));

	if (fd < 0)
		print_error("%s\n", error);
	assert_true(fd >= 0);
	return fd;
}

static void refused_with(int expected, const char *about)
{
	error[0] = '\0';
	assert_int_equal(unixlisten_open(&address, SOCK_SEQPACKET, 0600, error, sizeof(error)), expected);
	assert_non_null(strstr(error, about));
}

static void the_socket_is_ours_alone(void **state)
{
	static const mode_t umasks[] = {0, 022, 077};
	struct stat st;

	for (size_t i = 0; i < ELEMENTS(umasks); i++) {
		mode_t old = umask(umasks[i]);
		int fd = own();

		umask(old);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFSOCK | 0600);
		assert_true(fd_is_cloexec(fd));
		assert_true(fd_is_nonblocking(fd));
		assert_true(fd_is_socket(fd, SOCK_SEQPACKET, 0));
		assert_int_equal(client(), 0);
		close(fd);
		unlink(path);
	}
}

static void a_stale_file_is_replaced(void **state)
{
	int fd = own();
	struct stat before, after;

	must(lstat(path, &before) == 0);
	close(fd);
	assert_int_equal(client(), -ECONNREFUSED);
	fd = own();
	must(lstat(path, &after) == 0);
	assert_int_equal(client(), 0);
	assert_int_equal(after.st_mode, S_IFSOCK | 0600);
	close(fd);
}

static void a_socket_that_is_alive_stays(void **state)
{
	int fd = own();

	refused_with(-EADDRINUSE, "alive");
	assert_int_equal(client(), 0);
	close(fd);
}

static void a_full_queue_is_alive(void **state)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int waiting = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	must(bind(fd, (struct sockaddr *)&address.un, address.length) == 0);
	must(listen(fd, 0) == 0);
	must(connect(waiting, (struct sockaddr *)&address.un, address.length) == 0);
	assert_int_equal(client(), -EAGAIN);
	refused_with(-EADDRINUSE, "alive");
	close(waiting);
	close(fd);
}

static void a_socket_of_another_type_is_alive(void **state)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(bind(fd, (struct sockaddr *)&address.un, address.length) == 0);
	must(listen(fd, 1) == 0);
	refused_with(-EADDRINUSE, "alive");
	close(fd);
}

static void what_is_no_socket_stays(void **state)
{
	struct stat st;
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	must(fd >= 0);
	close(fd);
	refused_with(-EEXIST, "no socket");
	must(lstat(path, &st) == 0 && S_ISREG(st.st_mode));
	must(unlink(path) == 0 && mkdir(path, 0700) == 0);
	refused_with(-EEXIST, "no socket");
	/* a link is not followed, wherever it leads */
	must(rmdir(path) == 0 && symlink("nowhere", path) == 0);
	refused_with(-EEXIST, "no socket");
	must(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
}

static void a_missing_directory_is_told(void **state)
{
	must(address_from_server("/nowhere/at/all", &address) == 0);
	refused_with(-ENOENT, "/nowhere/at");
}

static void a_path_of_107_bytes_works(void **state)
{
	char longest[108];
	int fd;

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, temp.path, strlen(temp.path));
	longest[strlen(temp.path)] = '/';
	longest[107] = '\0';
	must(address_from_server(longest, &address) == 0);
	fd = own();
	assert_int_equal(client(), 0);
	close(fd);
	fd = own();
	unixlisten_remove(&address, SOCK_SEQPACKET, fd);
	close(fd);
	assert_int_equal(access(longest, F_OK), -1);
}

static void an_abstract_name_has_one_owner(void **state)
{
	char server[64];
	int fd;

	snprintf(server, sizeof(server), "@xsocket-unit-listen-%d", (int)getpid());
	must(address_from_server(server, &address) == 0);
	fd = own();
	refused_with(-EADDRINUSE, "@xsocket-unit-listen-");
	assert_int_equal(client(), 0);
	unixlisten_remove(&address, SOCK_SEQPACKET, fd);
	close(fd);
	close(own());
}

static void who_ends_removes_its_own_file(void **state)
{
	int fd = own();

	unixlisten_remove(&address, SOCK_SEQPACKET, fd);
	close(fd);
	assert_int_equal(access(path, F_OK), -1);
	/* and is not troubled by its absence */
	fd = own();
	must(unlink(path) == 0);
	unixlisten_remove(&address, SOCK_SEQPACKET, fd);
	close(fd);
}

static void who_ends_leaves_what_took_its_place(void **state)
{
	int old = own(), new;

	must(unlink(path) == 0);
	new = own();
	unixlisten_remove(&address, SOCK_SEQPACKET, old);
	close(old);
	assert_int_equal(client(), 0);
	close(new);
	must(unlink(path) == 0);

	old = own();
	must(unlink(path) == 0 && mkdir(path, 0700) == 0);
	unixlisten_remove(&address, SOCK_SEQPACKET, old);
	close(old);
	assert_int_equal(access(path, F_OK), 0);
}

static void the_address_of_a_socket_can_be_asked(void **state)
{
	struct address got;
	int fd = own(), other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(listen_address(fd, &got), 0);
	assert_string_equal(address_path(&got), path);
	assert_int_equal(listen_address(other, &got), -ENOTSOCK);
	close(other);
	other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(listen_address(other, &got), -EINVAL);
	close(other);
	close(fd);
}

/* A process that takes the name when `start` is closed and keeps it until `stop` is. */
static pid_t racer(const int start[2], const int stop[2], int *result)
{
	pid_t pid = fork();
	char c;
	int fd;

	must(pid >= 0);
	if (pid > 0)
		return pid;
	close(start[1]);
	close(stop[1]);
	must(read(start[0], &c, 1) == 0);
	fd = unixlisten_open(&address, SOCK_SEQPACKET, 0600, error, sizeof(error));
	__atomic_store_n(result, fd < 0 ? fd : 1, __ATOMIC_RELEASE);
	must(read(stop[0], &c, 1) == 0);
	_exit(0);
}

static void of_two_that_start_at_once_one_wins(void **state)
{
	int *results = mmap(NULL, 2 * sizeof(int), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(results != MAP_FAILED);
	/* Each round begins with the stale file of the round before. */
	for (unsigned i = 0; i < ROUNDS; i++) {
		int start[2], stop[2], alive, status;
		pid_t pids[2];

		must(pipe2(start, O_CLOEXEC) == 0 && pipe2(stop, O_CLOEXEC) == 0);
		results[0] = results[1] = 0;
		for (unsigned k = 0; k < 2; k++)
			pids[k] = racer(start, stop, &results[k]);
		close(start[0]);
		close(start[1]); /* go */
		while (!__atomic_load_n(&results[0], __ATOMIC_ACQUIRE) ||
			!__atomic_load_n(&results[1], __ATOMIC_ACQUIRE))
			sched_yield();
		alive = client();
		close(stop[0]);
		close(stop[1]);
		for (unsigned k = 0; k < 2; k++) {
			must(waitpid(pids[k], &status, 0) == pids[k]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(alive, 0);
		assert_int_equal(results[0] + results[1], 1 - EADDRINUSE);
		assert_int_equal(client(), -ECONNREFUSED);
	}
	munmap(results, 2 * sizeof(int));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_socket_is_ours_alone),
		TEST(a_stale_file_is_replaced),
		TEST(a_socket_that_is_alive_stays),
		TEST(a_full_queue_is_alive),
		TEST(a_socket_of_another_type_is_alive),
		TEST(what_is_no_socket_stays),
		TEST(a_missing_directory_is_told),
		TEST(a_path_of_107_bytes_works),
		TEST(an_abstract_name_has_one_owner),
		TEST(who_ends_removes_its_own_file),
		TEST(who_ends_leaves_what_took_its_place),
		TEST(the_address_of_a_socket_can_be_asked),
		TEST(of_two_that_start_at_once_one_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
