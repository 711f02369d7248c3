/* SPDX-License-Identifier: MIT */
/* A hosts file is read as hosts.h promises, whatever its lines are like. */
#include "tests/unit/unit.h"

#include "resolver/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* address: NULL: the line has no entry. */
static const struct {
	const char *line, *address, *names;
} lines[] = {
	{"", NULL, NULL},
	{" \t ", NULL, NULL},
	{"# 1.2.3.4 name", NULL, NULL},
	{"1.2.3.4", NULL, NULL},
	{"1.2.3.4 ", NULL, NULL},
	{"1.2.3.4 # name", NULL, NULL},
	{"1.2.3.4#name", NULL, NULL},
	{"name 1.2.3.4", NULL, NULL},
	{"1.2.3 name", NULL, NULL},
	{"1.2.3.4.5 name", NULL, NULL},
	{"1.2.3.400 name", NULL, NULL},
	{"fe80::1%lo name", NULL, NULL},
	{"[::1] name", NULL, NULL},
	{"1.2.3.4 name", "1.2.3.4", "name"},
	{"1.2.3.4 name\n", "1.2.3.4", "name"},
	{"1.2.3.4 name\r\n", "1.2.3.4", "name\r"},
	{" \t1.2.3.4\t name  other # third", "1.2.3.4", "name  other "},
	{"1.2.3.4 name#other", "1.2.3.4", "name"},
	{"::1 name", "::1", "name"},
	{"::ffff:1.2.3.4 name", "::ffff:1.2.3.4", "name"},
	{"FD00::A name", "fd00::a", "name"},
};

static void test_lines(void **state)
{
	char line[128], text[INET6_ADDRSTRLEN];
	struct hosts_entry entry;

	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		print_message("# case %zu\n", i);
		strcpy(line, lines[i].line);
		if (!lines[i].address) {
			assert_false(hosts_parse(line, &entry));
			continue;
		}
		assert_true(hosts_parse(line, &entry));
		inet_ntop(entry.family, &entry.bytes, text, sizeof(text));
		assert_string_equal(text, lines[i].address);
		assert_string_equal(entry.names, lines[i].names);
	}
}

/* ret: NULL: an address of that family it is not. */
static const struct {
	const char *address;
	int family;
	const char *ret;
} fits[] = {
	{"1.2.3.4", AF_UNSPEC, "1.2.3.4"},
	{"1.2.3.4", AF_INET, "1.2.3.4"},
	{"1.2.3.4", AF_INET6, NULL},
	{"fd00::1", AF_UNSPEC, "fd00::1"},
	{"fd00::1", AF_INET6, "fd00::1"},
	{"fd00::1", AF_INET, NULL},
	{"::1", AF_UNSPEC, "::1"},
	{"::1", AF_INET, "127.0.0.1"},
	{"::ffff:1.2.3.4", AF_UNSPEC, "::ffff:1.2.3.4"},
	{"::ffff:1.2.3.4", AF_INET6, "::ffff:1.2.3.4"},
	{"::ffff:1.2.3.4", AF_INET, "1.2.3.4"},
};

static void test_families(void **state)
{
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < ELEMENTS(fits); i++) {
		struct hosts_entry entry = {.family = AF_INET};

		print_message("# case %zu\n", i);
		if (inet_pton(AF_INET, fits[i].address, &entry.bytes) <= 0) {
			entry.family = AF_INET6;
			assert_int_equal(inet_pton(AF_INET6, fits[i].address, &entry.bytes), 1);
		}
		if (!fits[i].ret) {
			assert_false(hosts_fits(&entry, fits[i].family));
			continue;
		}
		assert_true(hosts_fits(&entry, fits[i].family));
		inet_ntop(entry.family, &entry.bytes, text, sizeof(text));
		assert_string_equal(text, fits[i].ret);
	}
}

/* ---- files ---- */

/* A file with this in it, at its beginning. */
static int file_of(const char *text, size_t length)
{
	char path[128];
	int fd;

	temp_path(&temp_fixture, "hosts", path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int find(const char *text, size_t length, const char *name, struct found *ret)
{
	int fd = file_of(text, length), r;

	memset(ret, 0, sizeof(*ret));
	r = hosts_find_name(fd, name, AF_UNSPEC, ret);
	close(fd);
	return r;
}

static void test_all_lines_count(void **state)
{
	static const char text[] = "10.0.0.1 one two\n10.0.0.2 other\n10.0.0.3 three ONE\n::1 one";
	struct found found;

	assert_int_equal(find(text, strlen(text), "one", &found), 0);
	assert_int_equal(found.n, 3);
	assert_int_equal(found.addresses[2].family, AF_INET6);
	assert_string_equal(found.name, "one");
	assert_int_equal(found.n_aliases, 3);
	assert_string_equal(found.aliases[0], "two");
	assert_string_equal(found.aliases[1], "ONE");
	assert_string_equal(found.aliases[2], "three");
	found_clear(&found);
	assert_int_equal(find(text, strlen(text), "on", &found), 0);
	assert_int_equal(found.n, 0);
	assert_null(found.name);
}

/* A name that crosses the places where pieces of the file are read. */
static void test_long_lines(void **state)
{
	size_t size = 3 * 4096 + 64;
	char *text = malloc(size + 64);
	struct found found;

	for (size_t at = 4096 - 16; at < 4096 + 16; at++) {
		memset(text, ' ', size);
		memcpy(text, "10.0.0.1", 8);
		memcpy(text + at, "name", 4);
		memcpy(text + size - 20, "\n10.0.0.2 last", 14);
		assert_int_equal(find(text, size - 6, "name", &found), 0);
		assert_int_equal(found.n, 1);
		found_clear(&found);
		assert_int_equal(find(text, size - 6, "last", &found), 0);
		assert_int_equal(found.n, 1);
		found_clear(&found);
	}
	free(text);
}

static void test_a_line_without_end(void **state)
{
	size_t size = 3 << 20;
	char *text = malloc(size);
	struct found found;

	memset(text, 'x', size);
	assert_int_equal(find(text, size, "name", &found), -EMSGSIZE);
	memcpy(text, "10.0.0.1 name\n", 14);
	assert_int_equal(find(text, size, "name", &found), -EMSGSIZE);
	found_clear(&found);
	free(text);
}

/* A NUL byte ends its line, and no other. */
static void test_binary(void **state)
{
	static const char text[] = "10.0.0.1 a\0 name\n10.0.0.2 name\n\0\n10.0.0.3 name\0";
	struct found found;

	assert_int_equal(find(text, sizeof(text), "name", &found), 0);
	assert_int_equal(found.n, 2);
	found_clear(&found);
}

static void test_a_file_that_cannot_be_read(void **state)
{
	struct found found = {0};
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	assert_int_equal(hosts_find_name(fd, "name", AF_UNSPEC, &found), -EISDIR);
	assert_int_equal(hosts_find_address(fd, AF_INET, &(int){1}, &found), -EISDIR);
	close(fd);
	assert_int_equal(hosts_find_name(-1, "name", AF_UNSPEC, &found), -EBADF);
}

/* The first line that has an address tells its names. */
static void test_addresses(void **state)
{
	static const char text[] = "::ffff:10.0.0.1 mapped\n10.0.0.1 plain more\n10.0.0.1 late\n";
	struct in_addr in = {htonl(0x0a000001)};
	struct in6_addr in6;
	struct found found = {0};
	int fd = file_of(text, strlen(text));

	assert_int_equal(hosts_find_address(fd, AF_INET, &in, &found), 0);
	assert_string_equal(found.name, "mapped");
	assert_int_equal(found.addresses[0].family, AF_INET);
	found_clear(&found);
	lseek(fd, 0, SEEK_SET);
	inet_pton(AF_INET6, "::ffff:10.0.0.1", &in6);
	assert_int_equal(hosts_find_address(fd, AF_INET6, &in6, &found), 0);
	assert_string_equal(found.name, "mapped");
	found_clear(&found);
	lseek(fd, 0, SEEK_SET);
	in.s_addr = htonl(0x0a000002);
	assert_int_equal(hosts_find_address(fd, AF_INET, &in, &found), 0);
	assert_int_equal(found.n, 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_families),
		cmocka_unit_test_setup_teardown(test_all_lines_count, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_a_line_without_end, temp_setup, temp_teardown),
		cmocka_unit_test_setup_teardown(test_binary, temp_setup, temp_teardown),
		cmocka_unit_test(test_a_file_that_cannot_be_read),
		cmocka_unit_test_setup_teardown(test_addresses, temp_setup, temp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
