/* SPDX-License-Identifier: MIT */
/*
 * How the end of a namespace under a name is noticed (daemon/netns.c, server/worker.c): the mount
 * on the name's file goes, and an open /proc/self/mountinfo has EPOLLPRI, once, before umount(2)
 * returns. So whoever finds a request that was sent after that finds the change in the same call
 * of epoll_wait(2), and before the request.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOUNTS = 1, REQUEST = 2 };

static struct temp temp;
static char path[128];
static int mounts, epoll, pair[2];

static void mount_namespace(void)
{
	must(mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) == 0);
}

static void unmount_namespace(void)
{
	must(umount2(path, MNT_DETACH) == 0);
}

static void watch(int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static int setup(void **state)
{
	int fd;

	temp_make(&temp);
	temp_path(&temp, "name", path);
	fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
	must(fd >= 0);
	close(fd);
	mount_namespace();
	mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	must(mounts >= 0 && epoll >= 0);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	return 0;
}

static int teardown(void **state)
{
	umount2(path, MNT_DETACH);
	fds_close(pair, 2);
	close(mounts);
	close(epoll);
	temp_remove(&temp);
	return 0;
}

/* What is ready now, in order. */
static unsigned ready(uint64_t what[4])
{
	struct epoll_event events[4];
	int n = epoll_wait(epoll, events, 4, 0);

	must(n >= 0);
	for (int i = 0; i < n; i++) {
		what[i] = events[i].data.u64;
		if (what[i] == MOUNTS)
			assert_true(events[i].events & EPOLLPRI);
	}
	return (unsigned)n;
}

static void a_change_is_reported_once(void **state)
{
	uint64_t what[4];

	watch(mounts, EPOLLPRI, MOUNTS);
	assert_int_equal(ready(what), 0);
	for (unsigned i = 0; i < 3; i++) {
		unmount_namespace();
		assert_int_equal(ready(what), 1);
		assert_int_equal(what[0], MOUNTS);
		assert_int_equal(ready(what), 0);
		mount_namespace();
		assert_int_equal(ready(what), 1);
		assert_int_equal(ready(what), 0);
	}
	/* two changes are reported as one */
	unmount_namespace();
	mount_namespace();
	assert_int_equal(ready(what), 1);
	assert_int_equal(ready(what), 0);
}

static void it_comes_before_a_later_request(void **state)
{
	uint64_t what[4];

	watch(pair[0], EPOLLIN, REQUEST);
	watch(mounts, EPOLLPRI, MOUNTS);
	unmount_namespace();
	must(send(pair[1], "request", 7, 0) == 7);
	assert_int_equal(ready(what), 2);
	assert_int_equal(what[0], MOUNTS);
	assert_int_equal(what[1], REQUEST);
}

static void it_comes_with_an_earlier_request(void **state)
{
	uint64_t what[4];

	watch(mounts, EPOLLPRI, MOUNTS);
	watch(pair[0], EPOLLIN, REQUEST);
	must(send(pair[1], "request", 7, 0) == 7);
	unmount_namespace();
	assert_int_equal(ready(what), 2);
	assert_int_equal(what[0], REQUEST);
	assert_int_equal(what[1], MOUNTS);
}

/* Each open file is told of its own: no watcher takes the news from another. */
static void every_watcher_is_told(void **state)
{
	int other = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	uint64_t what[4];

	watch(mounts, EPOLLPRI, MOUNTS);
	watch(other, EPOLLPRI, MOUNTS);
	unmount_namespace();
	assert_int_equal(ready(what), 2);
	assert_int_equal(ready(what), 0);
	close(other);
}

/*
 * What changes between opening and watching is not to be relied upon: adding looks once, and so
 * uses it up. Who begins to watch has to look at the name after that.
 */
static void before_it_is_watched_a_change_gets_lost(void **state)
{
	uint64_t what[4];

	unmount_namespace();
	watch(mounts, EPOLLPRI, MOUNTS);
	assert_int_equal(ready(what), 0);
	mount_namespace();
	assert_int_equal(ready(what), 1);
}

static void the_name_is_another_file_then(void **state)
{
	struct stat before, after, own;

	must(stat(path, &before) == 0 && stat("/proc/self/ns/net", &own) == 0);
	assert_int_equal(before.st_ino, own.st_ino);
	assert_int_equal(before.st_dev, own.st_dev);
	unmount_namespace();
	must(stat(path, &after) == 0);
	assert_false(after.st_ino == before.st_ino && after.st_dev == before.st_dev);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_is_reported_once),
		TEST(it_comes_before_a_later_request),
		TEST(it_comes_with_an_earlier_request),
		TEST(every_watcher_is_told),
		TEST(before_it_is_watched_a_change_gets_lost),
		TEST(the_name_is_another_file_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
