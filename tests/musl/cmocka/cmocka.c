/* SPDX-License-Identifier: MIT */
#include <cmocka.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the test that is running began. Tests assert in their own thread only. */
static jmp_buf begin;

static void failed(const char *file, int line)
{
	printf("# %s:%d: failed\n", file, line);
	longjmp(begin, 1);
}

static void print(const char *format, va_list arguments)
{
	if (*format != '#')
		printf("# ");
	vprintf(format, arguments);
	if (*format && format[strlen(format) - 1] != '\n')
		printf("\n");
}

void print_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(format, arguments);
	va_end(arguments);
}

void print_message(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(format, arguments);
	va_end(arguments);
}

void cmocka_true(int value, const char *text, const char *file, int line)
{
	if (value)
		return;
	print_error("it does not hold: %s", text);
	failed(file, line);
}

void cmocka_equal(long long a, long long b, int wanted, const char *file, int line)
{
	if ((a == b) == wanted)
		return;
	print_error("%lld (%#llx) %s %lld (%#llx)", a, (unsigned long long)a,
		wanted ? "is not" : "is", b, (unsigned long long)b);
	failed(file, line);
}

void cmocka_strings(const char *a, const char *b, const char *file, int line)
{
	if (strcmp(a, b) == 0)
		return;
	print_error("\"%s\" is not \"%s\"", a, b);
	failed(file, line);
}

void cmocka_memory(const void *a, const void *b, size_t size, const char *file, int line)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < size; i++) {
		if (x[i] == y[i])
			continue;
		print_error("byte %zu of %zu: %#x is not %#x", i, size, x[i], y[i]);
		failed(file, line);
	}
}

/* Whether it passed. The teardown is called even if it did not. */
static int run_one(const struct CMUnitTest *test, void *state)
{
	void *own = test->initial_state ? test->initial_state : state;
	volatile int passed = 0; /* changed between setjmp() and longjmp() */

	if (setjmp(begin) == 0) {
		if (test->setup_func && test->setup_func(&own) != 0)
			failed(test->name, 0);
		test->test_func(&own);
		passed = 1;
	}
	/* `own` is still what it was set to: its address was given away, so it is no register. */
	if (setjmp(begin) != 0 || (test->teardown_func && test->teardown_func(&own) != 0))
		passed = 0;
	return passed;
}

int cmocka_run(const struct CMUnitTest *tests, size_t count, int (*setup)(void **state),
	int (*teardown)(void **state))
{
	void *state = NULL;
	int failures = 0;

	printf("1..%zu\n", count);
	if (setup && setup(&state) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		/* What a child process would write a second time. */
		fflush(stdout);
		int passed = run_one(&tests[i], state);

		printf("%s %zu - %s\n", passed ? "ok" : "not ok", i + 1, tests[i].name);
		failures += !passed;
	}
	if (teardown && teardown(&state) != 0)
		failures = -1;
	return failures;
}
