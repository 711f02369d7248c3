/* SPDX-License-Identifier: MIT */
/*
 * Most options have one value on every fresh socket, whatever the kernel, the namespace and the
 * kind of socket. For these preload/options.c looks at the program's socket only, and
 * preload/journal.c remembers nothing.
 */
#include "tests/unit/unit.h"

#include "preload/options-table.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void values_of_fresh_sockets(void **state)
{
	static const int domains[] = {AF_INET, AF_INET6}, types[] = {SOCK_STREAM, SOCK_DGRAM};
	unsigned known = 0;

	for (unsigned kind = 0; kind < 4; kind++) {
		int fd = socket(domains[kind / 2], types[kind % 2] | SOCK_CLOEXEC, 0);

		must(fd >= 0);
		for (size_t i = 0; i < option_rows_count; i++) {
			const struct option_row *row = &option_rows[i];
			uint8_t value[64] = {0};
			socklen_t length = sizeof(value);

			if ((row->flags & OPTIONS_VARIES) ||
				((row->flags & OPTIONS_IPV6) && domains[kind / 2] != AF_INET6) ||
				getsockopt(fd, row->level, row->name, value, &length) < 0)
				continue;
			if (!option_is_fresh(row, value, length))
				fail_msg("option %d of level %d", row->name, row->level);
			known++;
		}
		close(fd);
	}
	assert_true(known > 200);
}

static void settings_are_seen(void **state)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned seen = 0;

	for (size_t i = 0; i < option_rows_count; i++) {
		const struct option_row *row = &option_rows[i];
		int value = row->flags & (OPTIONS_ONE | OPTIONS_ONES) ? 0 : 1, read = -1;
		socklen_t length = sizeof(read);

		if (!option_reads_back(row->level, row->name) ||
			setsockopt(fd, row->level, row->name, &value, sizeof(value)) < 0 ||
			getsockopt(fd, row->level, row->name, &read, &length) < 0 ||
			length != sizeof(read) || read != value)
			continue;
		if (option_is_fresh(row, &read, length))
			fail_msg("option %d of level %d", row->name, row->level);
		seen++;
	}
	assert_true(seen > 30);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_fresh_sockets),
		cmocka_unit_test(settings_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
