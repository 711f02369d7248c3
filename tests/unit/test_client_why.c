/* SPDX-License-Identifier: MIT */
/* xsocket_why(): what preload libraries say of an error, for whoever calls the library. */
#include "tests/unit/unit.h"

#include "common/remedy.h"
#include "lib/xsocket.h"

#include <errno.h>
#include <string.h>

static void it_is_the_sentence_of_all(void **state)
{
	static const int errors[] = {ENOENT, ECONNREFUSED, EACCES, ENETDOWN, ETIMEDOUT, EMFILE};
	static const char *const servers[] = {"vpn", "/run/xsocket/vpn", "/a/path", "@vpn"};
	char text[XSOCKET_WHY], expected[REMEDY_TEXT];

	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		for (size_t k = 0; k < ELEMENTS(servers); k++) {
			assert_ptr_equal(
				xsocket_why(servers[k], errors[i], text, sizeof(text)), text);
			assert_string_equal(text, remedy_text(servers[k], errors[i], expected));
		}
	}
}

static void no_server_is_the_one_that_would_be_asked(void **state)
{
	char text[XSOCKET_WHY];

	assert_non_null(strstr(xsocket_why(NULL, EACCES, text, sizeof(text)), " default u:USER"));
	assert_int_equal(xsocket_push("vpn"), 0);
	assert_non_null(strstr(xsocket_why(NULL, EACCES, text, sizeof(text)), " vpn u:USER"));
	assert_int_equal(xsocket_push("."), 0);
	assert_non_null(strstr(xsocket_why(NULL, EACCES, text, sizeof(text)), " default u:USER"));
	assert_int_equal(xsocket_pop(), 0);
	assert_int_equal(xsocket_pop(), 0);
}

static void where_strerror_says_it_all_it_is_empty(void **state)
{
	static const int errors[] = {0, EINVAL, EAGAIN, -1, 4095};
	char text[XSOCKET_WHY];

	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		memset(text, 'x', sizeof(text));
		assert_string_equal(xsocket_why("vpn", errors[i], text, sizeof(text)), "");
	}
}

static void what_does_not_fit_is_cut(void **state)
{
	char whole[XSOCKET_WHY], text[XSOCKET_WHY + 1];
	size_t length = strlen(xsocket_why("vpn", ENOENT, whole, sizeof(whole)));

	for (size_t size = 0; size <= length + 2; size++) {
		size_t written = size > length ? length + 1 : size;

		memset(text, '!', sizeof(text));
		assert_ptr_equal(xsocket_why("vpn", ENOENT, text, size), text);
		for (size_t i = 0; i < sizeof(text); i++) {
			char c = i + 1 < written ? whole[i] : i + 1 == written ? '\0' : '!';

			assert_int_equal(text[i], c);
		}
	}
}

static void errno_is_left_alone(void **state)
{
	char text[XSOCKET_WHY];

	errno = ENOTTY;
	xsocket_why("vpn", ENOENT, text, sizeof(text));
	xsocket_why("vpn", EINVAL, text, sizeof(text));
	assert_int_equal(errno, ENOTTY);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_sentence_of_all),
		cmocka_unit_test(no_server_is_the_one_that_would_be_asked),
		cmocka_unit_test(where_strerror_says_it_all_it_is_empty),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
