/* SPDX-License-Identifier: MIT */
/* The parser of an epoll set's fdinfo, fed by bytes. */
#include "tests/unit/unit.h"

#include "preload/descriptors.h"

static void test_epoll_info(void **state)
{
	static const char text[] =
		"pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t77\n"
		"tfd:        5 events:       19 data: 123456789abcdef0  pos:0 ino:1a2b sdev:8\n"
		"tfd:      123 events: c0000001 data:                0  pos:0 ino:f sdev:8\n"
		"tfd: events: data: \n"
		"tfd:        7 events:        1 data:                7  pos:0 ino:3 sdev:8";
	struct descriptors_epoll info = {.length = 0};
	int found = 0;

	for (const char *byte = text; *byte; byte++) {
		if (!descriptors_epoll_push(&info, *byte))
			continue;
		if (found++ == 0) {
			assert_int_equal(info.fd, 5);
			assert_int_equal(info.events, 0x19);
			assert_true(info.data == 0x123456789abcdef0);
			assert_int_equal(info.inode, 0x1a2b);
		} else {
			assert_int_equal(info.fd, 123);
			assert_true(info.events == 0xc0000001);
			assert_int_equal(info.data, 0);
			assert_int_equal(info.inode, 0xf);
		}
	}
	/* A line without an end is none. */
	assert_int_equal(found, 2);
	/* Nor does a long one reach beyond the buffer. */
	info.length = 0;
	for (int i = 0; i < 1000; i++)
		assert_false(descriptors_epoll_push(&info, 'x'));
	assert_false(descriptors_epoll_push(&info, '\n'));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epoll_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
