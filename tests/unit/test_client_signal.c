/* SPDX-License-Identifier: MIT */
/*
 * Signals do no harm: calls go on after them; a handler may call xsocket() and use the very handle
 * whose call it interrupts, and gets its own sockets; a handler may even jump out of a call, after
 * which the handle still works.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

static const struct fake_action slow[] = {FAKE_REQUEST, FAKE_GATE,
	FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_GATE, FAKE_VERDICT(0, 1), FAKE_SERVE,
	FAKE_HANG_UP};

static struct fake_broker broker;
static unsigned fds_before;
static struct xsocket_client *client;
static pthread_t main_thread;

/* Of the handler. */
static atomic_bool handler_began;
static int handler_fds[3], handler_result;
static sigjmp_buf out_of_the_call;

static int setup(void **state)
{
	static const struct fake_action *const scripts[] = {slow, fake_serve, NULL};

	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
	main_thread = pthread_self();
	client = xsocket_client_new(broker.server);
	return client ? 0 : -1;
}

static int teardown(void **state)
{
	xsocket_client_free(client);
	fake_broker_end(&broker, fds_before);
	return 0;
}

static void handle_signal(int number, void (*handler)(int))
{
	must(sigaction(number, &(struct sigaction){.sa_handler = handler}, NULL) == 0);
}

static void is_served(int fd, int type, int protocol)
{
	assert_true(fd >= 0);
	assert_true(fd_is_socket(fd, type, protocol));
	close(fd);
}

/* A thread that gets none of the signals. */
static pthread_t start(void *(*run)(void *))
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	must(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
	must(pthread_create(&thread, NULL, run, NULL) == 0);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return thread;
}

static void *open_gates_late(void *data)
{
	/* some signals while the first packet is waited for, some for the second */
	for (unsigned gate = 1; gate <= 2; gate++) {
		unsigned signals;

		fake_broker_wait_gated(&broker, gate);
		signals = storm_signals();
		while (storm_signals() < signals + 20)
			sched_yield();
		fake_broker_open_gate(&broker);
	}
	return data;
}

static void a_slow_answer_is_waited_for_in_a_storm(void **state)
{
	pthread_t thread = start(open_gates_late);
	int fd;

	storm_begin();
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	must(pthread_join(thread, NULL) == 0);
	storm_end();
	is_served(fd, SOCK_STREAM, IPPROTO_TCP);
	assert_int_equal(atomic_load(&broker.counts->connections), 1);
}

static void many_calls_succeed_in_a_storm(void **state)
{
	unsigned rounds = 0;
	int fd;

	fake_broker_open_gate(&broker);
	fake_broker_open_gate(&broker);
	storm_begin();
	while (storm_signals() < 300 || rounds < 10) {
		fd = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
		must(fd >= 0 && fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && close(fd) == 0);
		fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
		must(fd >= 0 && fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && close(fd) == 0);
		rounds++;
	}
	storm_end();
}

/* ---- handlers that ask themselves ---- */

static void use_the_same_handle(int number)
{
	int errno_before = errno;

	atomic_store(&handler_began, true);
	errno = 54321;
	handler_fds[0] = xsocket_client_socket(client, AF_INET, SOCK_DGRAM, 0);
	handler_result =
		xsocket_client_sockets(client, AF_INET, SOCK_DGRAM, 0, handler_fds + 1, 2);
	if (errno != 54321)
		handler_result = -errno;
	fake_broker_open_gate(&broker);
	fake_broker_open_gate(&broker);
	errno = errno_before;
}

static void use_xsocket(int number)
{
	int errno_before = errno;

	atomic_store(&handler_began, true);
	handler_fds[0] = xsocket(broker.server, AF_INET, SOCK_DGRAM, 0);
	fake_broker_open_gate(&broker);
	fake_broker_open_gate(&broker);
	errno = errno_before;
}

static void only_interrupt(int number)
{
}

/*
 * ThreadSanitizer keeps a signal that comes right before recvmmsg(2) until that returns. Another
 * one makes it return.
 */
static void *interrupt_when_gated(void *data)
{
	fake_broker_wait_gated(&broker, 1);
	must(pthread_kill(main_thread, SIGUSR1) == 0);
	while (!atomic_load(&handler_began)) {
		usleep(1000);
		must(pthread_kill(main_thread, SIGUSR2) == 0);
	}
	return data;
}

static pthread_t interrupt_by(void (*handler)(int))
{
	atomic_store(&handler_began, false);
	handle_signal(SIGUSR1, handler);
	handle_signal(SIGUSR2, only_interrupt);
	return start(interrupt_when_gated);
}

static void a_handler_can_use_the_handle_it_interrupts(void **state)
{
	pthread_t thread = interrupt_by(use_the_same_handle);

	is_served(xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0), SOCK_STREAM, IPPROTO_TCP);
	must(pthread_join(thread, NULL) == 0);
	assert_int_equal(handler_result, 2);
	for (unsigned i = 0; i < 3; i++)
		is_served(handler_fds[i], SOCK_DGRAM, IPPROTO_UDP);
	/* The handler's calls had connections of their own, and are no more. */
	assert_int_equal(atomic_load(&broker.counts->connections), 4);
	is_served(xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0), SOCK_STREAM, IPPROTO_TCP);
	assert_int_equal(atomic_load(&broker.counts->connections), 4);
}

static void a_handler_can_call_xsocket(void **state)
{
	pthread_t thread = interrupt_by(use_xsocket);

	is_served(xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0), SOCK_STREAM, IPPROTO_TCP);
	must(pthread_join(thread, NULL) == 0);
	is_served(handler_fds[0], SOCK_DGRAM, IPPROTO_UDP);
}

static void jump_out(int number)
{
	atomic_store(&handler_began, true);
	siglongjmp(out_of_the_call, 1);
}

static void a_handle_works_after_a_jump_out_of_its_call(void **state)
{
	pthread_t thread = interrupt_by(jump_out);

	if (sigsetjmp(out_of_the_call, 1) == 0) {
		xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
		fail_msg("the call was not left");
	}
	must(pthread_join(thread, NULL) == 0);
	/* The answer of that call is nobody's. */
	fake_broker_open_gate(&broker);
	fake_broker_open_gate(&broker);
	for (unsigned i = 0; i < 3; i++) {
		is_served(xsocket_client_socket(client, AF_INET, SOCK_DGRAM, 0), SOCK_DGRAM,
			IPPROTO_UDP);
		/* Only the connection of the call that was left. The end of the test closes it. */
		assert_int_equal(fds_count(), fds_before + 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_slow_answer_is_waited_for_in_a_storm),
		TEST(many_calls_succeed_in_a_storm),
		TEST(a_handler_can_use_the_handle_it_interrupts),
		TEST(a_handler_can_call_xsocket),
		TEST(a_handle_works_after_a_jump_out_of_its_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
