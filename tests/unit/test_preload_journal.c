/* SPDX-License-Identifier: MIT */
/*
 * The journal gives back what was set, in order, each option once except those that add up; says
 * when something is missing; and stays whole whoever uses it at once. And the parser of an epoll
 * set's fdinfo, fed by bytes.
 */
#include "tests/unit/unit.h"

#include "preload/descriptors.h"
#include "preload/journal.h"

#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Each test has cookies of its own: the journal is one for the process. */
static uint64_t cookie_next = 1000;

static void record_int(uint64_t cookie, int level, int name, int value)
{
	journal_record(cookie, level, name, &value, sizeof(value));
}

/* "level:name=value" of each option, in order; of long values the length. */
static const char *text_of(uint64_t cookie)
{
	static char text[4096];
	uint8_t value[JOURNAL_ARENA] __attribute__((aligned(8)));
	struct journal_option option;
	struct journal journal;
	size_t position = 0;

	text[0] = '\0';
	if (!journal_read(cookie, &journal))
		return "nothing";
	while (journal_next(&journal, &position, &option, value)) {
		char *end = text + strlen(text);

		if (option.kind == JOURNAL_UNCARRIED)
			sprintf(end, "%d:%d! ", option.level, option.name);
		else if (option.length == sizeof(int))
			sprintf(end, "%d:%d=%d ", option.level, option.name, *(int *)(void *)value);
		else
			sprintf(end, "%d:%d#%u ", option.level, option.name, option.length);
	}
	if (journal.lossy)
		strcat(text, "lossy");
	return text;
}

static void test_order(void **state)
{
	uint64_t cookie = cookie_next++, other = cookie_next++;

	assert_string_equal(text_of(cookie), "nothing");
	record_int(cookie, 1, 2, 1);
	record_int(cookie, 6, 1, 5);
	record_int(other, 1, 2, 7);
	record_int(cookie, 1, 9, 3);
	assert_string_equal(text_of(cookie), "1:2=1 6:1=5 1:9=3 ");
	assert_string_equal(text_of(other), "1:2=7 ");
	/* The last one counts, at its own place. */
	record_int(cookie, 1, 2, 0);
	record_int(cookie, 1, 2, 4);
	assert_string_equal(text_of(cookie), "6:1=5 1:9=3 1:2=4 ");
	/* The same number on another level is another option. */
	record_int(cookie, 6, 9, 8);
	assert_string_equal(text_of(cookie), "6:1=5 1:9=3 1:2=4 6:9=8 ");
	journal_record(cookie, 6, 9, NULL, 0);
	assert_string_equal(text_of(cookie), "6:1=5 1:9=3 1:2=4 6:9#0 ");
	record_int(0, 1, 2, 3);
	assert_string_equal(text_of(0), "nothing");
}

static void test_additive(void **state)
{
	struct ip_mreqn a = {.imr_multiaddr.s_addr = 1}, b = {.imr_multiaddr.s_addr = 2};
	struct ipv6_mreq six = {.ipv6mr_interface = 1};
	uint64_t cookie = cookie_next++;

	journal_record(cookie, IPPROTO_IP, IP_ADD_MEMBERSHIP, &a, sizeof(a));
	journal_record(cookie, IPPROTO_IP, IP_ADD_MEMBERSHIP, &b, sizeof(b));
	journal_record(cookie, IPPROTO_IPV6, IPV6_JOIN_GROUP, &six, sizeof(six));
	assert_string_equal(text_of(cookie), "0:35#12 0:35#12 41:20#20 ");
	/* What is taken back was never there. */
	journal_record(cookie, IPPROTO_IP, IP_DROP_MEMBERSHIP, &a, sizeof(a));
	assert_string_equal(text_of(cookie), "0:35#12 41:20#20 ");
	for (int i = 0; i < 1000; i++) {
		journal_record(cookie, IPPROTO_IP, IP_ADD_MEMBERSHIP, &a, sizeof(a));
		journal_record(cookie, IPPROTO_IP, IP_DROP_MEMBERSHIP, &a, sizeof(a));
	}
	assert_string_equal(text_of(cookie), "0:35#12 41:20#20 ");
	/* One that was joined before we looked, or in another form. */
	journal_record(cookie, IPPROTO_IP, IP_DROP_MEMBERSHIP, &a, 8);
	assert_string_equal(text_of(cookie), "0:35#12 41:20#20 0:36#8 ");
}

static void test_programs(void **state)
{
	struct sock_filter instructions[JOURNAL_ARENA / sizeof(struct sock_filter) + 1] = {
		BPF_STMT(BPF_RET | BPF_K, 42),
	};
	struct sock_fprog program = {.len = 3, .filter = instructions};
	uint8_t value[JOURNAL_ARENA] __attribute__((aligned(8)));
	struct journal_option option;
	struct journal journal;
	uint64_t cookie = cookie_next++;
	size_t position = 0;

	journal_record(cookie, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	assert_true(journal_read(cookie, &journal));
	assert_true(journal_next(&journal, &position, &option, value));
	assert_int_equal(option.kind, JOURNAL_PROGRAM);
	assert_int_equal(option.length, 3 * sizeof(struct sock_filter));
	assert_memory_equal(value, instructions, option.length);
	/* There is one filter, however it was attached. */
	record_int(cookie, SOL_SOCKET, SO_ATTACH_BPF, 5);
	assert_string_equal(text_of(cookie), "1:50! ");
	record_int(cookie, SOL_SOCKET, SO_DETACH_FILTER, 0);
	assert_string_equal(text_of(cookie), "1:27=0 ");
	record_int(cookie, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, 5);
	assert_string_equal(text_of(cookie), "1:27=0 1:52! ");
	program.len = ELEMENTS(instructions);
	journal_record(cookie, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	assert_string_equal(text_of(cookie), "1:52! 1:26! ");
}

static void test_too_much(void **state)
{
	static const uint8_t value[JOURNAL_VALUE_MAX + 1] = {0};
	uint64_t cookie = cookie_next++;

	journal_record(cookie, 1, 1, value, JOURNAL_VALUE_MAX);
	journal_record(cookie, 1, 2, value, JOURNAL_VALUE_MAX + 1);
	journal_record(cookie, 1, 3, value, JOURNAL_VALUE_MAX);
	journal_record(cookie, 1, 4, value, JOURNAL_VALUE_MAX);
	assert_string_equal(text_of(cookie), "1:1#320 1:2! 1:3#320 1:4#320 ");
	journal_record(cookie, 1, 5, value, JOURNAL_VALUE_MAX);
	assert_string_equal(text_of(cookie), "1:1#320 1:2! 1:3#320 1:4#320 lossy");
	/* What fits still is recorded, and another socket has nothing to do with it. */
	record_int(cookie, 1, 1, 9);
	assert_string_equal(text_of(cookie), "1:2! 1:3#320 1:4#320 1:1=9 lossy");
}

static void test_the_oldest_goes(void **state)
{
	uint64_t first = cookie_next, kept = cookie_next++;

	record_int(kept, 1, 2, 3);
	for (int i = 0; i < 10000; i++) {
		record_int(cookie_next++, 1, 2, i);
		if (i % 100 == 0)
			record_int(kept, 1, 2, 3);
	}
	assert_string_equal(text_of(kept), "1:2=3 ");
	assert_string_equal(text_of(first + 1), "nothing");
	assert_string_equal(text_of(cookie_next - 1), "1:2=9999 ");
}

#define ENTRY (sizeof(struct journal_option) + sizeof(int))

static void *recorder(void *argument)
{
	uint64_t cookie = 1000000 + (uint64_t)(uintptr_t)argument * 100000;
	long wrong = 0;

	for (int i = 0; i < 20000; i++) {
		struct journal journal;
		int shared = i;

		record_int(cookie + (uint64_t)i, 1, 2, i);
		record_int(cookie + (uint64_t)i, 1, 3, i);
		/* One that all threads set options of. */
		journal_record(999999, IPPROTO_UDP, i % 50, &shared, sizeof(shared));
		if (journal_read(cookie + (uint64_t)i, &journal) && journal.used > 2 * ENTRY)
			wrong++;
		if (journal_read(999999, &journal) && journal.used % ENTRY != 0)
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

static void test_epoll_info(void **state)
{
	static const char text[] =
		"pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t77\n"
		"tfd:        5 events:       19 data: 123456789abcdef0  pos:0 ino:1a2b sdev:8\n"
		"tfd:      123 events: c0000001 data:                0  pos:0 ino:f sdev:8\n"
		"tfd: events: data: \n"
		"tfd:        7 events:        1 data:                7  pos:0 ino:3 sdev:8";
	struct epoll_info info = {.length = 0};
	int found = 0;

	for (const char *byte = text; *byte; byte++) {
		if (!epoll_info_push(&info, *byte))
			continue;
		if (found++ == 0) {
			assert_int_equal(info.fd, 5);
			assert_int_equal(info.events, 0x19);
			assert_true(info.data == 0x123456789abcdef0);
			assert_int_equal(info.inode, 0x1a2b);
		} else {
			assert_int_equal(info.fd, 123);
			assert_true(info.events == 0xc0000001);
			assert_int_equal(info.data, 0);
			assert_int_equal(info.inode, 0xf);
		}
	}
	/* A line without an end is none. */
	assert_int_equal(found, 2);
	/* Nor does a long one reach beyond the buffer. */
	info.length = 0;
	for (int i = 0; i < 1000; i++)
		assert_false(epoll_info_push(&info, 'x'));
	assert_false(epoll_info_push(&info, '\n'));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_additive),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_the_oldest_goes),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_epoll_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
