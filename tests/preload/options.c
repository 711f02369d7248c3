/* SPDX-License-Identifier: MIT */
/* Socket options that were set before bind(2), read after it. */
#include "tests/preload/program.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>
#include <sys/time.h>

static const struct {
	const char *text;
	int level, name, value;
} ints[] = {
	{"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1},
	{"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1},
	{"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1},
	{"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 50000},
	{"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 7},
	{"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 5},
	{"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1},
	{"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 1},
	{"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, 1},
	{"SO_MARK", SOL_SOCKET, SO_MARK, 0},
	{"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1},
	{"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 123},
	{"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 45},
	{"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 6},
	{"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 7890},
	{"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, 5},
	{"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN, 16},
	{"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 3},
	{"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 1000},
	{"IP_TOS", IPPROTO_IP, IP_TOS, 0x10},
	{"IP_TTL", IPPROTO_IP, IP_TTL, 33},
	{"IP_FREEBIND", IPPROTO_IP, IP_FREEBIND, 1},
	{"IP_RECVERR", IPPROTO_IP, IP_RECVERR, 1},
	{"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO},
};

#define INTS (sizeof(ints) / sizeof(ints[0]))

static void print_all(int fd)
{
	struct linger linger = {0};
	struct timeval timeout = {0};
	char congestion[16] = "", device[16] = "";
	socklen_t length;

	for (size_t i = 0; i < INTS; i++)
		program_say(ints[i].text, get_int(fd, ints[i].level, ints[i].name));
	program_say("SO_SNDBUF", get_int(fd, SOL_SOCKET, SO_SNDBUF));
	program_say("SO_BUF_LOCK", get_int(fd, SOL_SOCKET, 72));
	length = sizeof(linger);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length);
	printf("SO_LINGER: %d %d\n", linger.l_onoff, linger.l_linger);
	length = sizeof(timeout);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &length);
	printf("SO_RCVTIMEO: %ld %ld\n", (long)timeout.tv_sec, (long)timeout.tv_usec);
	length = sizeof(congestion);
	getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &length);
	printf("TCP_CONGESTION: %s\n", congestion);
	length = sizeof(device);
	getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &length);
	printf("SO_BINDTODEVICE: %s\n", device);
	length = 0;
	SAY(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &length));
	printf("SO_GET_FILTER: %u\n", length);
	program_say("SO_LOCK_FILTER", get_int(fd, SOL_SOCKET, SO_LOCK_FILTER));
}

/* `set` is setsockopt, or a bare system call that no library sees. */
static void set_all(int fd, int (*set)(int, int, int, const void *, socklen_t))
{
	struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, 0xffff)};
	struct sock_fprog program = {.len = 1, .filter = all};
	struct linger linger = {.l_onoff = 1, .l_linger = 3};
	struct timeval timeout = {.tv_sec = 2, .tv_usec = 500000};
	int one = 1;

	for (size_t i = 0; i < INTS; i++)
		SAY(set(fd, ints[i].level, ints[i].name, &ints[i].value, sizeof(int)));
	SAY(set(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	SAY(set(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)));
	SAY(set(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	SAY(set(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	SAY(set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
	SAY(set(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)));
}

static int bare_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

int main(void)
{
	int fd;

	printf("-- nothing set\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind_port(fd, 3000));
	SAY(in_target(fd));
	print_all(fd);

	printf("-- by the library\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	set_all(fd, setsockopt);
	SAY(bind_port(fd, 3001));
	SAY(in_target(fd));
	print_all(fd);

	printf("-- by bare system calls\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	set_all(fd, bare_setsockopt);
	SAY(bind_port(fd, 3002));
	SAY(in_target(fd));
	print_all(fd);

	printf("-- the last one counts\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(set_int(fd, SOL_SOCKET, SO_RCVBUF, 20000));
	SAY(set_int(fd, SOL_SOCKET, SO_RCVBUF, 30000));
	SAY(set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	SAY(set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0));
	SAY(bind_port(fd, 3003));
	print_all(fd);

	printf("-- what one option did to another is undone\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(set_int(fd, IPPROTO_IP, IP_TOS, 0x10));
	SAY(set_int(fd, SOL_SOCKET, SO_PRIORITY, 0));
	SAY(bind_port(fd, 3004));
	print_all(fd);

	printf("-- and the last one, however it was set\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(set_int(fd, IPPROTO_IP, IP_TTL, 9));
	SAY(bare_setsockopt(fd, IPPROTO_IP, IP_TTL, &(int){20}, sizeof(int)));
	SAY(bind_port(fd, 3005));
	print_all(fd);

	printf("-- in the form of the newest one\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(set_int(fd, SOL_SOCKET, 65 /* SO_TIMESTAMPING_NEW */, 64));
	SAY(set_int(fd, SOL_SOCKET, SO_TIMESTAMP, 1));
	SAY(bind_port(fd, 3006));
	print_all(fd);

	printf("-- to an interface that does not exist\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(set_int(fd, SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, 4711));
	SAY(bind_to(fd, AF_INET, "0.0.0.0", 3007));
	SAY(get_int(fd, SOL_SOCKET, 62));
	return 0;
}
