/* SPDX-License-Identifier: MIT */
/*
 * The library survives any broker: whatever one sends, the caller gets -1 and an errno that says
 * so, at once, and neither a descriptor nor a connection is left. Each script is played to
 * xsocket() and to a handle, in one go and packet by packet.
 */
#include "tests/unit/fake_broker.h"
#include "tests/unit/unit.h"

#include "lib/xsocket.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

/* A header of the extended form: version, opcode and length are one byte each here. */
#define HEADER(version, opcode, length)                                                            \
	"XS03\0\0\0" version "\x80\0\0" opcode "\0\0\0" length
#define WORD(byte) "\0\0\0" byte

#define DESCRIPTORS_1 HEADER("\1", "\1", "\x14") WORD("\1")
#define VERDICT_OK    HEADER("\1", "\2", "\x1c") WORD("\0") WORD("\1") WORD("\1")

/* A right verdict about one socket. */
#define FAKE_OK FAKE_VERDICT(0, 1)

static const struct bad {
	const char *what;
	int error;
	struct fake_action actions[6]; /* after the request */
} bads[] = {
	{"one byte", EPROTO, {FAKE_RAW("X", 0), FAKE_WAIT}},
	{"no magic", EPROTO, {FAKE_RAW("HTTP/1.1 400 Bad Request\r\n", 0), FAKE_WAIT}},
	{"zeros", EPROTO, {FAKE_RAW("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0), FAKE_WAIT}},
	{"a plain reply", EPROTO, {FAKE_RAW("XS02\0\0\0\0", 1), FAKE_WAIT}},
	{"its own request", EPROTO,
		{FAKE_RAW("XS03" WORD("\1") WORD("\1") WORD("\x28") WORD("\2") WORD("\1")
				  WORD("\0") WORD("\1") WORD("\0") WORD("\0"),
			0),
			FAKE_WAIT}},
	{"only the magic", EPROTO, {FAKE_RAW("XS03", 0), FAKE_WAIT}},
	{"a short header", EPROTO, {FAKE_RAW("XS03\0\0\0\1\x80\0\0\2", 0), FAKE_WAIT}},
	{"a header alone", EPROTO, {FAKE_RAW(HEADER("\1", "\2", "\x10"), 0), FAKE_WAIT}},
	{"version 0", EPROTONOSUPPORT,
		{FAKE_RAW(HEADER("\0", "\2", "\x1c") WORD("\0") WORD("\1") WORD("\1"), 0),
			FAKE_WAIT}},
	{"version 2", EPROTONOSUPPORT, {FAKE_RAW(HEADER("\2", "\2", "\x10"), 0), FAKE_WAIT}},
	{"version 2 with a socket", EPROTONOSUPPORT,
		{FAKE_RAW(HEADER("\2", "\1", "\x14") WORD("\1"), 1), FAKE_OK, FAKE_WAIT}},
	{"an unknown opcode", EPROTO, {FAKE_RAW(HEADER("\1", "\3", "\x10"), 0), FAKE_WAIT}},
	{"an unknown opcode with a socket", EPROTO,
		{FAKE_RAW(HEADER("\1", "\3", "\x14") WORD("\1"), 1), FAKE_OK, FAKE_WAIT}},
	{"a wrong length", EPROTO,
		{FAKE_RAW(HEADER("\1", "\1", "\x15") WORD("\1"), 1), FAKE_OK, FAKE_WAIT}},
	{"a long DESCRIPTORS", EPROTO,
		{FAKE_RAW(HEADER("\1", "\1", "\x18") WORD("\1") WORD("\1"), 1), FAKE_OK,
			FAKE_WAIT}},
	{"a short VERDICT", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP),
			FAKE_RAW(HEADER("\1", "\2", "\x18") WORD("\0") WORD("\1"), 0), FAKE_WAIT}},
	{"a packet longer than any message", EPROTO,
		{FAKE_RAW(DESCRIPTORS_1 "and so on and so on and so on", 1), FAKE_WAIT}},
	{"a second packet longer than any message", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP),
			FAKE_RAW(VERDICT_OK "and so on and so on and so on", 0), FAKE_WAIT}},
	{"count 2 with one socket", EPROTO,
		{FAKE_DESCRIPTORS(2, 1, FAKE_TCP), FAKE_OK, FAKE_WAIT}},
	{"count 0 with one socket", EPROTO,
		{FAKE_DESCRIPTORS(0, 1, FAKE_TCP), FAKE_OK, FAKE_WAIT}},
	{"count 1 without a socket", EPROTO,
		{FAKE_DESCRIPTORS(1, 0, FAKE_TCP), FAKE_OK, FAKE_WAIT}},
	{"count 0 without a socket", EPROTO,
		{FAKE_DESCRIPTORS(0, 0, FAKE_TCP), FAKE_VERDICT(0, 0), FAKE_WAIT}},
	{"more sockets than asked for", EPROTO,
		{FAKE_DESCRIPTORS(2, 2, FAKE_TCP), FAKE_VERDICT(0, 2), FAKE_WAIT}},
	{"as many sockets as fit", EPROTO,
		{FAKE_DESCRIPTORS(253, 253, FAKE_TCP), FAKE_VERDICT(0, 253), FAKE_WAIT}},
	{"a verdict that counts wrong", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_VERDICT(0, 2), FAKE_WAIT}},
	{"a verdict that counts none", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_VERDICT(0, 0), FAKE_WAIT}},
	{"a verdict without sockets", EPROTO, {FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"neither error nor sockets", EPROTO, {FAKE_VERDICT(0, 0), FAKE_WAIT}},
	{"an error with sockets", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_VERDICT(EACCES, 1), FAKE_WAIT}},
	{"an error after sockets that it does not count", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_VERDICT(EACCES, 0), FAKE_WAIT}},
	{"an error of 4096", EPROTO, {FAKE_VERDICT(4096, 0), FAKE_WAIT}},
	{"an error with the sign bit", EPROTO, {FAKE_VERDICT(0x80000001, 0), FAKE_WAIT}},
	{"the greatest error", EPROTO, {FAKE_VERDICT(UINT32_MAX, 0), FAKE_WAIT}},
	{"a first verdict with descriptors", EPROTO, {FAKE_RAW(VERDICT_OK, 1), FAKE_WAIT}},
	{"a second packet with descriptors", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_RAW(VERDICT_OK, 1), FAKE_WAIT}},
	{"two DESCRIPTORS", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_DESCRIPTORS(1, 1, FAKE_TCP),
			FAKE_VERDICT(0, 2), FAKE_WAIT}},
	{"two DESCRIPTORS, the second without", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_TCP), FAKE_DESCRIPTORS(1, 0, FAKE_TCP),
			FAKE_VERDICT(0, 1), FAKE_WAIT}},
	{"a device", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_DEVICE), FAKE_OK, FAKE_WAIT}},
	{"a pipe", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_PIPE), FAKE_OK, FAKE_WAIT}},
	{"a Unix socket", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_UNIX), FAKE_OK, FAKE_WAIT}},
	{"a socket of another protocol", EPROTO,
		{FAKE_DESCRIPTORS(1, 1, FAKE_UDP), FAKE_OK, FAKE_WAIT}},
};

static const struct bad *bad;
static struct fake_broker broker;
static unsigned fds_before;

static void played_to_xsocket(bool one_by_one)
{
	int64_t begin = now_ms();
	int r;

	atomic_store(&broker.counts->one_by_one, one_by_one);
	errno = 0;
	r = xsocket(broker.server, AF_INET, SOCK_STREAM, 0);
	if (r != -1 || errno != bad->error)
		fail_msg("%s: %d with errno %d", bad->what, r, errno);
	if (fds_count() != fds_before)
		fail_msg("%s: leaves descriptors", bad->what);
	assert_true(now_ms() - begin < 5000);
}

static void played_to_a_handle(bool one_by_one)
{
	struct xsocket_client *client = xsocket_client_new(broker.server);
	int fds[2] = {-7, -7}, r;

	assert_non_null(client);
	atomic_store(&broker.counts->one_by_one, one_by_one);
	errno = 0;
	r = xsocket_client_sockets(client, AF_INET, SOCK_STREAM, 0, fds, 1);
	if (r != -1 || errno != bad->error)
		fail_msg("%s: %d with errno %d", bad->what, r, errno);
	/* not even the connection: nothing that comes by it could be believed */
	if (fds_count() != fds_before)
		fail_msg("%s: leaves descriptors", bad->what);
	assert_int_equal(fds[1], -7);
	xsocket_client_free(client);
}

static void bad_brokers(void **state)
{
	bad = *state;
	for (unsigned i = 0; i < 4; i++) {
		struct fake_action script[8] = {FAKE_REQUEST};
		const struct fake_action *const scripts[] = {script, NULL};

		for (unsigned k = 0; k < ELEMENTS(bad->actions); k++)
			script[k + 1] = bad->actions[k];
		fake_broker_start(&broker, scripts);
		fds_before = fds_count();
		if (i < 2)
			played_to_xsocket(i & 1);
		else
			played_to_a_handle(i & 1);
		assert_int_equal(atomic_load(&broker.counts->connections), 1);
		assert_int_equal(atomic_load(&broker.counts->strays), 0);
		fake_broker_stop(&broker);
	}
}

/*
 * What comes after a verdict is nobody's answer. Either it is noticed at once, or it spoils the
 * next call, alone or because it is not alone; but it is never taken for sockets.
 */
static void packets_after_the_verdict_are_no_answer(void **state)
{
	static const struct fake_action twice[] = {FAKE_REQUEST, FAKE_DESCRIPTORS(1, 1, FAKE_ASKED),
		FAKE_VERDICT(0, 1), FAKE_VERDICT(EACCES, 0), FAKE_GATE, FAKE_SERVE, FAKE_HANG_UP};
	const struct fake_action *const scripts[] = {twice, fake_serve, NULL};
	struct xsocket_client *client;
	int fd;

	fake_broker_start(&broker, scripts);
	fds_before = fds_count();
	client = xsocket_client_new(broker.server);
	assert_non_null(client);
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		assert_int_equal(errno, EPROTO);
	else
		close(fd);
	fake_broker_open_gate(&broker);
	fd = xsocket_client_socket(client, AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		assert_true(errno == EACCES || errno == EPROTO);
	else
		assert_true(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && close(fd) == 0);
	xsocket_client_free(client);
	assert_int_equal(fds_count(), fds_before);
	fake_broker_stop(&broker);
}

int main(void)
{
	struct CMUnitTest tests[ELEMENTS(bads) + 1] = {
		cmocka_unit_test(packets_after_the_verdict_are_no_answer),
	};

	for (size_t i = 0; i < ELEMENTS(bads); i++)
		tests[i + 1] = (struct CMUnitTest){
			.name = bads[i].what,
			.test_func = bad_brokers,
			.initial_state = (void *)&bads[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
