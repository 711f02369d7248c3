/* SPDX-License-Identifier: MIT */
/*
 * epoll(7) watches open files, not numbers: dup3(2) over a registered descriptor ends the
 * registration in silence, unless a duplicate keeps the file alive; then it goes on for the wrong
 * file. So preload/swap.c takes registrations out before it replaces a socket, and adds them after.
 *
 * EPOLLEXCLUSIVE wakes one of many that wait, where all would wake without (server/worker.c).
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAITERS 4

static int add(int epoll, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* The data of the one event that there is now, or 0. */
static uint64_t ready(int epoll)
{
	struct epoll_event events[2];
	int n = epoll_wait(epoll, events, 2, 0);

	must(n >= 0 && n < 2);
	return n ? events[0].data.u64 : 0;
}

static void replacing_a_file_drops_it(void **state)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), old = eventfd(1, EFD_CLOEXEC);
	int new = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(add(epoll, old, EPOLLIN, 7), 0);
	assert_int_equal(ready(epoll), 7);
	must(dup3(new, old, O_CLOEXEC) == old);
	assert_int_equal(ready(epoll), 0);
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_DEL, old, NULL), -1);
	assert_int_equal(errno, ENOENT);
	/* adding it again works, with the same data */
	assert_int_equal(add(epoll, old, EPOLLIN, 7), 0);
	assert_int_equal(ready(epoll), 7);
	close(old);
	close(new);
	close(epoll);
}

static void a_duplicate_keeps_the_registration_of_the_old_file(void **state)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), old = eventfd(1, EFD_CLOEXEC);
	int duplicate = fcntl(old, F_DUPFD_CLOEXEC, 0), new = eventfd(0, EFD_CLOEXEC);
	struct epoll_event events[4];

	assert_int_equal(add(epoll, old, EPOLLIN, 7), 0);
	must(dup3(new, old, O_CLOEXEC) == old);
	/* the file that has left the number still reports, and cannot be taken out any more */
	assert_int_equal(ready(epoll), 7);
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_DEL, old, NULL), -1);
	assert_int_equal(errno, ENOENT);
	/* both may be there at once */
	assert_int_equal(add(epoll, old, EPOLLIN, 8), 0);
	must(eventfd_write(new, 1) == 0);
	assert_int_equal(epoll_wait(epoll, events, 4, 0), 2);
	close(duplicate);
	assert_int_equal(ready(epoll), 8);
	close(old);
	close(new);
	close(epoll);
}

static void taking_it_out_before_and_adding_it_after_works(void **state)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), old = eventfd(1, EFD_CLOEXEC);
	int duplicate = fcntl(old, F_DUPFD_CLOEXEC, 0), new = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(add(epoll, old, EPOLLIN, 7), 0);
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_DEL, old, NULL), 0);
	must(dup3(new, old, O_CLOEXEC) == old);
	assert_int_equal(ready(epoll), 0);
	assert_int_equal(add(epoll, old, EPOLLIN, 7), 0);
	assert_int_equal(ready(epoll), 7);
	close(duplicate);
	close(old);
	close(new);
	close(epoll);
}

/* ---- who is woken ---- */

static struct waiter {
	pthread_t thread;
	atomic_int tid; /* once it is about to wait */
	int epoll, wake;
} waiters[WAITERS];
static atomic_uint woken; /* by the listener */

static void *wait_for_event(void *data)
{
	struct waiter *waiter = data;
	struct epoll_event event;

	atomic_store(&waiter->tid, gettid());
	must(epoll_wait(waiter->epoll, &event, 1, -1) == 1);
	if (event.data.u64 == 1)
		atomic_fetch_add(&woken, 1);
	return NULL;
}

/* Whether a thread sleeps: it is about to wait, so that is where it does. */
static bool sleeps(const struct waiter *waiter)
{
	int tid = atomic_load(&waiter->tid);
	char path[64], state = '?';
	FILE *file;

	if (tid == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	/* cannot be read if it has ended meanwhile */
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(file);
	return state == 'S';
}

static void begin_to_wait(int listener, uint32_t events)
{
	int64_t deadline = now_ms() + 10000;

	atomic_store(&woken, 0);
	for (unsigned i = 0; i < WAITERS; i++) {
		waiters[i].epoll = epoll_create1(EPOLL_CLOEXEC);
		waiters[i].wake = eventfd(0, EFD_CLOEXEC);
		atomic_store(&waiters[i].tid, 0);
		must(add(waiters[i].epoll, listener, events, 1) == 0);
		must(add(waiters[i].epoll, waiters[i].wake, EPOLLIN, 2) == 0);
		must(pthread_create(&waiters[i].thread, NULL, wait_for_event, &waiters[i]) == 0);
		while (!sleeps(&waiters[i])) {
			must(now_ms() < deadline);
			sched_yield();
		}
	}
}

/* Ends those that still wait, and returns how many a connection had woken. */
static unsigned woken_by_connecting(const struct sockaddr_un *address, socklen_t length)
{
	int client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	/* This wakes all that it is to wake before it returns. */
	must(connect(client, (const struct sockaddr *)address, length) == 0);
	for (unsigned i = 0; i < WAITERS; i++) {
		if (sleeps(&waiters[i]))
			must(eventfd_write(waiters[i].wake, 1) == 0);
	}
	for (unsigned i = 0; i < WAITERS; i++) {
		must(pthread_join(waiters[i].thread, NULL) == 0);
		close(waiters[i].epoll);
		close(waiters[i].wake);
	}
	close(client);
	return atomic_load(&woken);
}

static unsigned woken_with(uint32_t events)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	unsigned n;

	/* any abstract name (unix(7), autobind) */
	must(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	must(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	must(listen(listener, 5) == 0);
	begin_to_wait(listener, events);
	n = woken_by_connecting(&address, length);
	close(listener);
	return n;
}

static void exclusive_wakes_one(void **state)
{
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(woken_with(EPOLLIN | EPOLLEXCLUSIVE), 1);
	assert_int_equal(woken_with(EPOLLIN), WAITERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replacing_a_file_drops_it),
		cmocka_unit_test(a_duplicate_keeps_the_registration_of_the_old_file),
		cmocka_unit_test(taking_it_out_before_and_adding_it_after_works),
		cmocka_unit_test(exclusive_wakes_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
