/* SPDX-License-Identifier: MIT */
/*
 * The connection of a handle can be closed or replaced behind the library's back. That is noticed
 * before it is used: what has its number now never gets a byte and is never closed.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fake_action *const serve[] = {fake_serve, NULL};

static struct fake_broker broker;
static struct xsocket_client *client;
static int connection; /* its descriptor */
static unsigned fds_before;

static int setup(void **state)
{
	fake_broker_start(&broker, serve);
	fds_before = fds_count();
	connection = fds_lowest();
	client = xsocket_client_new(broker.server);
	must(client && fd_is_socket(connection, SOCK_SEQPACKET, 0));
	return 0;
}

static int teardown(void **state)
{
	xsocket_client_free(client);
	fake_broker_end(&broker, fds_before);
	return 0;
}

static void is_served(void)
{
	int fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
}

static void a_closed_connection_is_opened_again(void **state)
{
	is_served();
	close(connection);
	is_served();
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
	is_served();
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
	close(connection);
}

static void closing_everything_is_noticed(void **state)
{
	for (unsigned i = 2; i < 5; i++) {
		must(close_range((unsigned)connection, ~0u, 0) == 0);
		broker.gate = -1; /* was one of them */
		fds_before = fds_count();
		is_served();
		assert_int_equal(atomic_load(&broker.counts->connections), i);
		assert_int_equal(fds_count(), fds_before + 1);
	}
}

/* The same file, whatever happened meanwhile. */
static ino_t inode(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0);
	return st.st_ino;
}

/* Puts fd in place of the connection, uses and perhaps frees the handle, and looks after fd. */
static void stays_untouched(int fd, bool use)
{
	ino_t before = inode(fd);
	unsigned count;

	must(dup3(fd, connection, O_CLOEXEC) == connection);
	count = fds_count();
	if (use) {
		is_served();
		is_served();
		assert_int_equal(fds_count(), count + 1);
	}
	xsocket_client_free(client);
	client = NULL;
	assert_int_equal(fds_count(), count);
	assert_int_equal(inode(connection), before);
	close(connection);
}

static void a_file_in_its_place_stays_untouched(void **state)
{
	struct temp temp;
	struct stat st;
	char path[128];
	int fd;

	temp_make(&temp);
	temp_path(&temp, "file", path);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	must(write(fd, "mine", 4) == 4);
	stays_untouched(fd, *state);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 4);
	close(fd);
	temp_remove(&temp);
}

static void a_pipe_in_its_place_stays_untouched(void **state)
{
	int fds[2], unread = -1;

	must(pipe2(fds, O_CLOEXEC) == 0);
	stays_untouched(fds[1], *state);
	assert_int_equal(ioctl(fds[0], FIONREAD, &unread), 0);
	assert_int_equal(unread, 0);
	fds_close(fds, 2);
}

static void a_socket_of_the_same_kind_in_its_place_stays_untouched(void **state)
{
	int fds[2];
	char c;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	must(send(fds[1], "for the owner", 13, 0) == 13);
	stays_untouched(fds[0], *state);
	/* It sent nothing, and what was sent to it is still there. */
	assert_int_equal(recv(fds[1], &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(recv(fds[0], &c, 1, MSG_DONTWAIT), 1);
	assert_int_equal(c, 'f');
	fds_close(fds, 2);
}

/* Even a connection to the same broker, by another handle. */
static void the_connection_of_another_handle_stays_untouched(void **state)
{
	int number = fds_lowest(), fd;
	struct xsocket_client *other = xsocket_client_new(broker.server);

	must(other && fd_is_socket(number, SOCK_SEQPACKET, 0));
	stays_untouched(number, *state);
	fd = xsocket_client_socket(other, AF_INET, SOCK_DGRAM, 0);
	assert_true(fd_is_socket(fd, SOCK_DGRAM, IPPROTO_UDP));
	close(fd);
	xsocket_client_free(other);
	/* client, other, and the one that the client opened when it was used */
	assert_int_equal(atomic_load(&broker.counts->connections), *state ? 3 : 2);
}

static void a_duplicate_keeps_the_connection_usable(void **state)
{
	int fd = fcntl(connection, F_DUPFD_CLOEXEC, 100);

	/* Another number for it is no use to the handle, and no harm. */
	close(connection);
	is_served();
	close(fd);
	is_served();
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
}

static void an_end_by_shutdown_is_noticed(void **state)
{
	is_served();
	must(shutdown(connection, SHUT_RDWR) == 0);
	is_served();
	assert_int_equal(fds_count(), fds_before + 1);
	is_served();
	assert_int_equal(fds_count(), fds_before + 1);
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
}

static void two_handles_have_two_connections(void **state)
{
	struct xsocket_client *other = xsocket_client_new(broker.server);
	int fd = xsocket_client_socket(other, AF_INET, SOCK_DGRAM, 0);

	assert_true(fd_is_socket(fd, SOCK_DGRAM, IPPROTO_UDP));
	close(fd);
	is_served();
	xsocket_client_free(other);
	is_served();
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
}

static void sockets_outlive_the_handle(void **state)
{
	int fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);

	xsocket_client_free(client);
	client = NULL;
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static bool used_case = true;
#define USED(name)                                                                                 \
	{                                                                                          \
		#name ", used", name, setup, teardown, &used_case                                  \
	}
#define FREED(name)                                                                                \
	{                                                                                          \
		#name ", freed", name, setup, teardown, NULL                                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_closed_connection_is_opened_again),
		TEST(closing_everything_is_noticed),
		USED(a_file_in_its_place_stays_untouched),
		FREED(a_file_in_its_place_stays_untouched),
		USED(a_pipe_in_its_place_stays_untouched),
		FREED(a_pipe_in_its_place_stays_untouched),
		USED(a_socket_of_the_same_kind_in_its_place_stays_untouched),
		FREED(a_socket_of_the_same_kind_in_its_place_stays_untouched),
		USED(the_connection_of_another_handle_stays_untouched),
		FREED(the_connection_of_another_handle_stays_untouched),
		TEST(a_duplicate_keeps_the_connection_usable),
		TEST(an_end_by_shutdown_is_noticed),
		TEST(two_handles_have_two_connections),
		TEST(sockets_outlive_the_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
