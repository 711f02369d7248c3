/* SPDX-License-Identifier: MIT */
/*
 * A handle may be used on both sides of a fork(2): parent and child never get each other's answers,
 * the child's use and its end leave the parent's connection alone.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 200

static const struct fake_action *const serve[] = {fake_serve, NULL};

static struct fake_broker broker;
static struct xsocket_client *client;
static unsigned fds_before;

static int setup(void **state)
{
	fake_broker_start(&broker, serve);
	fds_before = fds_count();
	client = xsocket_client_new(broker.server);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	xsocket_client_free(client);
	fake_broker_end(&broker, fds_before);
	return 0;
}

static bool is_served(int type, int protocol)
{
	int fd = xsocket_client_socket(client, AF_INET, type, 0);

	return fd >= 0 && fd_is_socket(fd, type, protocol) && close(fd) == 0;
}

/* Runs in a child; its result is checked by wait_for(). */
static pid_t in_child(void (*run)(void))
{
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		run();
		_exit(0);
	}
	return pid;
}

static void wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void ask_for_udp(void)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		must(is_served(SOCK_DGRAM, IPPROTO_UDP));
	must(fds_count() == fds_before + 1);
}

static void only_free(void)
{
	xsocket_client_free(client);
	must(fds_count() == fds_before);
}

static void ask_and_free(void)
{
	must(is_served(SOCK_DGRAM, IPPROTO_UDP));
	xsocket_client_free(client);
	must(fds_count() == fds_before);
}

static void ask_and_fork(void)
{
	int status;
	pid_t pid;

	must(is_served(SOCK_DGRAM, IPPROTO_UDP));
	pid = in_child(ask_for_udp);
	must(is_served(SOCK_STREAM, IPPROTO_TCP));
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

static void parent_and_child_get_their_own_answers(void **state)
{
	pid_t children[3];

	for (unsigned i = 0; i < 3; i++)
		children[i] = in_child(ask_for_udp);
	for (unsigned i = 0; i < ROUNDS; i++)
		assert_true(is_served(SOCK_STREAM, IPPROTO_TCP));
	for (unsigned i = 0; i < 3; i++)
		wait_for(children[i]);
	/* one for the parent, who keeps it, and one for each child */
	assert_int_equal(atomic_load(&broker.counts->connections), 4);
	assert_true(is_served(SOCK_STREAM, IPPROTO_TCP));
	assert_int_equal(atomic_load(&broker.counts->connections), 4);
}

static void the_end_of_a_child_leaves_the_connection_alone(void **state)
{
	wait_for(in_child(only_free));
	assert_true(is_served(SOCK_STREAM, IPPROTO_TCP));
	wait_for(in_child(ask_and_free));
	assert_true(is_served(SOCK_STREAM, IPPROTO_TCP));
	assert_int_equal(atomic_load(&broker.counts->connections), 2);
}

static void the_child_may_go_on_alone(void **state)
{
	pid_t pid = in_child(ask_for_udp);

	xsocket_client_free(client);
	client = NULL;
	wait_for(pid);
}

static void grandchildren_are_no_different(void **state)
{
	wait_for(in_child(ask_and_fork));
	assert_true(is_served(SOCK_STREAM, IPPROTO_TCP));
	assert_int_equal(atomic_load(&broker.counts->connections), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parent_and_child_get_their_own_answers),
		TEST(the_end_of_a_child_leaves_the_connection_alone),
		TEST(the_child_may_go_on_alone),
		TEST(grandchildren_are_no_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
