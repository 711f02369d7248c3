/* SPDX-License-Identifier: MIT */
/*
 * Files for resolvers come as sockets do: by the same connections, at the lowest number, with every
 * errno of the broker's. What comes is a file that can be read and not written, or nothing.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct fake_action *const serve[] = {fake_serve, NULL};

static struct fake_broker broker;
static unsigned fds_before;

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

/* Whether it is that file, as it should be. Closes it. */
static void is_file(int fd, int file)
{
	char expected[16], text[16];
	int length = snprintf(expected, sizeof(expected), "file %d\n", file);

	assert_true(fd >= 0);
	assert_true(fd_is_cloexec(fd));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), length);
	assert_memory_equal(text, expected, (size_t)length);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(close(fd), 0);
}

static void gives_the_file_asked_for(void **state)
{
	struct xsocket_client *client = xsocket_client_new(broker.server);

	errno = 12345;
	for (int file = XSOCKET_RESOLV_CONF; file <= XSOCKET_NSSWITCH; file++) {
		int lowest = fds_lowest(), fd;

		fd = xsocket_resolver_file(broker.server, file);
		assert_int_equal(errno, 12345);
		assert_int_equal(fd, lowest);
		assert_int_equal(atomic_load(&broker.counts->last_flags), WIRE_LAST);
		is_file(fd, file);
		fd = xsocket_client_resolver_file(client, file);
		assert_int_equal(atomic_load(&broker.counts->last_flags), 0);
		is_file(fd, file);
		errno = 12345;
	}
	xsocket_client_free(client);
	assert_int_equal(atomic_load(&broker.counts->connections), 1 + 3);
}

static void files_and_sockets_come_by_one_connection(void **state)
{
	struct xsocket_client *client = xsocket_client_new(broker.server);

	for (unsigned i = 0; i < 5; i++) {
		int fd = xsocket_client_socket(client, AF_INET, SOCK_DGRAM, 0);

		assert_true(fd_is_socket(fd, SOCK_DGRAM, IPPROTO_UDP));
		close(fd);
		is_file(xsocket_client_resolver_file(client, XSOCKET_HOSTS), XSOCKET_HOSTS);
	}
	xsocket_client_free(client);
	assert_int_equal(atomic_load(&broker.counts->connections), 1);
}

static void the_context_names_the_broker(void **state)
{
	assert_int_equal(xsocket_push(broker.server), 0);
	is_file(xsocket_resolver_file(NULL, XSOCKET_NSSWITCH), XSOCKET_NSSWITCH);
	assert_int_equal(xsocket_pop(), 0);
}

static void other_numbers_are_not_asked_for(void **state)
{
	static const int files[] = {0, 4, -1, 256 + XSOCKET_HOSTS};
	struct xsocket_client *client = xsocket_client_new(broker.server);

	for (size_t i = 0; i < ELEMENTS(files); i++) {
		errno = 0;
		assert_int_equal(xsocket_resolver_file(broker.server, files[i]), -1);
		assert_int_equal(errno, EINVAL);
		errno = 0;
		assert_int_equal(xsocket_client_resolver_file(client, files[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	errno = 0;
	assert_int_equal(xsocket_resolver_file("", XSOCKET_HOSTS), -1);
	assert_int_equal(errno, EINVAL);
	xsocket_client_free(client);
	assert_int_equal(atomic_load(&broker.counts->requests), 0);
}

static void verdicts_become_errno(void **state)
{
	static const int errors[] = {ENOENT, EIO, EACCES, EMFILE};

	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		const struct fake_action refuse[] = {FAKE_REQUEST,
			FAKE_VERDICT((uint32_t)errors[i], 0), FAKE_SERVE, FAKE_HANG_UP};
		const struct fake_action *const script[] = {refuse, NULL};
		struct fake_broker refusing;
		struct xsocket_client *client;

		fake_broker_start(&refusing, script);
		errno = 0;
		assert_int_equal(xsocket_resolver_file(refusing.server, XSOCKET_HOSTS), -1);
		assert_int_equal(errno, errors[i]);
		client = xsocket_client_new(refusing.server);
		errno = 0;
		assert_int_equal(xsocket_client_resolver_file(client, XSOCKET_HOSTS), -1);
		assert_int_equal(errno, errors[i]);
		is_file(xsocket_client_resolver_file(client, XSOCKET_HOSTS), XSOCKET_HOSTS);
		xsocket_client_free(client);
		assert_int_equal(atomic_load(&refusing.counts->connections), 2);
		fake_broker_stop(&refusing);
	}
}

/* One that does not know the request hangs up after it has said so. */
static void an_older_broker_still_gives_sockets(void **state)
{
	static const struct fake_action older[] = {
		FAKE_REQUEST, FAKE_VERDICT(EOPNOTSUPP, 0), FAKE_HANG_UP};
	static const struct fake_action *const script[] = {older, older, fake_serve, NULL};
	struct xsocket_client *client;
	struct fake_broker old;
	int fd;

	fake_broker_start(&old, script);
	errno = 0;
	assert_int_equal(xsocket_resolver_file(old.server, XSOCKET_RESOLV_CONF), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	client = xsocket_client_new(old.server);
	errno = 0;
	assert_int_equal(xsocket_client_resolver_file(client, XSOCKET_RESOLV_CONF), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP));
	close(fd);
	xsocket_client_free(client);
	assert_int_equal(atomic_load(&old.counts->connections), 3);
	fake_broker_stop(&old);
}

/* ---- brokers that hand out something else ---- */

static const struct bad {
	const char *what;
	struct fake_action actions[3]; /* after the request */
} bads[] = {
	{"a socket", {FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"a pipe", {FAKE_DESCRIPTORS(1, 1, FAKE_PIPE), FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"a device", {FAKE_DESCRIPTORS(1, 1, FAKE_DEVICE), FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"a directory", {FAKE_DESCRIPTORS(1, 1, FAKE_DIRECTORY), FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"one that can be written",
		{FAKE_DESCRIPTORS(1, 1, FAKE_WRITABLE), FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"one that can only be written",
		{FAKE_DESCRIPTORS(1, 1, FAKE_WRITE_ONLY), FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"one that cannot be read",
		{FAKE_DESCRIPTORS(1, 1, FAKE_PATH), FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"two", {FAKE_DESCRIPTORS(2, 2, FAKE_ASKED), FAKE_VERDICT(0, 2), FAKE_WAIT}},
	{"none", {FAKE_VERDICT(0, 0), FAKE_WAIT}},
	{"one with an error",
		{FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_VERDICT(ENOENT, 1), FAKE_WAIT}},
};

static void bad_brokers(void **state)
{
	const struct bad *bad = *state;
	const struct fake_action script[] = {
		FAKE_REQUEST, bad->actions[0], bad->actions[1], bad->actions[2], FAKE_HANG_UP};
	const struct fake_action *const scripts[] = {script, NULL};
	struct xsocket_client *client;

	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
	errno = 0;
	assert_int_equal(xsocket_resolver_file(broker.server, XSOCKET_HOSTS), -1);
	assert_int_equal(errno, EPROTO);
	client = xsocket_client_new(broker.server);
	errno = 0;
	assert_int_equal(xsocket_client_resolver_file(client, XSOCKET_HOSTS), -1);
	assert_int_equal(errno, EPROTO);
	/* not even the connection */
	assert_int_equal(fds_count(), fds_before);
	xsocket_client_free(client);
	fake_broker_end(&broker, fds_before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	struct CMUnitTest tests[ELEMENTS(bads) + 6] = {
		TEST(gives_the_file_asked_for),
		TEST(files_and_sockets_come_by_one_connection),
		TEST(the_context_names_the_broker),
		TEST(other_numbers_are_not_asked_for),
		cmocka_unit_test(verdicts_become_errno),
		cmocka_unit_test(an_older_broker_still_gives_sockets),
	};

	for (size_t i = 0; i < ELEMENTS(bads); i++)
		tests[i + 6] = (struct CMUnitTest){
			.name = bads[i].what,
			.test_func = bad_brokers,
			.initial_state = (void *)&bads[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
