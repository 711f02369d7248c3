/* SPDX-License-Identifier: MIT */
/* What /proc says about epoll sets, io_urings and threads, and who may replace a socket. */
#include "tests/unit/unit.h"

#include "preload/claims.h"
#include "preload/descriptors.h"
#include "preload/proc.h"
#include "preload/uring.h"
#include "preload/waiters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/socket.h"

static void test_epoll_entry(void **state)
{
	static const struct {
		const char *line;
		int fd;
		uint32_t events;
		uint64_t data, inode;
	} table[] = {
		{"tfd:        5 events:       19 data: 123456789abcdef0  pos:0 ino:1a2b sdev:8", 5,
			0x19, 0x123456789abcdef0, 0x1a2b},
		{"tfd:      123 events: c0000001 data:                0  pos:0 ino:f sdev:8", 123,
			0xc0000001, 0, 0xf},
	};
	static const char *const others[] = {"", "pos:\t0", "flags:\t02", "ino:\t77", "tfd:",
		"tfd: events: data: ", "tfd: 5 events: 19 data: 1", "  tfd: 5 events: 19 data: 1 ino:1"};
	struct descriptors_registration entry;
	uint64_t inode;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(descriptors_parse(table[i].line, &entry, &inode));
		assert_int_equal(entry.fd, table[i].fd);
		assert_int_equal(entry.events, table[i].events);
		assert_true(entry.data == table[i].data);
		assert_int_equal(inode, table[i].inode);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(descriptors_parse(others[i], &entry, &inode));
}

static void test_uring_file(void **state)
{
	uint64_t position, inode;

	assert_true(uring_parse("    3: socket:[187595905]", &position, &inode));
	assert_int_equal(position, 3);
	assert_int_equal(inode, 187595905);
	assert_true(uring_parse("123456: socket:[1]", &position, &inode));
	assert_int_equal(position, 123456);
	/* older kernels, an empty place, another kind of file, another list */
	assert_false(uring_parse("    0: UDP", &position, &inode));
	assert_false(uring_parse("    1: <none>", &position, &inode));
	assert_false(uring_parse("    2: /dev/null", &position, &inode));
	assert_false(uring_parse("    2: socket:[", &position, &inode));
	assert_false(uring_parse("  op=6, task_works=0", &position, &inode));
}

static void test_call(void **state)
{
	uint64_t call[7];

	assert_true(waiters_parse("45 0x4 0x7ffd12 0x1 0x0 0xa 0xff 0x7ffc 0x7f12", call));
	assert_int_equal(call[0], 45);
	assert_int_equal(call[1], 4);
	assert_int_equal(call[5], 0xa);
	assert_int_equal(call[6], 0xff);
	assert_false(waiters_parse("running", call));
	assert_false(waiters_parse("-1 0x7ffc 0x7f12", call));
	assert_false(waiters_parse("7 0x1 0x2", call));
	assert_false(waiters_parse("", call));
}

/* A file in memory with that text, to be read from its start. */
static int file_with(const char *text, size_t length)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, length), (ssize_t)length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void test_lines(void **state)
{
	struct proc_lines lines;
	char line[PROC_LINE], text[2000];
	int fd;

	/* A line that is longer than the buffer is cut; what has no end is no line. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "one\n\n", 5);
	memcpy(text + 1500, "\ntwo\n", 5);
	fd = file_with(text, sizeof(text));
	proc_lines_init(&lines, fd);
	assert_int_equal(proc_lines_next(&lines, line), 1);
	assert_string_equal(line, "one");
	assert_int_equal(proc_lines_next(&lines, line), 1);
	assert_string_equal(line, "");
	assert_int_equal(proc_lines_next(&lines, line), 1);
	assert_int_equal(strlen(line), PROC_LINE - 1);
	assert_int_equal(proc_lines_next(&lines, line), 1);
	assert_string_equal(line, "two");
	assert_int_equal(proc_lines_next(&lines, line), 0);
	close(fd);
	proc_lines_init(&lines, fd);
	assert_int_equal(proc_lines_next(&lines, line), -ENOSYS);
}

/* More of everything than there is room for on the stack. */
static void test_many(void **state)
{
	enum { MANY = 150 };
	struct epoll_event event = {.events = EPOLLIN};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), all[2 * MANY];
	struct descriptors found;
	unsigned seen = 0;

	for (int i = 0; i < MANY; i++) {
		all[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		all[MANY + i] = epoll_create1(EPOLL_CLOEXEC);
		event.data.u64 = (uint64_t)i;
		assert_int_equal(epoll_ctl(all[MANY + i], EPOLL_CTL_ADD, all[i], &event), 0);
	}
	assert_int_equal(descriptors_find(fd, cookie_of_socket(fd), &found), 0);
	assert_int_equal(found.siblings.count, MANY + 1);
	assert_int_equal(found.watchers.count, MANY);
	assert_int_equal(found.registrations.count, MANY);
	assert_false(found.uring);
	for (unsigned i = 0; i < MANY; i++) {
		const struct descriptors_registration *entry = descriptors_registration(&found, i);

		assert_int_equal(entry->fd, all[entry->data]);
		assert_int_equal(entry->epoll_fd, all[MANY + entry->data]);
		assert_false(entry->stale);
		seen += (unsigned)entry->data;
	}
	assert_int_equal(seen, MANY * (MANY - 1) / 2);
	/* An entry that is left behind by its number. */
	close(all[0]);
	descriptors_release(&found);
	assert_int_equal(descriptors_find(fd, cookie_of_socket(fd), &found), 0);
	assert_int_equal(found.siblings.count, MANY);
	seen = 0;
	for (unsigned i = 0; i < MANY; i++)
		seen += descriptors_registration(&found, i)->stale;
	assert_int_equal(seen, 1);
	descriptors_release(&found);
	for (int i = 1; i < 2 * MANY; i++)
		close(all[i]);
	close(fd);
}

static void test_claims(void **state)
{
	uint64_t one, other, same;
	int status;
	pid_t pid;

	assert_true(claims_take(7, &one));
	assert_false(claims_take(7, &other));
	claims_release(&other);
	assert_false(claims_take(7, &other));
	/* 71 has the place of 7, and goes without */
	assert_true(claims_take(71, &same));
	assert_int_equal(same, 0);
	claims_release(&same);
	assert_true(claims_take(8, &other));
	claims_release(&other);
	/* A child does not go on with what another thread of its parent had begun. */
	pid = fork();
	if (pid == 0)
		_exit(claims_take(7, &other) && !claims_take(7, &same) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(claims_take(7, &other));
	claims_release(&one);
	assert_true(claims_take(7, &one));
	claims_release(&one);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epoll_entry),
		cmocka_unit_test(test_uring_file),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
