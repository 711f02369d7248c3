/* SPDX-License-Identifier: MIT */
/*
 * What is read back of a socket is not always what was set: buffer sizes double, so copying them by
 * read-back doubles them each time. That is why options are kept as they were set
 * (preload/journal.h).
 */
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static int get(int fd, int name)
{
	int value;
	socklen_t length = sizeof(value);

	must(getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0);
	return value;
}

static void buffer_sizes_double(void **state)
{
	static const int names[] = {SO_RCVBUF, SO_SNDBUF};

	for (unsigned i = 0; i < 2; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), value = 20000;

		for (unsigned k = 0; k < 3; k++) {
			must(setsockopt(fd, SOL_SOCKET, names[i], &value, sizeof(value)) == 0);
			assert_int_equal(get(fd, names[i]), 2 * value);
			value = get(fd, names[i]);
		}
		close(fd);
	}
}

static void the_protocol_of_a_socket_implies_its_type(void **state)
{
	static const struct {
		int type, protocol;
	} kinds[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}};

	/* lib/exchange.c looks at the protocol only */
	for (unsigned i = 0; i < 2; i++) {
		int fd = socket(AF_INET, kinds[i].type | SOCK_CLOEXEC, 0);

		assert_int_equal(get(fd, SO_PROTOCOL), kinds[i].protocol);
		close(fd);
		assert_int_equal(socket(AF_INET, kinds[i].type, kinds[1 - i].protocol), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_sizes_double),
		cmocka_unit_test(the_protocol_of_a_socket_implies_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
