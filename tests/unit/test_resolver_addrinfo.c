/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo() of resolver/ with a namespace that has files and no sockets: what comes of them,
 * how much the namespace is asked for, and what it is when a file or a socket cannot be had. That
 * answers are those of libc is tests/resolver/'s to show.
 */
#include "tests/unit/unit.h"

#include "resolver/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A namespace as a test wants it. */
struct fake {
	const char *files[4]; /* NULL: it has none */
	int file_error, socket_error;
	unsigned files_asked, sockets_asked;
};

static int fake_socket(void *data, int domain, int type, int protocol)
{
	struct fake *fake = data;

	fake->sockets_asked++;
	return fake->socket_error;
}

static int fake_file(void *data, int which)
{
	struct fake *fake = data;
	const char *text = fake->files[which];
	int fd;

	fake->files_asked++;
	if (fake->file_error)
		return fake->file_error;
	if (!text)
		return -ENOENT;
	fd = memfd_create("file", MFD_CLOEXEC);
	must(fd >= 0);
	must(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	must(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

#define HOSTS                                                                                      \
	"10.0.0.1 one.example one\n"                                                               \
	"fd00::1 one.example\n"                                                                    \
	"10.0.0.2 two\n"                                                                           \
	"::1 loop\n"

static char why[RESOLVER_WHY];

/* Libcs have the same numbers, and other texts. */
static const char *error_name(int r)
{
	static const struct {
		int value;
		const char *name;
	} names[] = {
		{-1, "BADFLAGS"},
		{-2, "NONAME"},
		{-3, "AGAIN"},
		{-5, "NODATA"},
		{-6, "FAMILY"},
		{-8, "SERVICE"},
		{-9, "ADDRFAMILY"},
		{-11, "SYSTEM"},
	};

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		if (names[i].value == r)
			return names[i].name;
	}
	return "?";
}

/* "10.0.0.1/1:80 fd00::1%7/2:80 (NAME)", or an error, in one line. */
static const char *ask(struct fake *fake, const char *node, const char *service,
	const struct addrinfo *hints, char text[1024])
{
	struct resolver_source source = {
		.socket = fake_socket, .file = fake_file, .data = fake, .name = "vpn"};
	char address[INET6_ADDRSTRLEN], *end = text;
	struct addrinfo *list = NULL;
	unsigned before = fds_count();
	int r;

	errno = 4242;
	memset(why, 'x', sizeof(why));
	r = resolver_getaddrinfo(&source, node, service, hints, &list, why);
	assert_int_equal(fds_count(), before);
	assert_true(strlen(why) < sizeof(why) && !strchr(why, '\n'));
	if (r != EAI_SYSTEM)
		assert_int_equal(errno, 4242);
	*end = '\0';
	if (r != 0)
		sprintf(text, "%s %d", error_name(r), r == EAI_SYSTEM ? errno : 0);
	for (struct addrinfo *each = list; r == 0 && each; each = each->ai_next) {
		const struct sockaddr_in *in = (struct sockaddr_in *)each->ai_addr;
		const struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)each->ai_addr;
		bool ipv4 = each->ai_family == AF_INET;

		inet_ntop(each->ai_family,
			ipv4 ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr, address,
			sizeof(address));
		end += sprintf(end, "%s%s", end == text ? "" : " ", address);
		if (!ipv4 && in6->sin6_scope_id)
			end += sprintf(end, "%%%u", in6->sin6_scope_id);
		end += sprintf(end, "/%d:%d", each->ai_socktype, ntohs(in->sin_port));
		if (each->ai_canonname)
			end += sprintf(end, " (%s)", each->ai_canonname);
	}
	if (r == 0)
		resolver_freeaddrinfo(list);
	return text;
}

static const struct {
	const char *node, *service;
	int family, flags;
	const char *found;
	unsigned files, sockets;
} cases[] = {
	/* nothing is asked for what is known */
	{"10.9.9.9", "80", AF_UNSPEC, 0, "10.9.9.9/1:80", 0, 0},
	{"fd00::9", "80", AF_UNSPEC, AI_CANONNAME, "fd00::9/1:80 (fd00::9)", 0, 0},
	{"fe80::1%7", "80", AF_UNSPEC, 0, "fe80::1%7/1:80", 0, 0},
	{"10.9.9.9", NULL, AF_INET6, AI_V4MAPPED, "::ffff:10.9.9.9/1:0", 0, 0},
	{"10.9.9.9", NULL, AF_INET6, 0, "ADDRFAMILY 0", 0, 0},
	{NULL, "80", AF_INET, 0, "127.0.0.1/1:80", 0, 0},
	{NULL, "80", AF_INET6, AI_PASSIVE, "::/1:80", 0, 0},
	{NULL, NULL, AF_UNSPEC, 0, "NONAME 0", 0, 0},
	{"one", "80", AF_UNSPEC, AI_NUMERICHOST, "NONAME 0", 0, 0},
	{"one", "80", AF_UNIX, 0, "FAMILY 0", 0, 0},
	{"one", "80", AF_UNSPEC, 1 << 20, "BADFLAGS 0", 0, 0},
	{"one", "nosuch", AF_UNSPEC, 0, "SERVICE 0", 0, 0},
	{"one", "nosuch", AF_UNSPEC, AI_NUMERICSERV, "NONAME 0", 0, 0},
	/* two files, and sockets only where there is something to sort */
	{"two", "80", AF_UNSPEC, 0, "10.0.0.2/1:80", 2, 0},
	{"TWO", "80", AF_INET, AI_CANONNAME, "10.0.0.2/1:80 (two)", 2, 0},
	{"one", "80", AF_INET6, AI_CANONNAME, "NONAME 0", 2, 0},
	{"one.example", "80", AF_INET6, 0, "fd00::1/1:80", 2, 0},
	{"one.example", "80", AF_UNSPEC, AI_CANONNAME, "fd00::1/1:80 (one.example) 10.0.0.1/1:80",
		2, 2},
	{"two", "80", AF_INET6, AI_V4MAPPED, "::ffff:10.0.0.2/1:80", 3, 0},
	{"loop", "80", AF_INET, 0, "127.0.0.1/1:80", 2, 0},
	{"nobody", "80", AF_UNSPEC, 0, "NONAME 0", 2, 0},
	{"", "80", AF_UNSPEC, 0, "NONAME 0", 2, 0},
	{"fe80::1%lo", "80", AF_UNSPEC, 0, "NONAME 0", 0, 2},
};

static void test_cases(void **state)
{
	char text[1024];

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct fake fake = {
			.files = {NULL, NULL, HOSTS, "hosts: files"}, .socket_error = -EACCES};
		struct addrinfo hints = {.ai_family = cases[i].family,
			.ai_socktype = SOCK_STREAM,
			.ai_flags = cases[i].flags};

		print_message("# case %zu\n", i);
		assert_string_equal(
			ask(&fake, cases[i].node, cases[i].service, &hints, text), cases[i].found);
		assert_string_equal(why, "");
		assert_int_equal(fake.files_asked, cases[i].files);
		assert_int_equal(fake.sockets_asked, cases[i].sockets);
	}
}

/* Without hints, where nobody can say which addresses there are: all count. */
static void test_no_hints(void **state)
{
	struct fake fake = {.files = {NULL, NULL, HOSTS, "hosts: files"}, .socket_error = -EACCES};
	char text[1024];

	assert_string_equal(
		ask(&fake, "two", "80", NULL, text), "10.0.0.2/1:80 10.0.0.2/2:80 10.0.0.2/3:80");
}

/* A file that cannot be had is not one that is not there. */
static void test_no_file(void **state)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct fake fake = {.file_error = -EOPNOTSUPP, .socket_error = -EACCES};
	char text[1024];

	assert_string_equal(ask(&fake, "localhost", "80", &hints, text), "SYSTEM 95");
	assert_non_null(strstr(why, "vpn: its nsswitch.conf cannot be had: the broker is too old"));
	fake.file_error = 0;
	assert_string_equal(ask(&fake, "localhost", "80", &hints, text), "::1/1:80 127.0.0.1/1:80");
	assert_string_equal(why, "");
}

/* Without a socket no server is asked, and the reason is not lost. */
static void test_no_socket(void **state)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct fake fake = {.socket_error = -EACCES};
	char text[1024];

	ask(&fake, "web.example", "80", &hints, text);
	/* or, where this is built or runs without c-ares */
	if (strcmp(text, "AGAIN 0") == 0) {
		assert_non_null(strstr(why, "vpn: names cannot be asked for: "));
		return;
	}
	assert_string_equal(text, "SYSTEM 13");
	assert_non_null(strstr(why, "vpn: no socket can be had: "));
	assert_true(fake.sockets_asked > 0);
}

/* A sandbox, most likely: it is not concluded that the namespace has no IPv4. */
static void test_no_ipv4_socket(void **state)
{
	static const struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_family = AF_INET};
	struct fake fake = {.socket_error = -EAFNOSUPPORT};
	char text[1024];

	ask(&fake, "web.example", "80", &hints, text);
	assert_true(strcmp(text, "NONAME 0") != 0);
	assert_true(*why);
}

/* Who does not want to know why need not. */
static void test_no_why(void **state)
{
	struct fake fake = {.file_error = -EIO};
	struct resolver_source source = {.socket = fake_socket, .file = fake_file, .data = &fake};
	struct addrinfo *list;
	struct hostent host, *result;
	unsigned char answer[512];
	char buffer[512];
	int h_error;

	assert_int_equal(
		resolver_getaddrinfo(&source, "name", "80", NULL, &list, NULL), EAI_SYSTEM);
	assert_int_equal(resolver_gethostbyname2_r(&source, "name", AF_INET, &host, buffer,
				 sizeof(buffer), &result, &h_error, NULL),
		EIO);
	assert_int_equal(h_error, NETDB_INTERNAL);
	assert_null(result);
	assert_int_equal(
		resolver_query(&source, "name", 1, 1, answer, sizeof(answer), &h_error, NULL), -1);
}

/* A buffer that is too small by any number of bytes is said to be, and nothing is behind its end.
 */
static void test_small_buffers(void **state)
{
	struct fake fake = {.files = {NULL, NULL, HOSTS, "hosts: files"}};
	struct resolver_source source = {.socket = fake_socket, .file = fake_file, .data = &fake};
	struct hostent host, *result;
	unsigned found = 0;
	int h_error, r;

	for (size_t size = 0; size < 200; size++) {
		char *buffer = malloc(size + 1); /* not aligned, and for sanitizers exactly */

		r = resolver_gethostbyname2_r(
			&source, "one", AF_INET, &host, buffer + 1, size, &result, &h_error, NULL);
		if (result) {
			found++;
			assert_int_equal(r, 0);
			assert_string_equal(result->h_name, "one.example");
			assert_string_equal(result->h_aliases[0], "one");
			assert_null(result->h_aliases[1]);
			assert_null(result->h_addr_list[1]);
		} else {
			assert_int_equal(found, 0);
			assert_int_equal(r, ERANGE);
			assert_int_equal(h_error, NETDB_INTERNAL);
		}
		free(buffer);
	}
	assert_in_range(found, 50, 199);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_no_hints),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_no_socket),
		cmocka_unit_test(test_no_ipv4_socket),
		cmocka_unit_test(test_no_why),
		cmocka_unit_test(test_small_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
