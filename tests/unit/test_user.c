/* SPDX-License-Identifier: MIT */
/*
 * Connections are counted per user and in all, exactly, also by many threads at once; a refusal
 * counts nothing; a user who left is forgotten. So are the descriptors that each has in flight.
 */
#include "tests/unit/unit.h"

#include "server/user.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define THREADS 8
#define ROUNDS	2000
#define SHARE	7 /* descriptors of one user */

static int setup(void **state)
{
	*state = user_table_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	assert_int_equal(user_connections(*state), 0);
	user_table_free(*state);
	return 0;
}

static void one_user_has_one_entry(void **state)
{
	struct user *first, *second, *other;

	assert_int_equal(user_connect(*state, 1000, 10, 10, &first), 0);
	assert_int_equal(user_connect(*state, 1000, 10, 10, &second), 0);
	assert_ptr_equal(first, second);
	assert_int_equal(first->uid, 1000);
	/* in the same bucket */
	assert_int_equal(user_connect(*state, 1064, 10, 10, &other), 0);
	assert_ptr_not_equal(first, other);
	assert_int_equal(other->uid, 1064);
	assert_int_equal(user_connections(*state), 3);
	user_disconnect(*state, first);
	user_disconnect(*state, first);
	user_disconnect(*state, other);
}

static void each_user_has_a_limit(void **state)
{
	struct user *user, *other, *untouched = NULL;

	assert_int_equal(user_connect(*state, 1, 10, 2, &user), 0);
	assert_int_equal(user_connect(*state, 1, 10, 2, &user), 0);
	assert_int_equal(user_connect(*state, 1, 10, 2, &untouched), -EUSERS);
	assert_null(untouched);
	assert_int_equal(user_connections(*state), 2);
	assert_int_equal(user_connect(*state, 2, 10, 2, &other), 0);
	user_disconnect(*state, user);
	assert_int_equal(user_connect(*state, 1, 10, 2, &user), 0);
	/* a limit that was lowered takes nothing away */
	assert_int_equal(user_connect(*state, 1, 10, 1, &untouched), -EUSERS);
	user_disconnect(*state, user);
	user_disconnect(*state, user);
	user_disconnect(*state, other);
}

static void all_users_have_a_limit(void **state)
{
	struct user *users[3], *untouched = NULL;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(user_connect(*state, i, 3, 10, &users[i]), 0);
	assert_int_equal(user_connect(*state, 9, 3, 10, &untouched), -EBUSY);
	/* what all have used up is nobody's own fault */
	assert_int_equal(user_connect(*state, 0, 3, 1, &untouched), -EBUSY);
	assert_null(untouched);
	for (unsigned i = 0; i < 3; i++)
		user_disconnect(*state, users[i]);
}

static void descriptors_are_reserved_up_to_the_share(void **state)
{
	struct user *user;

	assert_int_equal(user_connect(*state, 7, 10, 10, &user), 0);
	assert_int_equal(user_reserve(user, 60, 100), 60);
	assert_int_equal(user_reserve(user, 0, 100), 0);
	/* what is left is better than nothing */
	assert_int_equal(user_reserve(user, 41, 100), 40);
	assert_int_equal(user_reserve(user, 1, 100), 0);
	/* a share that was lowered takes nothing away */
	assert_int_equal(user_reserve(user, 1, 50), 0);
	user_release(user, 30);
	assert_int_equal(atomic_load(&user->descriptors), 70);
	assert_int_equal(user_reserve(user, UINT32_MAX, 100), 30);
	user_release(user, 100);
	assert_int_equal(user_reserve(user, 1, UINT32_MAX), 1);
	assert_int_equal(user_reserve(user, UINT32_MAX, UINT32_MAX), UINT32_MAX - 1);
	user_release(user, UINT32_MAX);
	assert_int_equal(atomic_load(&user->descriptors), 0);
	user_disconnect(*state, user);
}

static void who_comes_back_begins_anew(void **state)
{
	struct user *user;

	assert_int_equal(user_connect(*state, 7, 10, 10, &user), 0);
	assert_int_equal(user_reserve(user, 5, 5), 5);
	user_disconnect(*state, user);
	assert_int_equal(user_connect(*state, 7, 10, 10, &user), 0);
	assert_int_equal(atomic_load(&user->descriptors), 0);
	assert_int_equal(user->connections, 1);
	user_disconnect(*state, user);
}

static void users_of_one_bucket_leave_in_any_order(void **state)
{
	static const unsigned orders[][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct user *users[3], *again;

	for (size_t i = 0; i < ELEMENTS(orders); i++) {
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(user_connect(*state, 64 * k, 10, 10, &users[k]), 0);
		for (unsigned k = 0; k < 3; k++) {
			user_disconnect(*state, users[orders[i][k]]);
			for (unsigned m = k + 1; m < 3; m++) {
				struct user *left = users[orders[i][m]];

				assert_int_equal(
					user_connect(*state, left->uid, 10, 10, &again), 0);
				assert_ptr_equal(again, left);
				user_disconnect(*state, again);
			}
		}
	}
}

static atomic_uint held[5]; /* descriptors, by user */

static void *come_and_go(void *table)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct user *user;

		unsigned count;

		must(user_connect(table, i % 5, THREADS, THREADS, &user) == 0);
		must(user_connections(table) <= THREADS);
		/* what threads hold at once is never more than there may be */
		count = user_reserve(user, 3, SHARE);
		must(count <= 3);
		must(atomic_fetch_add(&held[i % 5], count) + count <= SHARE);
		atomic_fetch_sub(&held[i % 5], count);
		user_release(user, count);
		user_disconnect(table, user);
	}
	return NULL;
}

static void threads_count_right(void **state)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, *state), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void no_table_can_be_freed(void **state)
{
	user_table_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_user_has_one_entry),
		TEST(each_user_has_a_limit),
		TEST(all_users_have_a_limit),
		TEST(descriptors_are_reserved_up_to_the_share),
		TEST(who_comes_back_begins_anew),
		TEST(users_of_one_bucket_leave_in_any_order),
		TEST(threads_count_right),
		cmocka_unit_test(no_table_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
