/* SPDX-License-Identifier: MIT */
/* Datagrams that are sent many at a time come out as they went in, however they were joined. */
#include "tests/unit/unit.h"

#include "bridge/gso.h"
#include "bridge/intake.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "header: "

/* A sender and a receiver, and what the latter should get: it has room for some 250 by default. */
static int sender, receiver;
static struct netaddr there;
static unsigned char data[1 << 20];
static size_t used;
static struct {
	const unsigned char *data;
	size_t length;
} expected[4096];
static unsigned n_expected;

static void open_receiver(void)
{
	receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(receiver >= 0 && bind(receiver, &there.sa, there.length) == 0);
}

static int setup(void **state)
{
	must(netaddr_parse("127.0.0.1", 0, &there) == 0);
	open_receiver();
	must(getsockname(receiver, &there.sa, &there.length) == 0);
	sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(sender >= 0 && connect(sender, &there.sa, there.length) == 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 31 + (i >> 8));
	return 0;
}

static int teardown(void **state)
{
	close(sender);
	close(receiver);
	return 0;
}

static void begin(struct gso *gso, uint16_t *largest, bool header)
{
	struct gso_route route = {.fd = sender, .largest = largest};

	if (header) {
		route.header = HEADER;
		route.header_length = strlen(HEADER);
	}
	used = n_expected = 0;
	gso_begin(gso, &route);
}

static void add(struct gso *gso, size_t length, unsigned segment)
{
	const unsigned char *start = data + used;

	must(used + length <= sizeof(data));
	used += length;
	gso_add(gso, start, length, segment);
	if (segment == 0 || length == 0)
		segment = (unsigned)length + 1;
	do {
		size_t one = length < segment ? length : segment;

		expected[n_expected].data = start;
		expected[n_expected++].length = one;
		start += one;
		length -= one;
	} while (length > 0);
}

static void all_came(bool header)
{
	static unsigned char found[65536];
	size_t head = header ? strlen(HEADER) : 0;

	for (unsigned i = 0; i < n_expected; i++) {
		ssize_t length = recv(receiver, found, sizeof(found), 0);

		assert_int_equal(length, expected[i].length + head);
		assert_memory_equal(found, HEADER, head);
		assert_memory_equal(found + head, expected[i].data, expected[i].length);
	}
	assert_int_equal(recv(receiver, found, sizeof(found), 0), -1);
}

static void flushed(struct gso *gso, bool header)
{
	struct gso_result result = gso_flush(gso);

	assert_int_equal(result.bytes, used);
	assert_int_equal(result.sent, n_expected);
	assert_int_equal(result.dropped, 0);
	assert_int_equal(result.error, 0);
	all_came(header);
}

static struct gso gso;

/* What becomes one message. */
static void test_joining(void **state)
{
	static const struct {
		size_t lengths[8];
		unsigned n, messages;
	} cases[] = {
		{{100}, 1, 1},
		{{100, 100, 100}, 3, 1},
		{{100, 100, 99}, 3, 1},
		{{100, 99, 100}, 3, 2},
		{{100, 99, 99}, 3, 2},
		{{99, 100, 100}, 3, 2},
		{{0}, 1, 1},
		{{0, 0}, 2, 2},
		{{100, 0, 100}, 3, 3},
		{{100, 1, 0, 1, 1}, 5, 3},
		{{40000, 20000, 10000}, 3, 2},
		{{32753, 32754}, 2, 2},
		{{32754, 32753}, 2, 1},
		{{32754, 32754}, 2, 2},
		{{65507, 1}, 2, 2},
	};
	uint16_t largest = GSO_LARGEST;

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		print_message("# case %zu\n", i);
		begin(&gso, &largest, false);
		for (unsigned j = 0; j < cases[i].n; j++)
			add(&gso, cases[i].lengths[j], 0);
		assert_int_equal(gso.n, cases[i].messages);
		flushed(&gso, false);
		assert_int_equal(largest, GSO_LARGEST);
	}
}

static void test_largest(void **state)
{
	uint16_t largest = 100;

	begin(&gso, &largest, false);
	add(&gso, 101, 0);
	add(&gso, 101, 0);
	add(&gso, 100, 0);
	add(&gso, 100, 0);
	add(&gso, 1010, 101);
	assert_int_equal(gso.n, 2 + 1 + 10);
	flushed(&gso, false);
	largest = 0;
	begin(&gso, &largest, false);
	add(&gso, 1, 0);
	add(&gso, 1, 0);
	add(&gso, 10, 1);
	assert_int_equal(gso.n, 12);
	flushed(&gso, false);
}

/* More than the arrays hold, and more than the kernel takes at once. */
static void test_many(void **state)
{
	uint16_t largest = GSO_LARGEST;

	for (int header = 0; header < 2; header++) {
		begin(&gso, &largest, header);
		for (int i = 0; i < 100; i++)
			add(&gso, 10, 0);
		for (int i = 0; i < 150; i++)
			add(&gso, i % 2 ? 10 : 11, 0);
		flushed(&gso, header);
		begin(&gso, &largest, header);
		add(&gso, 200, 1); /* as kernels with more segments per message may receive it */
		flushed(&gso, header);
		begin(&gso, &largest, header);
		add(&gso, 65507, 1400);
		add(&gso, 65507, 65000);
		flushed(&gso, header);
	}
}

static void test_random(void **state)
{
	static const size_t sizes[] = {0, 1, 63, 64, 64, 64, 64, 65, 500, 1400};

	srand(1);
	for (int round = 0; round < 2000; round++) {
		uint16_t largest = rand() % 4 ? GSO_LARGEST : (uint16_t)(rand() % 100);
		bool header = rand() % 3 == 0;
		unsigned count = 1 + (unsigned)rand() % 100;

		begin(&gso, &largest, header);
		while (n_expected < count && used < 20000) {
			size_t size = sizes[(size_t)rand() % ELEMENTS(sizes)];

			if (size && rand() % 4 == 0)
				add(&gso, size * (size_t)(rand() % 20) + 1, (unsigned)size);
			else
				add(&gso, size, 0);
		}
		flushed(&gso, header);
	}
}

/* What has no room is dropped and counted, and the rest is sent. */
static void test_too_long(void **state)
{
	uint16_t largest = GSO_LARGEST;
	struct gso_result result;

	begin(&gso, &largest, true);
	add(&gso, 10, 0);
	gso_add(&gso, data, 65507, 0); /* with its header it is too long */
	add(&gso, 10, 0);
	result = gso_flush(&gso);
	assert_int_equal(result.dropped, 1);
	assert_int_equal(result.sent, 2);
	assert_int_equal(result.bytes, 20);
	all_came(true);
}

/* Nobody is there: the error of one is not the loss of another. */
static void test_refused(void **state)
{
	uint16_t largest = GSO_LARGEST;
	struct gso_result result;

	close(receiver);
	begin(&gso, &largest, false);
	add(&gso, 10, 0);
	result = gso_flush(&gso);
	assert_int_equal(result.error, 0);
	open_receiver();
	begin(&gso, &largest, false);
	add(&gso, 20, 0);
	add(&gso, 0, 0);
	result = gso_flush(&gso);
	assert_int_equal(result.error, -ECONNREFUSED);
	assert_int_equal(result.sent, 2);
	assert_int_equal(result.dropped, 0);
	all_came(false);
}

/* What was joined by the sender is received, and sent on, in one piece. */
static void test_intake(void **state)
{
	struct intake *intake = intake_new();
	uint16_t largest = GSO_LARGEST;
	struct intake_info info;
	int one = 1;

	assert_non_null(intake);
	must(setsockopt(receiver, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) == 0);
	must(setsockopt(receiver, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)) == 0);
	assert_int_equal(intake_receive(intake, receiver), -EAGAIN);
	for (int round = 0; round < 3; round++) {
		begin(&gso, &largest, false);
		add(&gso, 1050, 100);
		add(&gso, 0, 0);
		add(&gso, 65507, 0);
		gso_flush(&gso);
		assert_int_equal(intake_receive(intake, receiver), 3);
		assert_int_equal(intake_length(intake, 0), 1050);
		assert_memory_equal(intake_data(intake, 0), data, 1050);
		assert_int_equal(intake_length(intake, 1), 0);
		assert_int_equal(intake_length(intake, 2), 65507);
		assert_memory_equal(intake_data(intake, 2), data + 1050, 65507);
		for (int i = 0; i < 3; i++) {
			intake_info(intake, i, &info);
			assert_int_equal(info.segment, i == 0 ? 100 : 0);
			assert_true(IN6_IS_ADDR_V4MAPPED(&info.local));
			assert_int_equal(info.local.s6_addr[15], 1);
			assert_int_equal(intake_sender(intake, i)->sa.sa_family, AF_INET);
		}
		intake_trim(intake);
		if (round == 1)
			intake_trim(intake); /* nothing since: its memory is given back */
	}
	intake_free(intake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_joining),
		TEST(test_largest),
		TEST(test_many),
		TEST(test_random),
		TEST(test_too_long),
		TEST(test_refused),
		TEST(test_intake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
