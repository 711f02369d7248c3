/* SPDX-License-Identifier: MIT */
/*
 * Threads that use the journal at once, on one socket or on many: it stays whole, and what is lost
 * for want of room is told.
 */
#include "tests/unit/unit.h"

#include "preload/journal.h"

#include <netinet/in.h>
#include <pthread.h>

#define SHARERS 4
#define SHARES	2000

static pthread_barrier_t together;

/* Joins a group of its own on a socket that all threads have. Counts the incomplete sockets. */
static void *sharer(void *argument)
{
	struct ip_mreqn group = {.imr_ifindex = (int)(uintptr_t)argument};
	size_t all = SHARERS * (sizeof(struct journal_option) + 16);
	long silent = 0;

	for (uint64_t cookie = 70000000; cookie < 70000000 + SHARES; cookie++) {
		struct journal journal;

		pthread_barrier_wait(&together);
		journal_record(cookie, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
		pthread_barrier_wait(&together);
		journal_read(cookie, &journal);
		silent += !journal.lost && journal.used != all;
	}
	return (void *)silent;
}

/* Threads that are the first to set options of one socket, together. */
static void test_a_socket_of_many_threads(void **state)
{
	pthread_t threads[SHARERS];

	pthread_barrier_init(&together, NULL, SHARERS);
	for (uintptr_t i = 0; i < SHARERS; i++)
		pthread_create(&threads[i], NULL, sharer, (void *)i);
	for (int i = 0; i < SHARERS; i++) {
		void *silent;

		pthread_join(threads[i], &silent);
		assert_null(silent);
	}
	pthread_barrier_destroy(&together);
}

/* ThreadSanitizer takes fifty times as long, and sees a race before it has happened. */
#ifdef __SANITIZE_THREAD__
#define RECORDS 2000
#else
#define RECORDS 20000
#endif

/* A value is padded to 8 bytes. */
#define ENTRY (sizeof(struct journal_option) + 8)

static void *recorder(void *argument)
{
	uint64_t cookie = 1000000 + (uint64_t)(uintptr_t)argument * 100000;
	long wrong = 0;

	for (int i = 0; i < RECORDS; i++) {
		struct journal journal;
		int shared = i;

		journal_record(cookie + (uint64_t)i, 1, 2, &i, sizeof(i));
		journal_record(cookie + (uint64_t)i, 1, 3, &i, sizeof(i));
		/* One that all threads set options of. */
		journal_record(999999, IPPROTO_UDP, i % 50, &shared, sizeof(shared));
		if (journal_read(cookie + (uint64_t)i, &journal) == JOURNAL_READ &&
			journal.used > 2 * ENTRY)
			wrong++;
		if (journal_read(999999, &journal) == JOURNAL_READ && journal.used % ENTRY != 0)
			wrong++;
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	pthread_t threads[8];
	void *wrong;

	for (uintptr_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, recorder, (void *)i);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

#define JOINERS 4
#define ROUNDS	400
#define JOINS	60 /* of each in a round; all together there are no more than are kept */

/* How many sockets of its own a thread finds without their membership, told so and not. */
struct joiner {
	pthread_t thread;
	uint64_t cookie;
	int told, silent;
};

static void *joiner(void *argument)
{
	struct joiner *joiner = argument;
	struct ip_mreqn group = {.imr_multiaddr.s_addr = 1};

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t first = joiner->cookie;

		for (; joiner->cookie < first + JOINS; joiner->cookie++)
			journal_record(joiner->cookie, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group,
				sizeof(group));
		for (uint64_t cookie = first; cookie < first + JOINS; cookie++) {
			struct journal journal;

			journal_read(cookie, &journal);
			if (journal.used == sizeof(struct journal_option) + 16)
				continue;
			joiner->told += journal.lossy;
			joiner->silent += !journal.lossy;
		}
		pthread_barrier_wait(&together);
	}
	return NULL;
}

/* Several threads set options on new sockets at once, each on its own. */
static void test_each_thread_its_own(void **state)
{
	struct joiner joiners[JOINERS];
	int told = 0;

	pthread_barrier_init(&together, NULL, JOINERS);
	for (uint64_t i = 0; i < JOINERS; i++) {
		joiners[i] = (struct joiner){.cookie = 50000000 + i * ROUNDS * JOINS};
		pthread_create(&joiners[i].thread, NULL, joiner, &joiners[i]);
	}
	for (int i = 0; i < JOINERS; i++) {
		pthread_join(joiners[i].thread, NULL);
		assert_int_equal(joiners[i].silent, 0);
		told += joiners[i].told;
	}
	pthread_barrier_destroy(&together);
	assert_in_range(told, 0, JOINERS * ROUNDS * JOINS / 1000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_socket_of_many_threads),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_each_thread_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
