/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_CMOCKA_H
#define XSOCKET_TESTS_CMOCKA_H

/*
 * The part of cmocka that the unit tests use, for a libc that no cmocka was built for: by the
 * option cmocka=own. As there, a failed assertion ends the test by longjmp(3). Results are TAP.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	int (*setup_func)(void **state);
	int (*teardown_func)(void **state);
	void *initial_state;
};

#define cmocka_unit_test_setup_teardown(function, setup, teardown)                                 \
	{                                                                                          \
#function, function, setup, teardown, NULL                                         \
	}
#define cmocka_unit_test(function) cmocka_unit_test_setup_teardown(function, NULL, NULL)

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
	cmocka_run(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

/* Runs them all. Returns how many failed, or -1 when the setup or teardown of the group did. */
int cmocka_run(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
	int (*teardown)(void **state));

#define assert_true(value)	 cmocka_true((value) ? 1 : 0, #value, __FILE__, __LINE__)
#define assert_false(value)	 cmocka_true((value) ? 0 : 1, "not " #value, __FILE__, __LINE__)
#define assert_non_null(pointer) cmocka_true((pointer) != NULL, #pointer, __FILE__, __LINE__)
#define assert_null(pointer)	 cmocka_true((pointer) == NULL, #pointer " is NULL", __FILE__, __LINE__)
#define assert_int_equal(a, b)	 cmocka_equal((long long)(a), (long long)(b), 1, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)                                                                 \
	cmocka_equal((long long)(a), (long long)(b), 0, __FILE__, __LINE__)
#define assert_ptr_equal(a, b)		cmocka_true((a) == (b), #a " is " #b, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b)	cmocka_true((a) != (b), #a " is not " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b)	cmocka_strings(a, b, __FILE__, __LINE__)
#define assert_memory_equal(a, b, size) cmocka_memory(a, b, size, __FILE__, __LINE__)
#define assert_in_range(value, low, high)                                                          \
	cmocka_true(                                                                               \
		(uintmax_t)(value) >= (uintmax_t)(low) && (uintmax_t)(value) <= (uintmax_t)(high), \
		#value " in range", __FILE__, __LINE__)
#define fail_msg(...)                                                                              \
	do {                                                                                       \
		print_error(__VA_ARGS__);                                                          \
		cmocka_true(0, "", __FILE__, __LINE__);                                            \
	} while (0)

/* There they look for overruns, which the builds with sanitizers do, too. */
#define test_malloc malloc
#define test_free   free

/* Lines of TAP that are comments. */
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void print_message(const char *format, ...);

/* What the macros above are made of. */
void cmocka_true(int value, const char *text, const char *file, int line);
void cmocka_equal(long long a, long long b, int wanted, const char *file, int line);
void cmocka_strings(const char *a, const char *b, const char *file, int line);
void cmocka_memory(const void *a, const void *b, size_t size, const char *file, int line);

#endif
