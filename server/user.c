/* SPDX-License-Identifier: MIT */
#include "server/user.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 64

struct user_table {
	pthread_mutex_t lock;
	unsigned connections;
	struct user *buckets[BUCKETS];
};

struct user_table *user_table_new(void)
{
	struct user_table *table = calloc(1, sizeof(*table));

	if (table)
		pthread_mutex_init(&table->lock, NULL);
	return table;
}

void user_table_free(struct user_table *table)
{
	if (!table)
		return;
	pthread_mutex_destroy(&table->lock);
	free(table);
}

static int connect_locked(struct user_table *table, uid_t uid, unsigned max_all, unsigned max_each,
	struct user **ret)
{
	struct user **bucket = &table->buckets[uid % BUCKETS];
	struct user *user = *bucket;

	if (table->connections >= max_all)
		return -EBUSY;
	while (user && user->uid != uid)
		user = user->next;
	if (user && user->connections >= max_each)
		return -EUSERS;
	if (!user) {
		user = calloc(1, sizeof(*user));
		if (!user)
			return -ENOMEM;
		user->uid = uid;
		user->next = *bucket;
		*bucket = user;
	}
	user->connections++;
	table->connections++;
	*ret = user;
	return 0;
}

int user_connect(struct user_table *table, uid_t uid, unsigned max_all, unsigned max_each,
	struct user **ret)
{
	int r;

	pthread_mutex_lock(&table->lock);
	r = connect_locked(table, uid, max_all, max_each, ret);
	pthread_mutex_unlock(&table->lock);
	return r;
}

void user_disconnect(struct user_table *table, struct user *user)
{
	pthread_mutex_lock(&table->lock);
	table->connections--;
	if (--user->connections == 0) {
		struct user **link = &table->buckets[user->uid % BUCKETS];

		while (*link != user)
			link = &(*link)->next;
		*link = user->next;
		free(user);
	}
	pthread_mutex_unlock(&table->lock);
}

unsigned user_connections(struct user_table *table)
{
	unsigned n;

	pthread_mutex_lock(&table->lock);
	n = table->connections;
	pthread_mutex_unlock(&table->lock);
	return n;
}

unsigned user_reserve(struct user *user, unsigned wanted, unsigned max)
{
	unsigned before = atomic_load(&user->descriptors), count;

	do {
		count = before >= max ? 0 : wanted < max - before ? wanted : max - before;
	} while (!atomic_compare_exchange_weak(&user->descriptors, &before, before + count));
	return count;
}

void user_release(struct user *user, unsigned descriptors)
{
	if (descriptors > 0)
		atomic_fetch_sub(&user->descriptors, descriptors);
}
