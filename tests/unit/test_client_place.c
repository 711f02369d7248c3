/* SPDX-License-Identifier: MIT */
/*
 * A client in memory of its user's: without malloc(3), it connects when it is needed, its
 * connection stays out of the way of a program that counts on low numbers, and it can be closed and
 * go on.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/client.h"

#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define HIGH 600

static const struct fake_action *const serve[] = {fake_serve, NULL};

static struct fake_broker broker;
static unsigned fds_before;
static struct rlimit limit_before;
static struct xsocket_client client;

static int setup(void **state)
{
	struct rlimit limit;

	must(getrlimit(RLIMIT_NOFILE, &limit_before) == 0);
	limit = limit_before;
	limit.rlim_cur = HIGH + 100;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	fake_broker_start(&broker, serve);
	fds_before = fds_count();
	/* as a handler would leave it: no byte of it may count */
	memset(&client, 0xa5, sizeof(client));
	return 0;
}

static int teardown(void **state)
{
	client_close(&client);
	fake_broker_end(&broker, fds_before);
	must(setrlimit(RLIMIT_NOFILE, &limit_before) == 0);
	return 0;
}

static bool is_there(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Asks for all that can be asked for, and looks that each gets the lowest number. */
static void is_served(void)
{
	int lowest = fds_lowest(), fds[2], fd;

	fd = client_socket(&client, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(fd, lowest);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && !fd_is_cloexec(fd));
	close(fd);
	assert_int_equal(client_sockets(&client, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds, 2), 2);
	assert_int_equal(fds[0], lowest);
	assert_true(fd_is_socket(fds[1], SOCK_DGRAM, IPPROTO_UDP) && fd_is_cloexec(fds[1]));
	fds_close(fds, 2);
	fd = client_file(&client, WIRE_HOSTS);
	assert_int_equal(fd, lowest);
	close(fd);
}

static void the_connection_is_out_of_the_way(void **state)
{
	assert_int_equal(client_init(&client, broker.server, HIGH), 0);
	assert_int_equal(fds_count(), fds_before);
	is_served();
	assert_true(is_there(HIGH) && fd_is_cloexec(HIGH));
	is_served();
	/* what has that number now is not the client's */
	must(dup2(STDERR_FILENO, HIGH) == HIGH);
	is_served();
	assert_true(is_there(HIGH) && is_there(HIGH + 1));
	must(close(HIGH) == 0);
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
	client_close(&client);
	assert_int_equal(fds_count(), fds_before);
	is_served();
	assert_true(is_there(HIGH));
}

static void without_a_high_number_any_will_do(void **state)
{
	assert_int_equal(client_init(&client, broker.server, HIGH + 100), 0);
	assert_int_equal(client_connect(&client), 0);
	assert_int_equal(fds_count(), fds_before + 1);
	is_served();
	assert_int_equal(atomic_load(&broker.counts->connections), 1);
}

static void a_child_has_its_own_connection(void **state)
{
	assert_int_equal(client_init(&client, broker.server, HIGH), 0);
	assert_int_equal(client_connect(&client), 0);
	client.pid++;
	is_served();
	assert_true(is_there(HIGH));
	assert_int_equal(fds_count(), fds_before + 1);
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
}

static void errors_are_returned(void **state)
{
	assert_int_equal(client_init(&client, ".", 0), -EINVAL);
	assert_int_equal(client_init(&client, "", 0), -EINVAL);
	assert_int_equal(client_init(&client, "/nowhere/at/all", HIGH), 0);
	assert_int_equal(client_connect(&client), -ENOENT);
	assert_int_equal(client_socket(&client, AF_INET, SOCK_STREAM, 0), -ENOENT);
	assert_int_equal(client_file(&client, WIRE_HOSTS), -ENOENT);
	assert_int_equal(client_file(&client, 99), -EINVAL);
	assert_int_equal(client_once_socket("/nowhere/at/all", AF_INET, SOCK_STREAM, 0), -ENOENT);
	assert_int_equal(client_once_socket(".", AF_INET, SOCK_STREAM, 0), -EINVAL);
	assert_int_equal(client_once_file("/nowhere/at/all", WIRE_HOSTS), -ENOENT);
	assert_int_equal(client_once_file(broker.server, 99), -EINVAL);
	assert_int_equal(client_init(&client, broker.server, 0), 0);
	assert_int_equal(client_socket(&client, 9999, SOCK_STREAM, 0), -EAFNOSUPPORT);
	assert_int_equal(fds_count(), fds_before + 1);
}

static void one_that_is_taken_is_left_alone(void **state)
{
	int lowest, fd;

	assert_int_equal(client_init(&client, broker.server, HIGH), 0);
	assert_int_equal(client_connect(&client), 0);
	/* as a handler finds it that interrupts a call */
	must(!atomic_flag_test_and_set(&client.busy));
	lowest = fds_lowest();
	fd = client_file(&client, WIRE_RESOLV_CONF);
	assert_int_equal(fd, lowest);
	close(fd);
	fd = client_socket(&client, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(fd, lowest);
	close(fd);
	assert_int_equal(atomic_load(&broker.counts->connections), 3);
	atomic_flag_clear(&client.busy);
	is_served();
	assert_int_equal(atomic_load(&broker.counts->connections), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_connection_is_out_of_the_way),
		TEST(without_a_high_number_any_will_do),
		TEST(a_child_has_its_own_connection),
		TEST(errors_are_returned),
		TEST(one_that_is_taken_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
