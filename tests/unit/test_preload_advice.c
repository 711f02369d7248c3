/* SPDX-License-Identifier: MIT */
/* Every errno of a broker becomes one that a program may be told, or a call's own, and has a text. */
#include "tests/unit/unit.h"

#include "preload/advice.h"

#include <errno.h>
#include <string.h>

/* Whatever happens, a call fails with something that a program does not try again at once. */
static void test_advice(void **state)
{
	static const int never[] = {EAGAIN, EINTR, EINPROGRESS, EADDRINUSE, EBADF, ENOTSOCK};
	static const int named[] = {ENAMETOOLONG, ENOENT, ENOTDIR, ELOOP, ECONNREFUSED, EACCES,
		EPERM, ENETDOWN, ETIMEDOUT, EBADMSG, EOPNOTSUPP, EPROTO, EPROTONOSUPPORT,
		EAFNOSUPPORT, ESOCKTNOSUPPORT, EMFILE, ENFILE, ETOOMANYREFS, EUSERS, EBUSY, ENOBUFS,
		ENOMEM};

	for (int error = 1; error < 4096; error++) {
		const struct advice *advice = advice_for(error);

		assert_non_null(advice->text);
		for (size_t i = 0; i < ELEMENTS(never); i++)
			assert_int_not_equal(advice->program_errno, never[i]);
	}
	/* What lib/xsocket.h names has a text of its own. */
	for (size_t i = 0; i < ELEMENTS(named); i++)
		assert_ptr_not_equal(advice_for(named[i]), advice_for(4095));
	assert_ptr_equal(advice_for(EAGAIN), advice_for(4095));
	assert_int_equal(advice_for(ENOENT)->program_errno, 0);
	assert_int_equal(advice_for(ECONNREFUSED)->program_errno, 0);
	assert_int_equal(advice_for(EACCES)->program_errno, EACCES);
	assert_int_equal(advice_for(EMFILE)->program_errno, EMFILE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
