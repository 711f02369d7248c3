/* SPDX-License-Identifier: MIT */
/*
 * What belongs to the open file and not to the socket, by each way to set it: O_NONBLOCK and
 * O_ASYNC by fcntl(2) and by ioctl(2), whom signals go to, and which.
 */
#include "tests/preload/program.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static unsigned port_next = 3000;

static const char *name_of(pid_t pid)
{
	if (pid == 0)
		return "nobody";
	if (pid == getpid())
		return "the process";
	if (pid == getpgrp() || pid == -getpgrp())
		return "the group";
	return "somebody else";
}

static void print_file(int fd)
{
	struct f_owner_ex owner = {.type = -1};
	int of_socket = -1;

	SAY(fcntl(fd, F_GETFL));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GETOWN_EX, &owner));
	printf("owner: %d %s\n", owner.type, name_of(owner.pid));
	SAY(ioctl(fd, FIOGETOWN, &of_socket));
	printf("FIOGETOWN: %s\n", name_of(of_socket));
	SAY(fcntl(fd, F_GETSIG));
}

/* ---- each sets something on a socket that is not bound yet ---- */

static void set_nothing(int fd)
{
}

static void set_fionbio(int fd)
{
	int on = 1;

	SAY(ioctl(fd, FIONBIO, &on));
}

static void set_fionbio_off(int fd)
{
	int off = 0;

	SAY(fcntl(fd, F_SETFL, O_NONBLOCK));
	SAY(ioctl(fd, FIONBIO, &off));
}

static void set_fioasync(int fd)
{
	int on = 1;

	SAY(ioctl(fd, FIOASYNC, &on));
}

static void set_fioclex(int fd)
{
	SAY(ioctl(fd, FIOCLEX));
}

static void set_flags(int fd)
{
	SAY(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC));
}

static void set_flags_bare(int fd)
{
	SAY(syscall(SYS_fcntl, fd, F_SETFL, O_NONBLOCK | O_ASYNC));
}

static void set_own(int fd)
{
	SAY(fcntl(fd, F_SETOWN, getpid()));
	SAY(fcntl(fd, F_SETSIG, SIGRTMIN + 3));
}

static void set_own_group(int fd)
{
	SAY(fcntl(fd, F_SETOWN, -getpgrp()));
}

static void set_own_thread(int fd)
{
	struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = getpid()};

	SAY(fcntl(fd, F_SETOWN_EX, &owner));
	SAY(fcntl(fd, F_SETSIG, SIGUSR1));
}

static void set_own_nobody(int fd)
{
	SAY(fcntl(fd, F_SETOWN, getpid()));
	SAY(fcntl(fd, F_SETOWN, 0));
}

static void set_fiosetown(int fd)
{
	int pid = getpid();

	SAY(ioctl(fd, FIOSETOWN, &pid));
}

static void set_siocspgrp(int fd)
{
	int group = -getpgrp();

	SAY(ioctl(fd, SIOCSPGRP, &group));
}

static const struct {
	const char *name;
	void (*set)(int fd);
} ways[] = {
	{"nothing", set_nothing},
	{"FIONBIO", set_fionbio},
	{"FIONBIO, off", set_fionbio_off},
	{"FIOASYNC", set_fioasync},
	{"FIOCLEX", set_fioclex},
	{"F_SETFL", set_flags},
	{"F_SETFL by a bare system call", set_flags_bare},
	{"F_SETOWN, F_SETSIG", set_own},
	{"F_SETOWN of a group", set_own_group},
	{"F_SETOWN_EX of a thread", set_own_thread},
	{"F_SETOWN of nobody", set_own_nobody},
	{"FIOSETOWN", set_fiosetown},
	{"SIOCSPGRP", set_siocspgrp},
};

/* ---- and what comes of it ---- */

/* SIGIO for a datagram, to the process or its group. */
static void signalled(void (*set)(int fd), int expected)
{
	static const struct timespec patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", port_next);
	siginfo_t info = {0};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, expected);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	set(fd);
	ioctl(fd, FIOASYNC, &on);
	SAY(bind_port(fd, port_next++));
	SAY(in_target(fd));
	bind_port(sender, port_next++);
	sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in));
	printf("signal: %d of %d\n", sigtimedwait(&signals, &info, &patience) == expected,
		expected);
	close(fd);
	close(sender);
}

int main(void)
{
	/* A group of its own: signals to it are for this process only. */
	setpgid(0, 0);
	signal(SIGIO, SIG_IGN);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		printf("-- %s\n", ways[i].name);
		ways[i].set(fd);
		SAY(bind_port(fd, port_next++));
		SAY(in_target(fd));
		print_file(fd);
	}
	signal(SIGIO, SIG_DFL);
	printf("-- signals\n");
	signalled(set_own, SIGRTMIN + 3);
	signalled(set_own_group, SIGIO);
	signalled(set_own_thread, SIGUSR1);
	signalled(set_siocspgrp, SIGIO);
	return 0;
}
