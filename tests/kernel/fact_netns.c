/* SPDX-License-Identifier: MIT */
/*
 * A socket belongs for life to the network namespace that it was made in, wherever its descriptor
 * and its process go: the whole project rests on this. A Unix socket with a path can be reached
 * from other network namespaces, one with an abstract name cannot (common/address.h).
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

static int here, there; /* the namespaces */

static void enter(int netns)
{
	must(setns(netns, CLONE_NEWNET) == 0);
}

static int setup(void **state)
{
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	must(here >= 0 && unshare(CLONE_NEWNET) == 0);
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	must(there >= 0);
	enter(here);
	return 0;
}

static int teardown(void **state)
{
	enter(here);
	close(here);
	close(there);
	return 0;
}

static ino_t inode(int netns)
{
	struct stat st;

	must(fstat(netns, &st) == 0);
	return st.st_ino;
}

/* The namespace of a socket. */
static ino_t namespace_of(int sock)
{
	int netns = ioctl(sock, SIOCGSKNS);
	ino_t found;

	must(netns >= 0);
	found = inode(netns);
	close(netns);
	return found;
}

static int make_socket(int netns)
{
	int fd;

	enter(netns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0);
	enter(here);
	return fd;
}

static void a_socket_stays_where_it_was_made(void **state)
{
	int first = make_socket(here), second = make_socket(there);

	assert_int_not_equal(inode(here), inode(there));
	for (unsigned i = 0; i < 2; i++) {
		enter(i ? there : here);
		assert_int_equal(namespace_of(first), inode(here));
		assert_int_equal(namespace_of(second), inode(there));
	}
	close(first);
	close(second);
}

static void the_cookie_of_the_namespace_says_the_same(void **state)
{
	int fds[3] = {make_socket(here), make_socket(there), make_socket(there)};
	uint64_t cookies[3];
	socklen_t length = sizeof(cookies[0]);

	for (unsigned i = 0; i < 3; i++) {
		int r = getsockopt(fds[i], SOL_SOCKET, SO_NETNS_COOKIE, &cookies[i], &length);

		if (r < 0 && errno == ENOPROTOOPT) {
			print_message("# SO_NETNS_COOKIE: not in this kernel\n");
			fds_close(fds, 3);
			return;
		}
		assert_int_equal(r, 0);
	}
	assert_int_not_equal(cookies[0], cookies[1]);
	assert_int_equal(cookies[1], cookies[2]);
	fds_close(fds, 3);
}

/* Ports are those of the socket's namespace, not of the process's. */
static void it_binds_and_connects_there(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t length = sizeof(address);
	int taken = make_socket(there), same, other;

	assert_int_equal(bind(taken, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &length), 0);
	same = make_socket(there);
	other = make_socket(here);
	assert_int_equal(bind(same, (struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof(address)), 0);
	close(taken);
	close(same);
	close(other);
}

/* Whether a listener made here can be connected to from there. */
static int connect_from_there(const struct sockaddr_un *address, socklen_t length)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), client, r;

	must(bind(listener, (const struct sockaddr *)address, length) == 0);
	must(listen(listener, 5) == 0);
	enter(there);
	client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	r = connect(client, (const struct sockaddr *)address, length) < 0 ? -errno : 0;
	enter(here);
	close(client);
	close(listener);
	return r;
}

static void an_abstract_name_ends_at_the_namespace(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0xsocket-kernel"};

	assert_int_equal(connect_from_there(&address, sizeof(address)), -ECONNREFUSED);
}

static void a_path_does_not(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct temp temp;

	temp_make(&temp);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", temp.path);
	assert_int_equal(connect_from_there(&address, sizeof(address)), 0);
	temp_remove(&temp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_stays_where_it_was_made),
		cmocka_unit_test(the_cookie_of_the_namespace_says_the_same),
		cmocka_unit_test(it_binds_and_connects_there),
		cmocka_unit_test(an_abstract_name_ends_at_the_namespace),
		cmocka_unit_test(a_path_does_not),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
