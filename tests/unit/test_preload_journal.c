/* SPDX-License-Identifier: MIT */
/*
 * The journal gives back what was set, in order, each option once except those that add up, and
 * says when something is missing.
 */
#include "tests/unit/unit.h"

#include "preload/journal.h"

#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each test has cookies of its own: the journal is one for the process. */
static uint64_t cookie_next = 1000;

static void record_int(uint64_t cookie, int level, int name, int value)
{
	journal_record(cookie, level, name, &value, sizeof(value));
}

/* "level:name=value" of each option, in order; of long values the length. */
static const char *text_of(uint64_t cookie)
{
	static char text[256 * 1024];
	struct journal_option option;
	struct journal journal;
	size_t position = 0;
	void *value;

	text[0] = '\0';
	if (journal_read(cookie, &journal) != JOURNAL_READ)
		return journal.lost ? "lost" : "nothing";
	while (journal_next(&journal, &position, &option, &value)) {
		char *end = text + strlen(text);

		if (option.kind == JOURNAL_UNCARRIED)
			sprintf(end, "%d:%d! ", option.level, option.name);
		else if (option.length == sizeof(int))
			sprintf(end, "%d:%d=%d ", option.level, option.name, *(int *)value);
		else
			sprintf(end, "%d:%d#%u ", option.level, option.name, option.length);
	}
	if (journal.lossy)
		strcat(text, journal.lost ? "lost" : "lossy");
	journal_free(&journal);
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
	struct sock_filter instructions[JOURNAL_VALUE_MAX / sizeof(struct sock_filter) + 1] = {
		BPF_STMT(BPF_RET | BPF_K, 42),
	};
	struct sock_fprog program = {.len = 3, .filter = instructions};
	struct journal_option option;
	struct journal journal;
	uint64_t cookie = cookie_next++;
	size_t position = 0;
	void *value;

	journal_record(cookie, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	assert_int_equal(journal_read(cookie, &journal), JOURNAL_READ);
	assert_true(journal_next(&journal, &position, &option, &value));
	assert_int_equal(option.kind, JOURNAL_PROGRAM);
	assert_int_equal(option.length, 3 * sizeof(struct sock_filter));
	assert_memory_equal(value, instructions, option.length);
	journal_free(&journal);
	/* The longest that the kernel takes (BPF_MAXINSNS). */
	program.len = BPF_MAXINSNS;
	journal_record(cookie, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
	assert_string_equal(text_of(cookie), "1:26#24 1:51#32768 ");
	record_int(cookie, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
	/* There is one filter, however it was attached. */
	/* No descriptor of a program. */
	record_int(cookie, SOL_SOCKET, SO_ATTACH_BPF, -1);
	assert_string_equal(text_of(cookie), "1:68=0 1:50! ");
	record_int(cookie, SOL_SOCKET, SO_DETACH_FILTER, 0);
	assert_string_equal(text_of(cookie), "1:68=0 1:27=0 ");
	record_int(cookie, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, -1);
	assert_string_equal(text_of(cookie), "1:27=0 1:52! ");
	program.len = ELEMENTS(instructions);
	journal_record(cookie, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	assert_string_equal(text_of(cookie), "1:52! 1:26! ");
}

static void test_too_much(void **state)
{
	static const uint8_t value[JOURNAL_VALUE_MAX + 1] = {0};
	uint64_t cookie = cookie_next++;

	/* More than a slot has of its own. */
	journal_record(cookie, 1, 1, value, 1000);
	journal_record(cookie, 1, 2, value, JOURNAL_VALUE_MAX + 1);
	journal_record(cookie, 1, 3, value, 1000);
	journal_record(cookie, 1, 4, value, JOURNAL_VALUE_MAX);
	assert_string_equal(text_of(cookie), "1:1#1000 1:2! 1:3#1000 1:4#32768 ");
	journal_record(cookie, 1, 5, value, JOURNAL_VALUE_MAX);
	assert_string_equal(text_of(cookie), "1:1#1000 1:2! 1:3#1000 1:4#32768 lossy");
	/* What fits still is recorded, and another socket has nothing to do with it. */
	record_int(cookie, 1, 1, 9);
	assert_string_equal(text_of(cookie), "1:2! 1:3#1000 1:4#32768 1:1=9 lossy");
	record_int(++cookie, 1, 1, 8);
	cookie_next++;
	assert_string_equal(text_of(cookie), "1:1=8 ");
}

/* The slot of a socket that was replaced is free, with all its pages. */
static void test_forget(void **state)
{
	static const uint8_t value[JOURNAL_VALUE_MAX] = {0};
	uint64_t cookie = cookie_next++, other = cookie_next++;

	record_int(other, 1, 2, 3);
	for (int i = 0; i < 1000; i++) {
		journal_record(cookie, 1, i, value, sizeof(value));
		journal_forget(cookie);
		assert_string_equal(text_of(cookie), "nothing");
	}
	journal_forget(cookie);
	assert_string_equal(text_of(other), "1:2=3 ");
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

/* What nobody else knows is kept for longest, and told to be missing when it is not any more. */
static void test_precious(void **state)
{
	struct ip_mreqn group = {.imr_multiaddr.s_addr = 1};
	uint64_t member = cookie_next++, full = cookie_next++;

	journal_record(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	for (int i = 0; i < 1000; i++)
		record_int(cookie_next++, 1, 2, i);
	assert_string_equal(text_of(member), "0:35#12 ");
	for (int i = 0; i < 300; i++)
		journal_record(cookie_next++, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	assert_string_equal(text_of(member), "lost");
	record_int(member, 1, 2, 7);
	assert_string_equal(text_of(member), "1:2=7 lost");
	for (uint32_t i = 0; i < 3000; i++) {
		group.imr_multiaddr.s_addr = i;
		journal_record(full, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	}
	assert_non_null(strstr(text_of(full), "lost"));
}

/* A page, behind which there is nothing. */
static uint8_t *page_end(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(pages != MAP_FAILED);
	must(munmap(pages + size, size) == 0);
	return pages + size;
}

/* The kernel reads what it needs, which may be less than the length says. */
static void test_values_that_end_early(void **state)
{
	static const int one = 1;
	struct sock_filter instruction = BPF_STMT(BPF_RET | BPF_K, 42);
	struct sock_fprog program = {.len = 3};
	uint8_t *end = page_end();
	struct journal_option option;
	struct journal journal;
	uint64_t cookie = cookie_next++;
	size_t position = 0;
	void *value;

	memcpy(end - sizeof(one), &one, sizeof(one));
	journal_record(cookie, SOL_SOCKET, SO_KEEPALIVE, end - sizeof(one), 8);
	journal_record(cookie, SOL_SOCKET, SO_OOBINLINE, end - sizeof(one), sizeof(one));
	memcpy(end - 5, "reno", 5);
	journal_record(cookie, IPPROTO_TCP, TCP_CONGESTION, end - 5, 16);
	/* Of these the kernel reads nothing. */
	journal_record(cookie, IPPROTO_IPV6, IPV6_RECVERR, NULL, 4);
	journal_record(cookie, SOL_SOCKET, SO_DONTROUTE, (void *)8, 4);
	assert_string_equal(text_of(cookie), "1:9#8 1:10=1 6:13#16 41:25! 1:5! ");
	assert_int_equal(journal_read(cookie, &journal), JOURNAL_READ);
	assert_true(journal_next(&journal, &position, &option, &value));
	assert_memory_equal(value, &one, sizeof(one));
	journal_free(&journal);
	/* Instructions, all of which are needed. */
	memcpy(end - sizeof(instruction), &instruction, sizeof(instruction));
	program.filter = (struct sock_filter *)(void *)(end - sizeof(instruction));
	cookie = cookie_next++;
	journal_record(cookie, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	assert_string_equal(text_of(cookie), "1:26! ");
	program.len = 1;
	journal_record(cookie, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	assert_string_equal(text_of(cookie), "1:26#8 ");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_additive),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_the_oldest_goes),
		cmocka_unit_test(test_values_that_end_early),
		cmocka_unit_test(test_precious),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
