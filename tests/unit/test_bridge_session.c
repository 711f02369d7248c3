/* SPDX-License-Identifier: MIT */
/* The table of UDP sessions: keys of all kinds of addresses, many of them, and their age. */
#include "tests/unit/unit.h"

#include "bridge/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t secret[2] = {0x0123456789abcdef, 0xfedcba9876543210};

static struct netaddr address_of(const char *host, uint16_t port)
{
	struct netaddr address;

	must(netaddr_parse(host, port, &address) == 0);
	return address;
}

static struct session_key key_of(
	const char *client, uint16_t client_port, const char *local, uint16_t local_port)
{
	struct session_key key = {0};
	struct netaddr address = address_of(client, client_port);

	session_key_client(&key, &address);
	address = address_of(local, local_port);
	session_key_local(&key, &address);
	return key;
}

static const struct {
	const char *client, *local;
	const char *client_text, *local_text;
} keys[] = {
	{"127.0.0.1", "127.0.0.2", "127.0.0.1:1000", "127.0.0.2:53"},
	{"255.255.255.255", "0.0.0.0", "255.255.255.255:1000", "0.0.0.0:53"},
	{"::1", "2001:db8::1", "[::1]:1000", "[2001:db8::1]:53"},
	{"::ffff:1.2.3.4", "::ffff:5.6.7.8", "1.2.3.4:1000", "5.6.7.8:53"},
	{"fe80::1%7", "fe80::2%7", "[fe80::1%7]:1000", "[fe80::2%7]:53"},
	{"fe80::1%7", "2001:db8::1", "[fe80::1%7]:1000", "[2001:db8::1]:53"},
	{"2001:db8::1", "fe80::2%7", "[2001:db8::1]:1000", "[fe80::2%7]:53"},
};

static void test_keys(void **state)
{
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		struct session_key key = key_of(keys[i].client, 1000, keys[i].local, 53);
		struct netaddr client = session_client(&key), local = session_local(&key);
		char text[NETADDR_TEXT_SIZE];

		print_message("# %s to %s\n", keys[i].client, keys[i].local);
		assert_string_equal(netaddr_text(&client, text), keys[i].client_text);
		assert_string_equal(netaddr_text(&local, text), keys[i].local_text);
	}
}

/* Each part counts; IPv4 is the same with and without its IPv6 prefix. */
static void test_equality(void **state)
{
	struct session_key key = key_of("1.2.3.4", 1000, "5.6.7.8", 53);
	const struct session_key others[] = {
		key_of("1.2.3.5", 1000, "5.6.7.8", 53),
		key_of("1.2.3.4", 1001, "5.6.7.8", 53),
		key_of("1.2.3.4", 1000, "5.6.7.9", 53),
		key_of("1.2.3.4", 1000, "5.6.7.8", 54),
		key_of("::1.2.3.4", 1000, "5.6.7.8", 53),
		key_of("fe80::1%1", 1000, "fe80::2%1", 53),
		key_of("fe80::1%2", 1000, "fe80::2%2", 53),
	};
	struct session_key mapped = key_of("::ffff:1.2.3.4", 1000, "::ffff:5.6.7.8", 53);

	assert_true(session_key_equal(&key, &mapped));
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		assert_false(session_key_equal(&key, &others[i]));
		for (size_t j = 0; j < i; j++)
			assert_false(session_key_equal(&others[i], &others[j]));
	}
}

static struct session_key nth(unsigned n)
{
	struct session_key key = key_of("10.0.0.0", 0, "127.0.0.1", 53);

	key.client.s6_addr32[3] = htonl(0x0a000000 + n / 100);
	key.client_port = htons((uint16_t)(n % 100));
	return key;
}

static struct session *session_new(unsigned n)
{
	struct session *session = calloc(1, sizeof(*session));

	must(session != NULL);
	session->key = nth(n);
	return session;
}

/* What was added is found, and nothing else, however many there are. */
static void test_many(void **state)
{
	enum { COUNT = 20000 };
	static struct session *all[COUNT];
	struct sessions sessions;
	struct session_key key = nth(0);

	sessions_init(&sessions, secret);
	assert_null(sessions_find(&sessions, &key));
	for (unsigned i = 0; i < COUNT; i++) {
		all[i] = session_new(i);
		assert_int_equal(sessions_add(&sessions, all[i]), 0);
	}
	assert_int_equal(sessions.count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		key = nth(i);
		assert_ptr_equal(sessions_find(&sessions, &key), all[i]);
	}
	key = nth(COUNT);
	assert_null(sessions_find(&sessions, &key));
	/* every third stays */
	for (unsigned i = 0; i < COUNT; i++) {
		if (i % 3)
			sessions_remove(&sessions, all[i]);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		key = nth(i);
		assert_ptr_equal(sessions_find(&sessions, &key), i % 3 ? NULL : all[i]);
	}
	for (unsigned i = 0; i < COUNT; i += 3)
		sessions_remove(&sessions, all[i]);
	assert_int_equal(sessions.count, 0);
	assert_true(sessions.n_buckets <= 64);
	for (unsigned i = 0; i < COUNT; i++)
		free(all[i]);
	sessions_done(&sessions);
}

/* No bucket gets much more than its share, and another secret fills others. */
static void test_spread(void **state)
{
	enum { COUNT = 4096 };
	const uint64_t other[2] = {secret[0] + 1, secret[1]};
	struct sessions one, two;
	unsigned longest = 0, same = 0;

	sessions_init(&one, secret);
	sessions_init(&two, other);
	for (unsigned i = 0; i < COUNT; i++) {
		struct session *a = session_new(i), *b = session_new(i);

		must(sessions_add(&one, a) == 0 && sessions_add(&two, b) == 0);
		same += a->hash % COUNT == b->hash % COUNT;
	}
	assert_int_equal(one.n_buckets, COUNT);
	for (size_t i = 0; i < one.n_buckets; i++) {
		unsigned length = 0;

		for (struct session *s = one.buckets[i]; s; s = s->chain)
			length++;
		longest = length > longest ? length : longest;
	}
	/* that one bucket of as many as there are keys gets more than 12 is most unlikely */
	assert_true(longest >= 2 && longest <= 12);
	assert_true(same < 20);
	while (one.count > 0 || two.count > 0) {
		struct sessions *table = one.count ? &one : &two;

		for (size_t i = 0; i < table->n_buckets; i++) {
			struct session *session = table->buckets[i];

			if (session) {
				sessions_remove(table, session);
				free(session);
				break;
			}
		}
	}
	sessions_done(&one);
	sessions_done(&two);
}

static void order_is(const struct session_list *list, struct session **expected, unsigned n)
{
	struct session *session = list->oldest, *before = NULL;

	for (unsigned i = 0; i < n; i++) {
		assert_ptr_equal(session, expected[i]);
		assert_ptr_equal(session->older, before);
		before = session;
		session = session->newer;
	}
	assert_null(session);
	assert_ptr_equal(list->newest, before);
}

static void test_age(void **state)
{
	struct session a = {0}, b = {0}, c = {0};
	struct session_list list = {0};

	order_is(&list, NULL, 0);
	session_list_append(&list, &a);
	order_is(&list, (struct session *[]){&a}, 1);
	session_list_append(&list, &b);
	session_list_append(&list, &c);
	order_is(&list, (struct session *[]){&a, &b, &c}, 3);
	session_list_remove(&list, &b);
	order_is(&list, (struct session *[]){&a, &c}, 2);
	session_list_append(&list, &b);
	session_list_remove(&list, &a);
	order_is(&list, (struct session *[]){&c, &b}, 2);
	session_list_remove(&list, &b);
	session_list_remove(&list, &c);
	order_is(&list, NULL, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
