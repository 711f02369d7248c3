/* SPDX-License-Identifier: MIT */
/*
 * Contexts give their memory back, and do without where there is none. A handler that uses them may
 * interrupt a push or a pop at every single instruction.
 */
#include "tests/unit/steps.h"
#include "tests/unit/test_context.h"

#include "lib/context.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* In pages, of this process. */
static unsigned long memory(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size = 0;

	must(file && fscanf(file, "%lu", &size) == 1 && fclose(file) == 0);
	return size;
}

static void *push_much(void *data)
{
	struct context copy;

	for (unsigned i = 0; i < DEPTH; i++)
		push_number(i);
	must(context_copy(&copy) == 0);
	context_drop(&copy);
	return data;
}

static void *adopt_much(void *data)
{
	context_adopt(data);
	return push_much(NULL);
}

static void threads_give_their_memory_back(void **state)
{
	unsigned long before = 0;

	push("vpn");
	for (unsigned i = 0; i < 300; i++) {
		struct context copy;
		pthread_t thread;

		/* the stacks of threads, and what sanitizers keep, are there after a while */
		if (i == 100)
			before = memory();
		must(context_copy(&copy) == 0);
		must(pthread_create(&thread, NULL, adopt_much, &copy) == 0);
		must(pthread_join(thread, NULL) == 0);
	}
	/* Each of the 200 would have left 6 pages at least. */
	assert_true(memory() <= before + 200);
}

static void going_up_and_down_takes_no_more(void **state)
{
	unsigned long before;

	push_much(NULL);
	before = memory();
	for (unsigned round = 0; round < 100; round++) {
		teardown(NULL);
		push_much(NULL);
	}
	assert_true(memory() <= before + 100);
}

static void *without_memory(void *data)
{
	struct rlimit limit, none;
	int r, error;

	must(getrlimit(RLIMIT_AS, &limit) == 0);
	none = limit;
	none.rlim_cur = 0;
	must(setrlimit(RLIMIT_AS, &none) == 0);
	r = xsocket_push("vpn");
	error = errno;
	must(setrlimit(RLIMIT_AS, &limit) == 0);
	must(r == -1 && error == ENOMEM);
	must(!xsocket_current());
	push("vpn");
	return data;
}

static void without_memory_nothing_changes(void **state)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, without_memory, NULL) == 0);
	must(pthread_join(thread, NULL) == 0);
}

static volatile sig_atomic_t interrupted, wrong;

/* Whatever it interrupts: what is there is whole, and stays. */
static void use_contexts(int number)
{
	const char *current = xsocket_current();
	char before[16] = "";

	if (current)
		strncat(before, current, sizeof(before) - 1);
	if (current && strncmp(current, "number-", 7) != 0)
		wrong = 1;
	for (unsigned i = 0; i < 2; i++) {
		if (xsocket_push("of the handler") < 0 || !is_current("of the handler"))
			wrong = 2;
	}
	if (xsocket_pop() < 0 || xsocket_pop() < 0)
		wrong = 3;
	if (!is_current(current ? before : NULL) || xsocket_current() != current)
		wrong = 4;
	interrupted++;
}

static void go_up_and_down(unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		push_number(i);
	for (unsigned i = depth; i-- > 0;) {
		must(is_number(i));
		pop();
	}
	must(!xsocket_current());
}

static void handlers_may_come_at_any_time(void **state)
{
	struct sigaction action = {.sa_handler = use_contexts, .sa_flags = SA_RESTART};

	interrupted = wrong = 0;
	storm_begin();
	must(sigaction(SIGALRM, &action, NULL) == 0);
	while (interrupted < 200)
		go_up_and_down(DEPTH);
	storm_end();
	assert_int_equal(wrong, 0);
}

#ifdef HAVE_STEPS
static void *step_by_step(void *data)
{
	/* In a thread of its own, so that the first page comes within. */
	char servers[40][16];

	for (unsigned i = 0; i < ELEMENTS(servers); i++)
		snprintf(servers[i], sizeof(servers[i]), "number-%u", i);
	steps_begin();
	for (unsigned i = 0; i < ELEMENTS(servers); i++)
		xsocket_push(servers[i]);
	for (unsigned i = 0; i < 10; i++)
		xsocket_pop();
	steps_end();
	for (unsigned i = 30; i-- > 0;) {
		must(is_number(i));
		pop();
	}
	must(!xsocket_current());
	return data;
}

static void handlers_may_come_after_each_instruction(void **state)
{
	struct sigaction action = {.sa_handler = use_contexts}, before;
	pthread_t thread;

	interrupted = wrong = 0;
	must(sigaction(SIGTRAP, &action, &before) == 0);
	must(pthread_create(&thread, NULL, step_by_step, NULL) == 0);
	must(pthread_join(thread, NULL) == 0);
	must(sigaction(SIGTRAP, &before, NULL) == 0);
	assert_int_equal(wrong, 0);
	assert_true(interrupted > 50 * 20);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threads_give_their_memory_back),
		TEST(going_up_and_down_takes_no_more),
		TEST(without_memory_nothing_changes),
		TEST(handlers_may_come_at_any_time),
#ifdef HAVE_STEPS
		TEST(handlers_may_come_after_each_instruction),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
