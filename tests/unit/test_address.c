/* SPDX-License-Identifier: MIT */
/*
 * SERVER becomes the address that xsocket.h promises, byte for byte with its length, for each form
 * and at the exact limits; and what is none is refused without touching the result.
 */
#include "tests/unit/unit.h"

#include "common/address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OFFSET offsetof(struct sockaddr_un, sun_path)

static const struct {
	const char *server;
	const char *path; /* NULL: not a path */
	int expected;
} forms[] = {
	{NULL, "/run/xsocket/default", 0},
	{"default", "/run/xsocket/default", 0},
	{"vpn", "/run/xsocket/vpn", 0},
	{"a b", "/run/xsocket/a b", 0},
	{"vpn@home", "/run/xsocket/vpn@home", 0},
	{".hidden", "/run/xsocket/.hidden", 0},
	{"...", "/run/xsocket/...", 0},
	{"/a/path", "/a/path", 0},
	{"/", "/", 0},
	{"./here", "./here", 0},
	{"../there", "../there", 0},
	{"a/b", "a/b", 0},
	{"name/", "name/", 0},
	{"./@at", "./@at", 0},
	{"", NULL, -EINVAL},
	{"@", NULL, -EINVAL},
	{".", NULL, -EINVAL},
	{"..", NULL, -EINVAL},
};

static void each_form_has_its_path(void **state)
{
	for (size_t i = 0; i < ELEMENTS(forms); i++) {
		struct address address = {.length = 77};
		int r = address_from_server(forms[i].server, &address);

		assert_int_equal(r, forms[i].expected);
		if (r < 0) {
			assert_int_equal(address.length, 77);
			continue;
		}
		assert_int_equal(address.un.sun_family, AF_UNIX);
		assert_string_equal(address.un.sun_path, forms[i].path);
		assert_string_equal(address_path(&address), forms[i].path);
		assert_int_equal(address.length, OFFSET + strlen(forms[i].path) + 1);
	}
}

static void an_abstract_name_follows_a_zero_byte(void **state)
{
	static const char *const names[] = {"@x", "@xsocket", "@with/slash", "@@", "@."};

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct address address;

		assert_int_equal(address_from_server(names[i], &address), 0);
		assert_null(address_path(&address));
		assert_int_equal(address.length, OFFSET + strlen(names[i]));
		assert_int_equal(address.un.sun_path[0], 0);
		assert_memory_equal(
			address.un.sun_path + 1, names[i] + 1, strlen(names[i]) - 1);
	}
}

static void messages_have_the_name_as_it_is_written(void **state)
{
	static const char *const names[] = {"/a/path", "./here", "@x", "@with/slash", "@@"};
	char longest[109], text[ADDRESS_TEXT_SIZE];
	struct address address;

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		must(address_from_server(names[i], &address) == 0);
		assert_string_equal(address_text(&address, text), names[i]);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '@';
	longest[108] = '\0';
	must(address_from_server(longest, &address) == 0);
	assert_string_equal(address_text(&address, text), longest);
	longest[0] = '/';
	longest[107] = '\0';
	must(address_from_server(longest, &address) == 0);
	assert_string_equal(address_text(&address, text), longest);
}

/* Takes `prefix` and as many x as make `length` bytes. */
static int try_length(const char *prefix, size_t length, struct address *ret)
{
	char server[512];

	memset(server, 'x', sizeof(server));
	memcpy(server, prefix, strlen(prefix));
	server[length] = '\0';
	return address_from_server(server, ret);
}

static void the_limits_are_exact(void **state)
{
	static const struct {
		const char *prefix;
		size_t longest; /* of SERVER */
	} cases[] = {
		{"/", 107},
		{"./", 107},
		{"x", 107 - strlen("/run/xsocket/")},
		{"@", 108}, /* the zero byte stands for the @ */
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct address address;

		assert_int_equal(try_length(cases[i].prefix, cases[i].longest, &address), 0);
		assert_int_equal(address.length, sizeof(struct sockaddr_un));
		address.length = 77;
		assert_int_equal(try_length(cases[i].prefix, cases[i].longest + 1, &address),
			-ENAMETOOLONG);
		assert_int_equal(try_length(cases[i].prefix, 511, &address), -ENAMETOOLONG);
		assert_int_equal(address.length, 77);
	}
}

/* The kernel takes what is said to be right: bind(2) and getsockname(2) agree with it. */
static void the_kernel_agrees(void **state)
{
	struct sockaddr_un got;
	socklen_t length = sizeof(got);
	struct address address;
	char server[200];
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), n;

	n = snprintf(server, sizeof(server), "@xsocket-unit-%d-", (int)getpid());
	memset(server + n, 'x', sizeof(server) - (size_t)n);
	server[108] = '\0';
	assert_int_equal(address_from_server(server, &address), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address.un, address.length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&got, &length), 0);
	assert_int_equal(length, address.length);
	assert_memory_equal(&got, &address.un, length);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_has_its_path),
		cmocka_unit_test(an_abstract_name_follows_a_zero_byte),
		cmocka_unit_test(messages_have_the_name_as_it_is_written),
		cmocka_unit_test(the_limits_are_exact),
		cmocka_unit_test(the_kernel_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
