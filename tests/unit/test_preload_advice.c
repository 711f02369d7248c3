/* SPDX-License-Identifier: MIT */
/* Every errno of a broker becomes one that a program may be told, or a call's own. */
#include "tests/unit/unit.h"

#include "preload/advice.h"

#include <errno.h>

/* Whatever happens, a call fails with something that a program does not try again at once. */
static void test_advice(void **state)
{
	static const int never[] = {EAGAIN, EINTR, EINPROGRESS, EADDRINUSE, EBADF, ENOTSOCK};

	for (int error = 1; error < 4096; error++) {
		for (size_t i = 0; i < ELEMENTS(never); i++)
			assert_int_not_equal(advice_errno(error), never[i]);
	}
	assert_int_equal(advice_errno(ENOENT), 0);
	assert_int_equal(advice_errno(ECONNREFUSED), 0);
	assert_int_equal(advice_errno(EACCES), EACCES);
	assert_int_equal(advice_errno(EPERM), EACCES);
	assert_int_equal(advice_errno(EMFILE), EMFILE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
