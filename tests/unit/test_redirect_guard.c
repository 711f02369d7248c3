/* SPDX-License-Identifier: MIT */
/* Which addresses are those of services that look names up. Whatever is no Unix address is not. */
#include "tests/unit/unit.h"

#include "xredirect/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
	const char *path;
	bool refused;
} paths[] = {
	{"/run/nscd/socket", true},
	{"/var/run/nscd/socket", true},
	{"/run/systemd/resolve/io.systemd.Resolve", true},
	{"/run/systemd/resolve/io.systemd.Resolve.Monitor", true},
	{"/var/run/avahi-daemon/socket", true},
	{"/run/avahi-daemon/socket", true},
	{"/var/lib/sss/pipes/nss", true},
	{"/var/lib/sss/pipes/private/pam", true},
	{"/run/nslcd/socket", true},
	{"/run/systemd/machine/io.systemd.Machine", true},
	{"//run//nscd//socket", true},
	{"/./run/./nscd/socket", true},
	{"/var/run//nscd/socket", true},
	{"/run/nscd", false},
	{"/run/nscd2/socket", false},
	{"/run/systemd/resolved/socket", false},
	{"/run/systemd/notify", false},
	{"/run/dbus/system_bus_socket", false}, /* but for modules of NSS */
	{"/run/xsocket/nscd", false},
	{"/tmp/run/nscd/socket", false},
	{"run/nscd/socket", false},
	{"socket", false},
	{"/", false},
	{"", false},
};

static bool refuses(const struct sockaddr_un *un, socklen_t length)
{
	return guard_refuses((const struct sockaddr *)un, length, (const void *)(uintptr_t)refuses);
}

static void test_paths(void **state)
{
	for (size_t i = 0; i < ELEMENTS(paths); i++) {
		struct sockaddr_un un = {.sun_family = AF_UNIX};
		socklen_t length =
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(paths[i].path));

		strcpy(un.sun_path, paths[i].path);
		assert_int_equal(refuses(&un, sizeof(un)), paths[i].refused);
		/* As long as it is, with its end and without: the next byte is not part of it. */
		assert_int_equal(refuses(&un, length + 1), paths[i].refused);
		memset((char *)&un + length, '/', sizeof(un) - length);
		assert_int_equal(refuses(&un, length), paths[i].refused);
		/* Longer than an address can be, which the kernel refuses. */
		assert_int_equal(refuses(&un, sizeof(un) + 1), false);
	}
}

static void test_what_is_no_path(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0/run/nscd/socket"};
	struct sockaddr_in in = {.sin_family = AF_INET};

	assert_false(refuses(&un, sizeof(un)));
	strcpy(un.sun_path, "/run/nscd/socket");
	un.sun_family = AF_INET;
	assert_false(refuses(&un, sizeof(un)));
	un.sun_family = AF_UNIX;
	for (socklen_t length = 0; length <= 2; length++)
		assert_false(refuses(&un, length));
	assert_false(refuses(&un, (socklen_t)-1));
	assert_false(refuses((const void *)&in, sizeof(in)));
	assert_false(refuses(NULL, sizeof(un)));
	assert_false(refuses((const void *)8, sizeof(un)));
	assert_false(refuses((const void *)UINTPTR_MAX, sizeof(un)));
}

/* An address that goes on where there is nothing. */
static void test_the_end_of_memory(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), length;
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/nscd/socket"};

	must(pages != MAP_FAILED && munmap(pages + page, page) == 0);
	length = offsetof(struct sockaddr_un, sun_path) + strlen(un.sun_path) + 1;
	memcpy(pages + page - length, &un, length);
	assert_true(refuses((const void *)(pages + page - length), (socklen_t)length));
	/* The kernel says EFAULT. */
	assert_false(refuses((const void *)(pages + page - length), sizeof(un)));
	assert_false(refuses((const void *)(pages + page), sizeof(un)));
	munmap(pages, page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_what_is_no_path),
		cmocka_unit_test(test_the_end_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
