/* SPDX-License-Identifier: MIT */
/*
 * "sandboxed CALL ERRNO": a system call fails from now on, as in a sandbox, and then a listed port
 * is bound. CALL is a name below; "unix" is socket(2) for AF_UNIX alone.
 */
#include "tests/preload/program.h"
#include "tests/preload/seccomp.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

#define CALLS_MAX 4

/* The kernel's calls that one of libc may be. */
static const struct {
	const char *name;
	int numbers[CALLS_MAX];
} calls[] = {
	{"none", {-1}},
	{"unix", {SYS_socket}},
	{"connect", {SYS_connect}},
	{"receive", {SYS_recvmsg, SYS_recvmmsg, SYS_recvfrom}},
#ifdef SYS_open
	{"openat", {SYS_openat, SYS_open}},
	{"readlink", {SYS_readlinkat, SYS_readlink}},
	{"dup3", {SYS_dup3, SYS_dup2}},
	{"poll", {SYS_poll}},
#else
	{"openat", {SYS_openat}},
	{"readlink", {SYS_readlinkat}},
	{"dup3", {SYS_dup3}},
	{"poll", {SYS_ppoll}},
#endif
	{"getdents64", {SYS_getdents64}},
	{"getcpu", {SYS_getcpu}},
	{"ppoll", {SYS_ppoll}},
	{"statx", {SYS_statx}},
	{"sigprocmask", {SYS_rt_sigprocmask}},
};

int main(int argc, char **argv)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), second = dup(fd);
	int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 9};
	uint32_t value = argc > 1 && strcmp(argv[1], "unix") == 0 ? AF_UNIX : SECCOMP_ALWAYS;

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	for (size_t i = 0; argc > 2 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, argv[1]) != 0)
			continue;
		for (size_t j = 0; j < CALLS_MAX; j++) {
			if (calls[i].numbers[j] > 0)
				seccomp_refuse(calls[i].numbers[j], 0, value, atoi(argv[2]));
		}
		errno = 0;
		SAY(bind_port(fd, 3070));
		SAY(in_own(fd));
		SAY(in_own(second));
		SAY(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
		SAY(bind_port(second, 4070));
		return 0;
	}
	return 2;
}
