/* SPDX-License-Identifier: MIT */
/*
 * Threads get their own sockets from xsocket() and from handles of their own, all at once. A
 * thread that is cancelled in a call finishes it first and leaves nothing behind: no function of
 * the library is a cancellation point. The thread sanitizer is to run this, too.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS	100

static const struct fake_action slow[] = {FAKE_REQUEST, FAKE_GATE,
	FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_VERDICT(0, 1), FAKE_SERVE, FAKE_HANG_UP};
static const struct fake_action hang_up[] = {FAKE_REQUEST, FAKE_GATE, FAKE_HANG_UP};

static struct fake_broker broker;
static unsigned fds_before;

static void begin(const struct fake_action *first)
{
	const struct fake_action *const scripts[] = {first, fake_serve, NULL};

	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
}

static void end(void)
{
	fake_broker_end(&broker, fds_before);
}

/* Each thread asks for one kind and must never get another. */
static void *ask_often(void *data)
{
	bool udp = data;
	int type = udp ? SOCK_DGRAM : SOCK_STREAM, protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	struct xsocket_client *client = xsocket_client_new(broker.server);

	must(client != NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int fds[4];

		errno = 12345;
		fds[0] = xsocket(broker.server, AF_INET, type | SOCK_CLOEXEC, 0);
		fds[1] = xsocket_client_socket(client, AF_INET, type | SOCK_CLOEXEC, 0);
		must(xsocket_client_sockets(client, AF_INET, type | SOCK_CLOEXEC, 0, fds + 2, 2) ==
			2);
		must(errno == 12345);
		for (unsigned k = 0; k < 4; k++)
			must(fd_is_socket(fds[k], type, protocol) && fd_is_cloexec(fds[k]));
		fds_close(fds, 4);
	}
	xsocket_client_free(client);
	return NULL;
}

static void threads_get_their_own_sockets(void **state)
{
	pthread_t threads[THREADS];

	begin(fake_serve);
	for (unsigned i = 0; i < THREADS; i++)
		must(pthread_create(&threads[i], NULL, ask_often,
			     i % 2 ? &threads[i] : NULL) == 0);
	for (unsigned i = 0; i < THREADS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	assert_int_equal(atomic_load(&broker.counts->connections), THREADS * (1 + ROUNDS));
	end();
}

/* ---- another thread closes a lower number while the answer is waited for ---- */

static int lower;

static void *close_lower(void *data)
{
	fake_broker_wait_gated(&broker, 1);
	must(close(lower) == 0);
	fake_broker_open_gate(&broker);
	return data;
}

static void a_number_that_gets_free_meanwhile_is_used(void **state)
{
	pthread_t thread;
	int fd;

	begin(slow);
	lower = open("/dev/null", O_RDONLY | O_CLOEXEC);
	must(pthread_create(&thread, NULL, close_lower, NULL) == 0);
	fd = xsocket(broker.server, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(pthread_join(thread, NULL) == 0);
	assert_int_equal(fd, lower);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	assert_false(fd_is_cloexec(fd));
	assert_true(fd_is_nonblocking(fd));
	close(fd);
	end();
}

/* ---- cancellation ---- */

static struct xsocket_client *client;
static int result; /* of the cancelled thread, or -2 */

static void *call_xsocket(void *data)
{
	result = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
	pthread_testcancel();
	return data;
}

static void *call_handle(void *data)
{
	result = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	pthread_testcancel();
	return data;
}

/* Cancels a thread in its call; it must be cancelled right after it. */
static void cancel_in(void *(*call)(void *))
{
	pthread_t thread;
	void *value;

	result = -2;
	must(pthread_create(&thread, NULL, call, NULL) == 0);
	fake_broker_wait_gated(&broker, 1);
	must(pthread_cancel(thread) == 0);
	fake_broker_open_gate(&broker);
	must(pthread_join(thread, &value) == 0);
	assert_ptr_equal(value, PTHREAD_CANCELED);
	assert_true(result >= 0);
	assert_true(fd_is_socket(result, SOCK_STREAM, IPPROTO_TCP));
	close(result);
}

static void a_cancelled_thread_finishes_xsocket(void **state)
{
	begin(slow);
	cancel_in(call_xsocket);
	end();
	/* the same in the pause before it asks again */
	begin(hang_up);
	cancel_in(call_xsocket);
	end();
}

static void a_cancelled_thread_finishes_the_call_of_a_handle(void **state)
{
	int fd;

	begin(slow);
	client = xsocket_client_new(broker.server);
	cancel_in(call_handle);
	/* and the handle is as good as new */
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
	assert_int_equal(atomic_load(&broker.counts->connections), 1);
	xsocket_client_free(client);
	end();
}

static void *call_all_when_cancelled(void *data)
{
	int fds[3];

	must(pthread_cancel(pthread_self()) == 0);
	fds[0] = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
	client = xsocket_client_new(broker.server);
	must(fds[0] >= 0 && client);
	fds[1] = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	must(xsocket_client_sockets(client, AF_INET, SOCK_STREAM, 0, fds + 2, 1) == 1);
	must(xsocket(broker.server, AF_INET, -1, 0) == -1);
	must(xsocket("@xsocket-unit-nobody-has-this-name", AF_INET, SOCK_STREAM, 0) == -1);
	must(!xsocket_client_new("@xsocket-unit-nobody-has-this-name"));
	xsocket_client_free(client);
	result = 1;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	fds_close(fds, 3);
	return data;
}

static void no_function_is_a_cancellation_point(void **state)
{
	pthread_t thread;

	begin(fake_serve);
	result = -2;
	must(pthread_create(&thread, NULL, call_all_when_cancelled, NULL) == 0);
	must(pthread_join(thread, NULL) == 0);
	assert_int_equal(result, 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_get_their_own_sockets),
		cmocka_unit_test(a_number_that_gets_free_meanwhile_is_used),
		cmocka_unit_test(a_cancelled_thread_finishes_xsocket),
		cmocka_unit_test(a_cancelled_thread_finishes_the_call_of_a_handle),
		cmocka_unit_test(no_function_is_a_cancellation_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
