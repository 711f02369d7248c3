/* SPDX-License-Identifier: MIT */
/*
 * There is one stack of contexts in a process: what is pushed by libxsocket.so, which a program is
 * linked with or loads by itself, is seen by a preloaded library that has the same code in it. This
 * program runs itself, or itself linked with the library (LINKED), for each of the ways in which
 * they can come together.
 *
 * Arguments: itself linked with the library, the preload library, libxsocket.so, and then the way.
 */
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int push_function(const char *);
typedef int pop_function(void);
typedef const char *current_function(void);

static const char *self, *linked, *first, *library;

/* ---- in the program that is run ---- */

static current_function *first_current;

static bool is(const char *name, const char *expected)
{
	return expected ? name && strcmp(name, expected) == 0 : !name;
}

/* Pushes by one, and looks by all. */
static void share(push_function *push, pop_function *pop, current_function *current)
{
	must(is(current(), NULL) && (!first_current || is(first_current(), NULL)));
	must(push("a") == 0 && push("b") == 0);
	must(is(current(), "b") && (!first_current || is(first_current(), "b")));
	must(pop() == 0);
	must(is(current(), "a") && (!first_current || is(first_current(), "a")));
	must(pop() == 0 && pop() == -1);
}

/* By the library itself: it has to pass on what a preloaded one is to do. */
static void share_loaded(void *handle)
{
	share((push_function *)dlsym(handle, "xsocket_push"),
		(pop_function *)dlsym(handle, "xsocket_pop"),
		(current_function *)dlsym(handle, "xsocket_current"));
}

/* Closes the library, and ends with something pushed. */
static void *share_and_close(void *handle)
{
	push_function *push = (push_function *)dlsym(handle, "xsocket_push");

	share_loaded(handle);
	must(push("left behind") == 0);
	must(dlclose(handle) == 0);
	if (first_current)
		must(is(first_current(), "left behind"));
	return NULL;
}

static void load(int flags)
{
	void *handle = dlopen(library, RTLD_NOW | flags);
	pthread_t thread;

	if (!handle)
		must_hold(false, dlerror(), __FILE__, __LINE__);
	share_loaded(handle);
	must(pthread_create(&thread, NULL, share_and_close, handle) == 0);
	must(pthread_join(thread, NULL) == 0);
}

static int run(const char *way)
{
	first_current = (current_function *)dlsym(RTLD_DEFAULT, "first_current");
	must(!first_current == !getenv("LD_PRELOAD"));
	unsetenv("LD_PRELOAD");
	if (strcmp(way, "local") == 0)
		load(RTLD_LOCAL);
	else if (strcmp(way, "global") == 0)
		load(RTLD_GLOBAL);
#ifdef LINKED
	else
		share(xsocket_push, xsocket_pop, xsocket_current);
#endif
	return 0;
}

/* ---- in the test ---- */

static void run_by(const char *program, const char *way, bool preload)
{
	int status;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
		if (preload)
			setenv("LD_PRELOAD", first, 1);
		execl(program, program, linked, first, library, way, (char *)NULL);
		_exit(1);
	}
	must(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

static void one_that_is_linked(void **state)
{
	run_by(linked, "linked", false);
}

static void one_that_is_linked_and_one_preloaded(void **state)
{
	run_by(linked, "linked", true);
}

static void one_that_is_loaded(void **state)
{
	run_by(self, "local", false);
	run_by(self, "global", false);
}

static void one_that_is_loaded_and_one_preloaded(void **state)
{
	run_by(self, "local", true);
	run_by(self, "global", true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_linked),
		cmocka_unit_test(one_that_is_linked_and_one_preloaded),
		cmocka_unit_test(one_that_is_loaded),
		cmocka_unit_test(one_that_is_loaded_and_one_preloaded),
	};

	must(argc >= 4);
	self = argv[0];
	linked = argv[1];
	first = argv[2];
	library = argv[3];
	if (argc > 4)
		return run(argv[4]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
