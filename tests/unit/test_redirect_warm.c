/* SPDX-License-Identifier: MIT */
/*
 * Connections that threads keep: one for each of the last few brokers, out of the way, and no more
 * when the thread has ended. Nobody gets somebody else's answer: not a child, nor who finds the
 * connection closed, or its number taken by something else.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/test_redirect_kept.h"
#include "tests/unit/unit.h"

#include "xredirect/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BROKERS	     6
#define BROKERS_KEPT 4
#define KEPT_MAX     64 /* in a process */
#define THREADS	     80

static struct fake_broker brokers[BROKERS];
static unsigned fds_before;

static int setup(void **state)
{
	static const struct fake_action *const serve[] = {fake_serve, NULL};

	for (unsigned i = 0; i < BROKERS; i++)
		fake_broker_start(&brokers[i], serve);
	fds_before = fds_count();
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(fds_count(), fds_before);
	for (unsigned i = 0; i < BROKERS; i++)
		fake_broker_end(&brokers[i], fds_count());
	return 0;
}

static unsigned connections(unsigned broker)
{
	return atomic_load(&brokers[broker].counts->connections);
}

/* What is asked for. Returns its number. */
static int is_served_somewhere(unsigned broker, int type)
{
	int fd = warm_socket(brokers[broker].server, AF_INET, type | SOCK_CLOEXEC, 0);

	must(fd >= 0 && fd_is_cloexec(fd));
	must(fd_is_socket(fd, type, type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP));
	close(fd);
	return fd;
}

/* At the lowest number that is free. */
static void is_served(unsigned broker, int type)
{
	int lowest = fds_lowest();

	must(is_served_somewhere(broker, type) == lowest);
}

static void *use_often(void *data)
{
	for (unsigned i = 0; i < 20; i++)
		is_served(0, i % 2 ? SOCK_STREAM : SOCK_DGRAM);
	must(fds_count() == fds_before + 1);
	must(kept_connections() == 1 && kept_lowest() >= WARM_LOWEST);
	return data;
}

static void a_connection_is_kept(void **state)
{
	in_thread(use_often, NULL);
	assert_int_equal(connections(0), 1);
	in_thread(use_often, NULL);
	assert_int_equal(connections(0), 2);
}

static void *use_all(void *data)
{
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < BROKERS_KEPT; i++)
			is_served(i, SOCK_STREAM);
	}
	for (unsigned i = 0; i < BROKERS_KEPT; i++)
		must(connections(i) == 1);
	for (unsigned i = 0; i < BROKERS; i++)
		is_served(i, SOCK_DGRAM);
	must(kept_connections() == BROKERS_KEPT);
	return data;
}

static void one_for_each_of_the_last_brokers(void **state)
{
	in_thread(use_all, NULL);
}

/* ---- ends of threads ---- */

/* ThreadSanitizer takes a thread for ended before its last destructors. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#ifndef __SANITIZE_THREAD__
static pthread_key_t last_words;

/* As long as there is a key that has a value, destructors are called again; but not for ever. */
static void say_last_words(void *data)
{
	is_served(0, SOCK_STREAM);
	must(pthread_setspecific(last_words, data) == 0);
}

static void *have_last_words(void *data)
{
	must(pthread_setspecific(last_words, &last_words) == 0);
	is_served(0, SOCK_DGRAM);
	return data;
}

static void *in_a_child(void *data)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0);
	if (pid == 0) {
		is_served(0, SOCK_STREAM);
		_exit(fds_count() != fds_before + 1);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
	return data;
}

static void what_ends_late_leaves_nothing(void **state)
{
	must(pthread_key_create(&last_words, say_last_words) == 0);
	for (unsigned i = 0; i < 20; i++)
		in_thread(have_last_words, NULL);
	must(pthread_key_delete(last_words) == 0);
	assert_int_equal(fds_count(), fds_before);
	/* nor anything that a child would look for */
	in_thread(in_a_child, NULL);
}
#endif

static pthread_barrier_t all_have, all_may_end;

static void *have_and_wait(void *data)
{
	is_served_somewhere((unsigned)(uintptr_t)data % BROKERS, SOCK_STREAM);
	pthread_barrier_wait(&all_have);
	pthread_barrier_wait(&all_may_end);
	is_served_somewhere((unsigned)(uintptr_t)data % BROKERS, SOCK_DGRAM);
	return NULL;
}

static void more_threads_than_may_keep_one(void **state)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&all_have, NULL, THREADS + 1);
	pthread_barrier_init(&all_may_end, NULL, THREADS + 1);
	for (uintptr_t i = 0; i < THREADS; i++)
		must(pthread_create(&threads[i], NULL, have_and_wait, (void *)i) == 0);
	pthread_barrier_wait(&all_have);
	assert_int_equal(kept_connections(), KEPT_MAX);
	assert_int_equal(fds_count(), fds_before + KEPT_MAX);
	pthread_barrier_wait(&all_may_end);
	for (unsigned i = 0; i < THREADS; i++)
		must(pthread_join(threads[i], NULL) == 0);
	pthread_barrier_destroy(&all_have);
	pthread_barrier_destroy(&all_may_end);
	assert_int_equal(fds_count(), fds_before);
	/* The places are free again. */
	in_thread(use_often, NULL);
}

/* ---- children ---- */

static void *parent(void *data)
{
	pid_t pid;
	int status;

	is_served(0, SOCK_STREAM);
	is_served(1, SOCK_STREAM);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		must(kept_connections() == 0 && fds_count() == fds_before);
		is_served(0, SOCK_DGRAM);
		must(kept_connections() == 1);
		_exit(0);
	}
	for (unsigned i = 0; i < 100; i++)
		is_served(0, SOCK_STREAM);
	must(waitpid(pid, &status, 0) == pid && status == 0);
	must(connections(0) == 2 && connections(1) == 1);
	return data;
}

static void a_child_has_its_own(void **state)
{
	in_thread(parent, NULL);
}

/* It runs in the memory of its parent, with descriptors of its own. */
static void *vfork_parent(void *data)
{
	is_served(0, SOCK_STREAM);
	for (unsigned i = 0; i < 10; i++) {
		int status;
		pid_t pid = vfork();

		if (pid == 0) {
			is_served(0, SOCK_DGRAM);
			_exit(0);
		}
		must(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		is_served(0, SOCK_STREAM);
		must(fds_count() == fds_before + 1);
	}
	/* its own for each child, the parent's is the parent's still */
	must(connections(0) == 11);
	return data;
}

static void a_child_of_vfork_leaves_the_connection_alone(void **state)
{
	in_thread(vfork_parent, NULL);
}

/* ---- descriptors that are not as they were ---- */

static void *be_closed(void *data)
{
	int pair[2], number;
	char byte;

	is_served(0, SOCK_STREAM);
	must(close_range(WARM_LOWEST, ~0u, 0) == 0);
	is_served(0, SOCK_STREAM);
	number = kept_lowest();
	/* somebody else's now */
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	must(dup2(pair[0], number) == number);
	is_served(0, SOCK_DGRAM);
	must(recv(pair[1], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	must(send(pair[1], "x", 1, 0) == 1 && recv(number, &byte, 1, MSG_DONTWAIT) == 1);
	close(number);
	fds_close(pair, 2);
	is_served(0, SOCK_DGRAM);
	must(connections(0) == 3);
	return data;
}

static void what_the_program_closed_is_opened_again(void **state)
{
	in_thread(be_closed, NULL);
}

/* As with "ulimit -n 100": numbers from 512 on are out of reach. */
static void *have_few(void *data)
{
	struct rlimit before, few;

	must(getrlimit(RLIMIT_NOFILE, &before) == 0);
	few = before;
	few.rlim_cur = 100;
	must(setrlimit(RLIMIT_NOFILE, &few) == 0);
	is_served(0, SOCK_STREAM);
	must(kept_lowest() >= 50);
	is_served(1, SOCK_STREAM);
	must(kept_connections() == 2);
	must(setrlimit(RLIMIT_NOFILE, &before) == 0);
	return data;
}

static void it_is_out_of_the_way_where_there_are_few(void **state)
{
	in_thread(have_few, NULL);
}

static void *move_about(void *data)
{
	char server[] = "./broker";
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (unsigned i = 0; i < 6; i++) {
		char path[128];
		int fd;

		temp_path(data, i % 2 ? "a" : "b", path);
		must(chdir(path) == 0);
		fd = warm_socket(server, AF_INET, SOCK_STREAM, 0);
		must(fd >= 0 && close(fd) == 0);
	}
	must(fchdir(home) == 0 && close(home) == 0);
	return data;
}

static void a_relative_path_is_resolved_each_time(void **state)
{
	static const struct fake_action *const serve[] = {fake_serve, NULL};
	struct fake_broker both[2];
	struct temp temp;
	char path[128];

	temp_make(&temp);
	for (unsigned i = 0; i < 2; i++) {
		temp_path(&temp, i ? "a" : "b", path);
		must(mkdir(path, 0700) == 0);
		snprintf(both[i].server, sizeof(both[i].server), "%.50s/broker", path);
		fake_broker_restart(&both[i], serve);
	}
	in_thread(move_about, &temp);
	assert_int_equal(atomic_load(&both[0].counts->requests), 3);
	assert_int_equal(atomic_load(&both[1].counts->requests), 3);
	fake_broker_stop(&both[0]);
	fake_broker_stop(&both[1]);
	temp_remove(&temp);
}

static void errors_are_the_brokers(void **state)
{
	assert_int_equal(warm_socket("/nowhere/at/all", AF_INET, SOCK_STREAM, 0), -ENOENT);
	assert_int_equal(warm_socket("..", AF_INET, SOCK_STREAM, 0), -EINVAL);
	assert_int_equal(warm_file("/nowhere/at/all", 1), -ENOENT);
	assert_int_equal(warm_file(brokers[0].server, 99), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_is_kept),
		TEST(one_for_each_of_the_last_brokers),
#ifndef __SANITIZE_THREAD__
		TEST(what_ends_late_leaves_nothing),
#endif
		TEST(more_threads_than_may_keep_one),
		TEST(a_child_has_its_own),
		TEST(a_child_of_vfork_leaves_the_connection_alone),
		TEST(what_the_program_closed_is_opened_again),
		TEST(it_is_out_of_the_way_where_there_are_few),
		TEST(a_relative_path_is_resolved_each_time),
		TEST(errors_are_the_brokers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
