/* SPDX-License-Identifier: MIT */
/*
 * Contexts: a stack of names for each thread, of any depth. NULL then means the broker of the
 * current one. A child after fork(2) has what its parent had, a thread nothing or what it adopted.
 */
#include "tests/unit/test_context.h"
#include "tests/unit/fake_broker.h"

#include "lib/context.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void nothing_is_pushed_at_first(void **state)
{
	assert_null(xsocket_current());
	assert_null(context_current());
	assert_null(context_server());
	errno = 0;
	assert_int_equal(xsocket_pop(), -1);
	assert_int_equal(errno, ENOENT);
	assert_null(xsocket_current());
}

static void the_last_one_counts(void **state)
{
	char server[] = "a copy is made";

	push("vpn");
	push(".");
	assert_null(context_server());
	push("/some/where");
	assert_string_equal(context_server(), "/some/where");
	assert_int_equal(xsocket_push(NULL), 0);
	assert_true(is_current("default"));
	push(server);
	server[0] = 'A';
	assert_true(is_current("a copy is made"));
	pop();
	assert_true(is_current("default"));
	pop();
	assert_true(is_current("/some/where"));
	pop();
	assert_true(is_current("."));
	pop();
	assert_true(is_current("vpn"));
	assert_string_equal(context_server(), "vpn");
	pop();
	assert_null(xsocket_current());
	assert_int_equal(xsocket_pop(), -1);
}

static void any_depth_will_do(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < DEPTH; i++)
			push_number(i);
		for (unsigned i = DEPTH; i-- > 0;) {
			assert_true(is_number(i));
			pop();
		}
		assert_null(xsocket_current());
	}
}

static void names_are_those_of_brokers(void **state)
{
	char longest[300];

	memset(longest, 'x', sizeof(longest));
	push("vpn");
	errno = 0;
	assert_int_equal(xsocket_push(""), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xsocket_push(".."), -1);
	assert_int_equal(xsocket_push("@"), -1);
	assert_int_equal(errno, EINVAL);
	longest[299] = '\0';
	assert_int_equal(xsocket_push(longest), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_true(is_current("vpn"));
	longest[0] = '@';
	longest[109] = '\0';
	assert_int_equal(xsocket_push(longest), -1);
	longest[108] = '\0';
	push(longest);
	longest[0] = '/';
	assert_int_equal(xsocket_push(longest), -1);
	longest[107] = '\0';
	push(longest);
	pop();
	longest[0] = '@';
	longest[107] = 'x';
	assert_true(is_current(longest));
	pop();
	assert_true(is_current("vpn"));
}

static void errno_is_left_alone_on_success(void **state)
{
	errno = 12345;
	for (unsigned i = 0; i < DEPTH; i++)
		push("vpn");
	pop();
	assert_non_null(xsocket_current());
	assert_int_equal(errno, 12345);
}

/* ---- what NULL means ---- */

static const struct fake_action *const serve[] = {fake_serve, NULL};

static void null_is_the_broker_of_the_context(void **state)
{
	struct fake_broker a, b;
	struct xsocket_client *client;
	int fds[4], outside, error;

	outside = xsocket(NULL, AF_INET, SOCK_STREAM, 0);
	error = errno;
	fake_broker_start(&a, serve);
	fake_broker_start(&b, serve);
	push(a.server);
	fds[0] = xsocket(NULL, AF_INET, SOCK_STREAM, 0);
	client = xsocket_client_new(NULL);
	push(b.server);
	fds[1] = xsocket(NULL, AF_INET, SOCK_STREAM, 0);
	fds[2] = xsocket(a.server, AF_INET, SOCK_STREAM, 0);
	/* whom a client asks was settled when it was made */
	fds[3] = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(fd_is_socket(fds[i], SOCK_STREAM, IPPROTO_TCP));
	fds_close(fds, 4);
	assert_int_equal(atomic_load(&a.counts->requests), 3);
	assert_int_equal(atomic_load(&b.counts->requests), 1);
	/* as if there were no context: the default broker, whatever comes of that */
	push(".");
	errno = 0;
	fds[0] = xsocket(NULL, AF_INET, SOCK_STREAM, 0);
	if (outside < 0)
		assert_true(fds[0] == -1 && errno == error);
	else
		assert_true(close(fds[0]) == 0 && close(outside) == 0);
	assert_int_equal(xsocket(".", AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(atomic_load(&a.counts->requests), 3);
	assert_int_equal(atomic_load(&b.counts->requests), 1);
	xsocket_client_free(client);
	fake_broker_stop(&a);
	fake_broker_stop(&b);
}

/* ---- threads and children ---- */

static void *in_a_thread(void *data)
{
	must(!xsocket_current());
	must(xsocket_pop() == -1);
	push("of the thread");
	pop();
	push("left behind");
	return data;
}

static void a_thread_begins_with_nothing(void **state)
{
	pthread_t thread;

	push("vpn");
	must(pthread_create(&thread, NULL, in_a_thread, NULL) == 0);
	must(pthread_join(thread, NULL) == 0);
	assert_true(is_current("vpn"));
	pop();
	assert_null(xsocket_current());
}

static void *in_an_heir(void *data)
{
	struct context *copy = data;

	context_adopt(copy);
	must(!copy->top && !copy->pages);
	must(is_number(DEPTH - 1));
	/* beyond what was copied, and back again */
	for (unsigned i = 0; i < DEPTH; i++)
		push("of the thread");
	for (unsigned i = 0; i < DEPTH; i++)
		pop();
	for (unsigned i = DEPTH; i-- > DEPTH / 2;) {
		must(is_number(i));
		pop();
	}
	push("of the thread");
	return NULL;
}

static void a_thread_may_adopt_a_copy(void **state)
{
	struct context copies[3];
	pthread_t threads[2];

	assert_int_equal(context_copy(&copies[0]), 0);
	assert_null(copies[0].pages);
	context_drop(&copies[0]);
	for (unsigned i = 0; i < DEPTH; i++)
		push_number(i);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(context_copy(&copies[i]), 0);
	pop();
	push("meanwhile");
	for (unsigned i = 0; i < 2; i++)
		must(pthread_create(&threads[i], NULL, in_an_heir, &copies[i]) == 0);
	for (unsigned i = 0; i < 2; i++)
		must(pthread_join(threads[i], NULL) == 0);
	context_drop(&copies[2]);
	assert_null(copies[2].pages);
	assert_true(is_current("meanwhile"));
	pop();
	assert_true(is_number(DEPTH - 2));
}

static void a_child_has_what_its_parent_had(void **state)
{
	int status;
	pid_t pid;

	for (unsigned i = 0; i < DEPTH; i++)
		push_number(i);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		for (unsigned i = DEPTH; i-- > 0;) {
			must(is_number(i));
			pop();
		}
		push("of the child");
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	assert_true(is_number(DEPTH - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_pushed_at_first),
		TEST(the_last_one_counts),
		TEST(any_depth_will_do),
		TEST(names_are_those_of_brokers),
		TEST(errno_is_left_alone_on_success),
		TEST(null_is_the_broker_of_the_context),
		TEST(a_thread_begins_with_nothing),
		TEST(a_thread_may_adopt_a_copy),
		TEST(a_child_has_what_its_parent_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
