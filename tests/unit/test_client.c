/* SPDX-License-Identifier: MIT */
/*
 * xsocket() and the handle do what socket(2) does, with a right broker: the lowest number, flags
 * that mean what they mean there, errno left alone on success, and every errno of a verdict or of
 * the way to the broker handed on. Nothing stays open but what was asked for.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static struct fake_broker broker;
static unsigned fds_before;

static const struct fake_action *const serve[] = {fake_serve, NULL};

static int setup(void **state)
{
	fake_broker_start(&broker, serve);
	fds_before = fds_count();
	return 0;
}

static int teardown(void **state)
{
	fake_broker_end(&broker, fds_before);
	return 0;
}

static void gives_a_socket_of_the_kind_asked_for(void **state)
{
	static const struct {
		int domain, type, protocol, expected;
	} kinds[] = {
		{AF_INET, SOCK_STREAM, 0, IPPROTO_TCP},
		{AF_INET, SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP},
		{AF_INET, SOCK_DGRAM, 0, IPPROTO_UDP},
		{AF_INET, SOCK_DGRAM, IPPROTO_UDP, IPPROTO_UDP},
	};
	struct xsocket_client *client = xsocket_client_new(broker.server);

	assert_non_null(client);
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		int fds[2] = {
			xsocket(broker.server, kinds[i].domain, kinds[i].type, kinds[i].protocol),
			xsocket_client_socket(
				client, kinds[i].domain, kinds[i].type, kinds[i].protocol),
		};

		assert_true(fd_is_socket(fds[0], kinds[i].type, kinds[i].expected));
		assert_true(fd_is_socket(fds[1], kinds[i].type, kinds[i].expected));
		fds_close(fds, 2);
	}
	xsocket_client_free(client);
	assert_int_equal(atomic_load(&broker.counts->connections), 1 + ELEMENTS(kinds));
	assert_int_equal(atomic_load(&broker.counts->requests), 2 * ELEMENTS(kinds));
}

static void gives_the_lowest_number(void **state)
{
	int high[20], hole, fd;

	for (unsigned i = 0; i < 20; i++)
		high[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < 20; i += 7) {
		hole = high[i];
		close(hole);
		assert_int_equal(hole, fds_lowest());
		fd = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
		assert_int_equal(fd, hole);
		assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	}
	fds_close(high, 20);
}

static void standard_input_can_be_the_lowest_number(void **state)
{
	int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10), fd;

	close(STDIN_FILENO);
	fd = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
	dup2(kept, STDIN_FILENO);
	close(kept);
	assert_int_equal(fd, STDIN_FILENO);
}

static void flags_mean_what_they_mean_to_socket(void **state)
{
	static const int flags[] = {
		0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};
	struct xsocket_client *client = xsocket_client_new(broker.server);

	for (size_t i = 0; i < ELEMENTS(flags); i++) {
		int type = SOCK_STREAM | flags[i], fds[5];

		fds[0] = socket(AF_INET, type, 0);
		fds[1] = xsocket(broker.server, AF_INET, type, 0);
		fds[2] = xsocket_client_socket(client, AF_INET, type, 0);
		assert_int_equal(xsocket_client_sockets(client, AF_INET, type, 0, fds + 3, 2), 2);
		for (unsigned k = 1; k < 5; k++) {
			assert_int_equal(fd_is_cloexec(fds[k]), fd_is_cloexec(fds[0]));
			assert_int_equal(fd_is_nonblocking(fds[k]), fd_is_nonblocking(fds[0]));
			assert_int_equal(fcntl(fds[k], F_GETFL), fcntl(fds[0], F_GETFL));
		}
		fds_close(fds, 5);
	}
	xsocket_client_free(client);
}

static void the_connection_is_close_on_exec(void **state)
{
	int number = fds_lowest();
	struct xsocket_client *client = xsocket_client_new(broker.server);

	assert_true(fd_is_cloexec(number));
	xsocket_client_free(client);
}

static void errno_is_left_alone_on_success(void **state)
{
	struct xsocket_client *client;
	int fds[3];

	errno = 12345;
	fds[0] = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(errno, 12345);
	client = xsocket_client_new(broker.server);
	assert_int_equal(errno, 12345);
	fds[1] = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(errno, 12345);
	assert_int_equal(xsocket_client_sockets(client, AF_INET, SOCK_STREAM, 0, fds + 2, 1), 1);
	assert_int_equal(errno, 12345);
	assert_int_equal(xsocket_client_sockets(client, AF_INET, SOCK_STREAM, 0, NULL, 0), 0);
	assert_int_equal(errno, 12345);
	xsocket_client_free(client);
	assert_int_equal(errno, 12345);
	xsocket_client_free(NULL);
	assert_int_equal(errno, 12345);
	fds_close(fds, 3);
}

static void the_broker_is_told_where_the_client_runs(void **state)
{
	cpu_set_t before, one;
	int cpu, fd;

	must(sched_getaffinity(0, sizeof(before), &before) == 0);
	cpu = sched_getcpu();
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	must(sched_setaffinity(0, sizeof(one), &one) == 0);
	fd = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
	must(sched_setaffinity(0, sizeof(before), &before) == 0);
	assert_int_equal(atomic_load(&broker.counts->last_cpu), cpu);
	fds_close(&fd, 1);
}

/* So that it can close at once, and the client's number is free for others. */
static void the_broker_is_told_when_no_request_follows(void **state)
{
	struct xsocket_client *client = xsocket_client_new(broker.server);
	int fds[2];

	fds[0] = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(atomic_load(&broker.counts->last_flags), WIRE_LAST);
	fds[1] = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(atomic_load(&broker.counts->last_flags), 0);
	fds_close(fds, 2);
	xsocket_client_free(client);
}

static void wrong_names_of_brokers_are_refused(void **state)
{
	static const struct {
		const char *server;
		int error;
	} names[] = {
		{"", EINVAL},
		{"@", EINVAL},
		{".", EINVAL},
		{"..", EINVAL},
		{"/nowhere/at/all", ENOENT},
		{"@xsocket-unit-nobody-has-this-name", ECONNREFUSED},
	};
	char longest[200];

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		errno = 0;
		assert_int_equal(xsocket(names[i].server, AF_INET, SOCK_STREAM, 0), -1);
		assert_int_equal(errno, names[i].error);
		errno = 0;
		assert_null(xsocket_client_new(names[i].server));
		assert_int_equal(errno, names[i].error);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[108] = '\0';
	assert_int_equal(xsocket(longest, AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_null(xsocket_client_new(longest));
	assert_int_equal(errno, ENAMETOOLONG);
}

static void a_path_that_is_no_broker_is_refused(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct temp temp;
	char path[128];

	temp_make(&temp);
	temp_path(&temp, "stream", path);
	memcpy(address.sun_path, path, strlen(path));
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(fd, 5) == 0);
	assert_int_equal(xsocket(path, AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, EPROTO);
	/* a file of a socket that is gone */
	close(fd);
	assert_int_equal(xsocket(path, AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	must(unlink(path) == 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(xsocket(path, AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	temp_remove(&temp);
}

static void without_a_free_number_it_fails_as_socket_does(void **state)
{
	struct xsocket_client *client = xsocket_client_new(broker.server);
	int fd, error;

	/* One for the connection, one for the socket; and the handle has its connection. */
	for (unsigned spare = 0; spare < 2; spare++) {
		fds_limit(spare);
		fd = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
		error = errno;
		fds_unlimit();
		assert_int_equal(fd, -1);
		assert_int_equal(error, EMFILE);
		assert_int_equal(fds_count(), fds_before + 1);
	}
	fds_limit(0);
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	error = errno;
	fds_unlimit();
	assert_int_equal(fd, -1);
	assert_int_equal(error, EMFILE);
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
	fds_limit(0);
	assert_null(xsocket_client_new(broker.server));
	error = errno;
	fds_unlimit();
	assert_int_equal(error, EMFILE);
	xsocket_client_free(client);
}

static void verdicts_become_errno(void **state)
{
	static const int errors[] = {EPERM, EACCES, EUSERS, EBUSY, EMFILE, ENFILE,
		EINVAL, EPROTONOSUPPORT, EAFNOSUPPORT, ESOCKTNOSUPPORT, ENOBUFS, ENOMEM, EAGAIN,
		EINTR, ECONNRESET, ETIMEDOUT, 4095};

	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		const uint32_t error = (uint32_t)errors[i];
		const struct fake_action refuse[] = {FAKE_REQUEST, FAKE_VERDICT(error, 0),
			FAKE_REQUEST, FAKE_VERDICT(error, 0), FAKE_SERVE, FAKE_HANG_UP};
		const struct fake_action *const script[] = {refuse, NULL};
		struct fake_broker refusing;
		struct xsocket_client *client;
		int fd;

		fake_broker_start(&refusing, script);
		errno = 0;
		assert_int_equal(xsocket(refusing.server, AF_INET, SOCK_STREAM, 0), -1);
		assert_int_equal(errno, errors[i]);
		client = xsocket_client_new(refusing.server);
		for (unsigned k = 0; k < 2; k++) {
			errno = 0;
			assert_int_equal(
				xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0), -1);
			assert_int_equal(errno, errors[i]);
		}
		/* An answer it was, so the connection is kept. */
		fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
		assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
		close(fd);
		xsocket_client_free(client);
		assert_int_equal(atomic_load(&refusing.counts->connections), 2);
		fake_broker_stop(&refusing);
	}
}

/* The broker looks again what was received, so asking again after a moment may help. */
static void a_used_up_share_is_asked_for_again(void **state)
{
	static const struct fake_action once[] = {
		FAKE_REQUEST, FAKE_VERDICT(ETOOMANYREFS, 0), FAKE_SERVE, FAKE_HANG_UP};
	static const struct fake_action always[] = {FAKE_REQUEST, FAKE_VERDICT(ETOOMANYREFS, 0),
		FAKE_REQUEST, FAKE_VERDICT(ETOOMANYREFS, 0), FAKE_REQUEST,
		FAKE_VERDICT(ETOOMANYREFS, 0), FAKE_REQUEST, FAKE_VERDICT(ETOOMANYREFS, 0),
		FAKE_HANG_UP};
	static const struct fake_action *const script[] = {once, always, NULL};
	struct fake_broker refusing;
	int fd;

	fake_broker_start(&refusing, script);
	fd = xsocket(refusing.server, AF_INET, SOCK_STREAM, 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
	assert_int_equal(xsocket(refusing.server, AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, ETOOMANYREFS);
	assert_int_equal(atomic_load(&refusing.counts->connections), 2);
	fake_broker_stop(&refusing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_a_socket_of_the_kind_asked_for),
		TEST(gives_the_lowest_number),
		TEST(standard_input_can_be_the_lowest_number),
		TEST(flags_mean_what_they_mean_to_socket),
		TEST(the_connection_is_close_on_exec),
		TEST(errno_is_left_alone_on_success),
		TEST(the_broker_is_told_where_the_client_runs),
		TEST(the_broker_is_told_when_no_request_follows),
		TEST(wrong_names_of_brokers_are_refused),
		TEST(a_path_that_is_no_broker_is_refused),
		TEST(without_a_free_number_it_fails_as_socket_does),
		TEST(verdicts_become_errno),
		TEST(a_used_up_share_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
