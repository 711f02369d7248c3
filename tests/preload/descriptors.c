/* SPDX-License-Identifier: MIT */
/*
 * What belongs to a descriptor or an open file: flags, owner, signal, duplicates, errno. With an
 * argument: what cannot be carried over.
 */
#include "tests/preload/program.h"
#include "tests/preload/seccomp.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static volatile sig_atomic_t signal_fd = -1;

static void handler(int number, siginfo_t *info, void *context)
{
	signal_fd = info->si_fd;
}

static void print_file(int fd)
{
	struct f_owner_ex owner = {0};

	printf("flags: %o\n", (unsigned)fcntl(fd, F_GETFL));
	printf("cloexec: %d\n", fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GETOWN_EX, &owner));
	printf("owner: %d %s\n", owner.type, owner.pid == getpid() ? "me" : owner.pid ? "?" : "-");
	SAY(fcntl(fd, F_GETSIG));
}

static void flags(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	printf("-- flags\n");
	errno = 1234;
	SAY(bind_port(fd, 3010));
	printf("errno: %d\n", errno);
	SAY(in_target(fd));
	print_file(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind_port(fd, 3011));
	print_file(fd);
}

static void signals(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
	struct f_owner_ex owner = {.type = F_OWNER_PID, .pid = getpid()};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", 3012);

	printf("-- a signal for each packet\n");
	sigaction(SIGRTMIN, &action, NULL);
	fcntl(fd, F_SETOWN_EX, &owner);
	fcntl(fd, F_SETSIG, SIGRTMIN);
	fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
	SAY(bind_port(fd, 3012));
	print_file(fd);
	SAY(bind_port(sender, 3013));
	SAY(sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in)));
	for (int i = 0; i < 200 && signal_fd < 0; i++)
		usleep(10000);
	printf("signal for the right descriptor: %d\n", signal_fd == fd);
}

static void duplicates(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), high = fcntl(fd, F_DUPFD_CLOEXEC, 300);
	int same = dup(fd), other = socket(AF_INET, SOCK_STREAM, 0);
	struct stat a, b;

	printf("-- duplicates\n");
	SAY(bind_port(fd, 3014));
	SAY(listen(high, 5));
	for (int i = 0; i < 3; i++) {
		int one = i == 0 ? fd : i == 1 ? high : same;

		fstat(fd, &a);
		fstat(one, &b);
		printf("same: %d\n", a.st_ino == b.st_ino);
		SAY(get_int(one, SOL_SOCKET, SO_ACCEPTCONN));
		SAY(fcntl(one, F_GETFD));
		SAY(in_target(one));
	}
	SAY(in_own(other));
}

static void beyond_limit(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), high = fcntl(fd, F_DUPFD, 600);
	struct rlimit before, now;

	getrlimit(RLIMIT_NOFILE, &before);
	now = before;
	now.rlim_cur = 500;
	setrlimit(RLIMIT_NOFILE, &now);
	SAY(bind_port(fd, 3015));
	SAY(in_own(fd));
	SAY(in_own(high));
	setrlimit(RLIMIT_NOFILE, &before);
	SAY(bind_port(fd, 3015));
	SAY(in_target(fd));
	SAY(in_target(high));
}

static void many(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), all[1000], wrong = 0;

	for (int i = 0; i < 1000; i++)
		all[i] = fcntl(fd, i % 2 ? F_DUPFD_CLOEXEC : F_DUPFD, 10);
	SAY(bind_port(fd, 3016));
	for (int i = 0; i < 1000; i++)
		wrong += !in_target(all[i]) || fcntl(all[i], F_GETFD) != i % 2;
	printf("wrong: %d\n", wrong);
}

/* The second of three descriptors cannot be replaced: the first one is put back. */
static void half_way(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), second = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	int third = dup(second), set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 77};

	SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, second, &event));
	/* As when the kernel is out of memory. */
	seccomp_refuse(SYS_dup3, 1, (uint32_t)second, ENOMEM);
	SAY(bind_port(fd, 3017));
	SAY(in_own(fd));
	SAY(in_own(second));
	SAY(in_own(third));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(second, F_GETFD));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, second, &event));
	SAY(bind_port(third, 4017));
	SAY(listen(fd, 5));
	SAY(get_int(second, SOL_SOCKET, SO_ACCEPTCONN));
}

int main(int argc, char **argv)
{
	int before = socket(AF_INET, SOCK_STREAM, 0), after;

	close(before);
	if (argc > 1) {
		if (strcmp(argv[1], "limit") == 0)
			beyond_limit();
		if (strcmp(argv[1], "many") == 0)
			many();
		if (strcmp(argv[1], "half") == 0)
			half_way();
		return 0;
	}
	flags();
	signals();
	duplicates();
	/* Nothing else is left open. */
	after = socket(AF_INET, SOCK_STREAM, 0);
	printf("descriptors: %d\n", after - before);
	return 0;
}
